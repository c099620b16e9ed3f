"""From source notebook to release, through nbgrader's own converter.

`SelectExercises` stands first in `c.GenerateAssignment.preprocessors`. It rewrites the instructor's
notebook into one that nbgrader's own preprocessors turn into the release: every line to hide lies
in a plain nbgrader solution region, and what is not asked has lost its points and hidden tests.
`build_release` runs that converter so that a failure never costs the release that is there.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Dict, Enum, List, TraitError, Unicode, validate
from traitlets.config import Config

from authoring.blanks import select
from authoring.course import Course, read_notebook, staged
from authoring.errors import AuthoringError
from authoring.markers import LEVELS, Level

_NO_ADDRESS = 'STUDENTS_ZIP = ""'
"""The line of a source notebook in which a release says where `course-students.zip` is."""


def names_in(text: str) -> list[str]:
    """The names in a command line value: `bptt,sgd_step` and `['bptt', 'sgd_step']` alike."""
    return [name for part in text.strip("[]() ").split(",") if (name := part.strip(" '\""))]


class _Names(List):
    """A list of names that the command line may give separated by commas, or one by one."""

    def validate(self, obj: Any, value: Any) -> Any:
        return super().validate(obj, names_in(value) if isinstance(value, str) else value)

    def from_string(self, s: str) -> list[str]:
        return names_in(s)

    def from_string_list(self, s_list: Sequence[str]) -> list[str]:
        return [name for text in s_list for name in names_in(text)]


class SelectExercises(NbGraderPreprocessor):
    """nbgrader preprocessor that applies `select` with the course's configuration.

    It also fills in where the students' zip can be downloaded.

    Inside nbgrader's converter it looks at every source notebook as soon as it is made, because
    the converter deletes the previous release before it runs the first preprocessor: a mistyped
    name must not cost the release that students already have.
    """

    blanks = _Names(
        Unicode(),
        help="Names of the functions that students write, e.g. bptt,sgd_step; if none are given, "
        "those that default_blanks says.",
    ).tag(config=True)

    default_blanks = Dict(
        key_trait=Unicode(),
        value_trait=List(Unicode(), minlen=1),
        help="Assignment to the names of the functions that students write there; in an "
        "assignment that is not named, all of them.",
    ).tag(config=True)

    level = Enum(
        LEVELS,
        default_value="guided",
        help="How much help a blank gives: guided (commented steps), standard (signature and "
        "accumulators) or open (signature and docstring).",
    ).tag(config=True)

    students_zip = Unicode(
        help="Address (https://…) that gives course-students.zip, from which a notebook installs "
        "the course's package where it is missing, as in Colab; if none is given, students upload "
        "the zip there.",
    ).tag(config=True)

    @validate("students_zip")
    def _is_an_address(self, proposal: Mapping[str, Any]) -> str:
        address: str = proposal["value"].strip()
        if address and not re.fullmatch(r"https?://[^\s\"\\]+", address):
            raise TraitError(
                f"SelectExercises.students_zip is {address!r}, which is no address: one begins "
                "with https:// and has no spaces or quotation marks."
            )
        return address

    def __init__(self, **kwargs: Any) -> None:
        try:
            super().__init__(**kwargs)
            converter = getattr(self.parent, "parent", None)
            for paths in getattr(converter, "assignments", {}).values():
                for path in map(Path, paths):
                    chosen = self._chosen(path.parent.name)
                    select(read_notebook(path), chosen, self.level, str(path))
        except (AuthoringError, TraitError) as error:
            self.log.error("%s", error)
            raise NbGraderException(str(error)) from error

    def _chosen(self, assignment: str) -> list[str] | None:
        """What the configuration blanks in an assignment; None: everything that can be."""
        chosen: list[str] | None = self.blanks or self.default_blanks.get(assignment)
        return chosen

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Apply the choice to one notebook (nbgrader calls this)."""
        told = resources.get("nbgrader", {})
        chosen = self._chosen(told.get("assignment", ""))
        nb = select(nb, chosen, self.level, told.get("notebook", "notebook"))
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.source = cell.source.replace(
                    _NO_ADDRESS, f'{_NO_ADDRESS[:-1]}{self.students_zip}"'
                )
        return nb, resources


def build_release(
    course: Course,
    assignment: str,
    *,
    blanks: Sequence[str] | None = None,
    level: Level | None = None,
    output: Path | None = None,
) -> Path:
    """Build one assignment's release with nbgrader's converter and the course's configuration.

    Args:
        blanks: names of the functions that students write; None: what the configuration says.
        level: how much help their blanks give; None: what the configuration says.
        output: folder to build under instead of the course's release folder. Such a build is for
            looking at: the gradebook is told nothing of it.

    Returns:
        The folder of the built assignment.

    Raises:
        AuthoringError: nbgrader refused; the release that was there is untouched.
    """
    course.notebooks(assignment)
    config = course.config()
    if blanks is not None:
        config.SelectExercises.blanks = list(blanks)
    if level is not None:
        config.SelectExercises.level = level
    if output is not None:
        config.GenerateAssignment.no_database = True
        config.SaveCells.enabled = False
        config.GenerateAssignment.post_convert_hook = None
    destination = (output or course.release) / assignment
    with staged(destination) as folder:
        config.CourseDirectory.release_directory = str(folder.parent)
        config.CourseDirectory.assignment_id = assignment
        _convert(config, course.root)
    return destination


def _convert(config: Config, root: Path) -> None:
    coursedir = CourseDirectory(config=config, root=str(root))
    converter = GenerateAssignment(coursedir=coursedir, config=config)
    logged = BufferingHandler(capacity=1000)
    # nbgrader logs what went wrong and then raises only that something did.
    level, propagate = converter.log.level, converter.log.propagate
    converter.log.setLevel(logging.ERROR)
    converter.log.propagate = False
    converter.log.addHandler(logged)
    try:
        converter.start()
    except NbGraderException as error:
        reason = str(error.__cause__ or _reason(logged.buffer) or error)
        if "submissions associated" in reason:
            assignment = config.CourseDirectory.assignment_id
            reason = (
                f"{assignment} has been handed in, so its graded cells must stay what they were. "
                "Give the --blanks of the first release again; for other blanks, release a copy of "
                f"{config.CourseDirectory.get('source_directory', 'source')}/{assignment} under "
                "another name, or in another course folder."
            )
        raise AuthoringError(reason) from error
    finally:
        converter.log.removeHandler(logged)
        converter.log.setLevel(level)
        converter.log.propagate = propagate


def _reason(logged: Sequence[logging.LogRecord]) -> str:
    """The last line of the logged traceback, the error itself; without one, the first message."""
    messages = [record.getMessage() for record in logged]
    tracebacks = [
        text.strip().splitlines()[-1] for text in messages if text.startswith("Traceback")
    ]
    return next(iter(tracebacks + messages), "")
