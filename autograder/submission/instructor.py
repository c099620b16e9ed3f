"""The instructor's copy of a notebook as grading needs it: structure, tests, exports.

Put together from two sources. The gradebook recorded, when the assignment was released, which
cells there are, what they are worth and, for the locked ones, their whole source with the hidden
tests. The source notebook adds the order of the cells and what nbgrader has no field for: the
exercise a cell belongs to, what it exports, and which cells only demonstrate. Nothing here was
ever in a student's hands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from authoring.exercises import (
    AuthoringError,
    Exercise,
    read_exercises,
    source_of,
    without_any_markers,
)
from autograder.errors import AutograderError
from autograder.submission.bindings import Bindings, bindings_of, libraries_in
from autograder.submission.verdicts import Verdicts

if TYPE_CHECKING:  # nbgrader takes long to import, and a worker has no use for it
    from autograder.course import Course

MISCONCEPTIONS = "misconceptions.toml"


@dataclass(frozen=True)
class ReleasedCell:
    """A cell as the gradebook recorded it; `source` has the hidden tests but no solutions."""

    grade_id: str
    cell_type: Literal["code", "markdown"]
    source: str
    checksum: str
    locked: bool
    grade: bool
    solution: bool
    task: bool
    points: float | None


@dataclass(frozen=True)
class InstructorCell:
    """A released cell with what the source notebook says about it.

    Attributes:
        cell_id: nbformat's id of the cell.
        exercise: name of the exercise that the cell belongs to, as solution or as test.
        exports: names that the student's cell gives to the tests, such as `RNN.bptt`; only for
            the solution cell of an exercise that is blank in this release.
        demonstration: the cell only shows something and is not run by the grader.
        binds: what the instructor's own solution binds, for cells that students write and whose
            metadata does not say what they export.
        before: the ordinary cells of the instructor's between the known cell above and this one:
            what they bind, and the source of what they define; none where exports are declared.
    """

    released: ReleasedCell
    cell_id: str
    exercise: str | None
    exports: tuple[str, ...]
    demonstration: bool
    binds: Bindings = field(default_factory=Bindings)
    before: tuple[Bindings, ...] = ()

    @property
    def grade_id(self) -> str:
        return self.released.grade_id

    @property
    def is_code(self) -> bool:
        return self.released.cell_type == "code"

    @property
    def is_test(self) -> bool:
        """Graded by running it: the source is the instructor's."""
        return self.is_code and self.released.grade and not self.released.solution

    @property
    def is_fixed(self) -> bool:
        """The source is the instructor's, whatever the submission says."""
        return self.released.locked or self.is_test

    @property
    def visible_source(self) -> str:
        """The source without its hidden tests: what may be shown to a student."""
        source = self.released.source
        return without_any_markers(source) if self.is_code else source

    def is_hidden_line(self, number: int) -> bool:
        """Whether line `number` (from 1) of the source is part of a hidden test."""
        before = self.released.source.splitlines()[:number]
        opened = sum("BEGIN HIDDEN TESTS" in line for line in before)
        return opened > sum("END HIDDEN TESTS" in line for line in before)

    @property
    def nbgrader_metadata(self) -> dict[str, Any]:
        """The cell's `nbgrader` metadata as released (schema 3)."""
        metadata = {**vars(self.released), "schema_version": 3}
        del metadata["source"]
        if metadata["points"] is None:
            del metadata["points"]
        return metadata


@dataclass(frozen=True)
class InstructorNotebook:
    """Everything that grading one notebook of an assignment needs, as plain data for any machine.

    Attributes:
        cells: the cells that nbgrader knows, in the instructor's order.
        demonstrations: sources of other cells that only show something and are not run.
        metadata: kernelspec and language_info for the graded notebook.
        files: the assignment's other files, by relative path.
        reference: the source notebook with its solutions, each cell as `plain_cell` gives it.
        opening: sources of the cells that run before the first one that students write, where
            they need no other file: the same for every submission that leaves them as they are.
        misconceptions: what the diagnosis reads, by file name: the table of misconceptions and
            the notebook whose answers they edit; empty where the assignment has no such table.
        outdated: the tests that the source has changed, or given other points, since the release;
            they are run as they were released.
        verdicts: how each test is run; without an audit, all are run outside.
    """

    assignment: str
    name: str
    cells: tuple[InstructorCell, ...]
    demonstrations: frozenset[str]
    metadata: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)
    misconceptions: Mapping[str, bytes] = field(default_factory=dict)
    opening: tuple[str, ...] = ()
    reference: tuple[Mapping[str, Any], ...] = ()
    outdated: tuple[str, ...] = ()
    verdicts: Verdicts = field(default_factory=Verdicts)

    @cached_property
    def runs_outside(self) -> tuple[str, ...]:
        """The tests that run in the grader."""
        tests = (cell.grade_id for cell in self.cells if cell.is_test)
        return tuple(name for name in tests if self.verdicts.mode(name) == "outside")

    @cached_property
    def libraries(self) -> tuple[str, ...]:
        """Libraries that the notebook imports and whose values cross only then."""
        return libraries_in("\n".join(str(cell["source"]) for cell in self.reference))

    @cached_property
    def digest(self) -> str:
        """Digest of all that a grade depends on; students cannot know it (hidden tests)."""
        told = hashlib.sha256(repr((self.assignment, self.name, self.cells)).encode())
        told.update(repr((sorted(self.demonstrations), self.reference)).encode())
        for path, data in (*sorted(self.files.items()), *sorted(self.misconceptions.items())):
            told.update(f"{path}\0{len(data)}\0".encode() + data)
        return told.hexdigest()

    @property
    def exercises(self) -> tuple[InstructorCell, ...]:
        """The solution cells of the exercises that are blank in this release."""
        return tuple(cell for cell in self.cells if cell.exports)

    @property
    def points(self) -> dict[str, float]:
        """grade_id of every graded cell to the points it is worth."""
        return {c.grade_id: c.released.points for c in self.cells if c.released.points is not None}


def read_instructors(
    course: Course, assignment: str, released: Mapping[str, Sequence[ReleasedCell]]
) -> tuple[InstructorNotebook, ...]:
    """The instructor's copies of an assignment's notebooks, with the files that belong to it.

    Args:
        released: notebook name to its cells in any order, as `Gradebook.released` gives them.

    Raises:
        AutograderError: a source notebook is missing, unreadable, or lacks a released cell.
    """
    folder = course.folder("source") / assignment
    kept_back = (*course.directories.ignore, MISCONCEPTIONS, "*.ipynb")
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(path.match(pattern) for pattern in kept_back)
    }
    around = [_cells_around(course, which) for which in ("header", "footer")]
    return tuple(
        _read_instructor(folder / f"{name}.ipynb", assignment, cells, files, around)
        for name, cells in sorted(released.items())
    )


def _cells_around(course: Course, which: str) -> list[Any]:
    """The cells that nbgrader puts at the top or the end of every release of the course."""
    named = course.config.IncludeHeaderFooter.get(which)
    if not named:
        return []
    path = course.root / str(named)
    try:
        cells: list[Any] = json.loads(path.read_bytes())["cells"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AutograderError(
            f"The {which} {path}, which nbgrader_config.py names, cannot be read ({error})."
        ) from error
    return cells


def _read_instructor(
    source: Path,
    assignment: str,
    released: Sequence[ReleasedCell],
    files: Mapping[str, bytes],
    around: Sequence[list[Any]],
) -> InstructorNotebook:
    again = f"run `nbgrader generate_assignment {assignment}` again"
    try:
        notebook = json.loads(source.read_bytes())
        notebook["cells"] = [*around[0], *notebook["cells"], *around[1]]
        exercises = read_exercises(notebook, str(source))
        cells = {
            cell["metadata"]["nbgrader"]["grade_id"]: cell
            for cell in notebook["cells"]
            if "nbgrader" in cell["metadata"]
        }
    except (AuthoringError, OSError, ValueError, KeyError, TypeError) as error:
        raise AutograderError(
            f"The instructor's notebook {source} cannot be read ({error}). "
            f"Restore it, then {again}."
        ) from error

    recorded = {cell.grade_id: cell for cell in released}
    lacking = sorted(set(recorded) - set(cells))
    if lacking:
        raise AutograderError(
            f"{source} has no cell {', '.join(lacking)}, but the gradebook's release has; "
            f"if the notebook was changed on purpose, {again}."
        )
    known: dict[str, InstructorCell] = {}
    before: list[Bindings] = []
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in recorded:
            known[name] = _join(cell, recorded[name], exercises, tuple(before))
            before = []
        # tests of an assignment that says what its cells export need nothing else
        elif cell["cell_type"] == "code" and not exercises and not _is_demonstration(cell):
            before.append(bindings_of(source_of(cell)))
    shown = (
        source_of(cell)
        for cell in notebook["cells"]
        if _is_demonstration(cell) and "nbgrader" not in cell["metadata"]
    )
    # visible tests of functions that this release gives away: they only show that these work
    checks = (
        without_any_markers(source_of(notebook["cells"][test.index]))
        for exercise in exercises
        for test in exercise.tests
        if test.grade_id not in recorded
    )
    demonstrations = frozenset(source.strip() for source in (*shown, *checks))
    table = source.parent / MISCONCEPTIONS
    diagnosed_by = (table, source) if table.is_file() else ()
    metadata = notebook["metadata"]
    return InstructorNotebook(
        assignment=assignment,
        name=source.stem,
        cells=tuple(known.values()),
        demonstrations=demonstrations,
        opening=() if files else tuple(_opening(notebook["cells"], known, demonstrations)),
        metadata={key: metadata[key] for key in ("kernelspec", "language_info") if key in metadata},
        files=files,
        misconceptions={path.name: path.read_bytes() for path in diagnosed_by},
        reference=tuple(_reference_cell(cell) for cell in notebook["cells"]),
        outdated=tuple(
            name for name, cell in known.items() if cell.is_test and _differs(cell, cells[name])
        ),
    )


def _differs(test: InstructorCell, now: Mapping[str, Any]) -> bool:
    """Whether a test is not what was released; nbgrader writes AUTOTEST lines out."""
    if now["metadata"]["nbgrader"].get("points") != test.released.points:
        return True
    return source_of(now) != test.released.source and "AUTOTEST" not in source_of(now)


def _reference_cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    source, nbgrader = source_of(cell), cell["metadata"].get("nbgrader", {})
    if cell["cell_type"] == "code":
        source = without_any_markers(source)
    plain = {"cell_type": cell["cell_type"], "source": source}
    return {**plain, "grade_id": nbgrader["grade_id"]} if "grade_id" in nbgrader else plain


def _opening(
    cells: Sequence[Mapping[str, Any]],
    known: Mapping[str, InstructorCell],
    demonstrations: frozenset[str],
) -> Iterator[str]:
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        source, nbgrader = source_of(cell), cell["metadata"].get("nbgrader")
        if nbgrader is None:
            if source.strip() not in {"", *demonstrations}:
                yield source
        elif (released := known.get(nbgrader["grade_id"])) is not None:
            if not released.is_fixed:
                return
            if not released.is_test and not released.demonstration:
                yield released.released.source


def _is_demonstration(cell: Mapping[str, Any]) -> bool:
    return "demonstration" in cell["metadata"].get("tags", [])


def _join(
    cell: Mapping[str, Any],
    released: ReleasedCell,
    exercises: Sequence[Exercise],
    before: tuple[Bindings, ...],
) -> InstructorCell:
    own = [
        exercise
        for exercise in exercises
        if released.grade_id in {exercise.grade_id, *(test.grade_id for test in exercise.tests)}
    ]
    # The release locks the functions that it gives away: those stay the instructor's.
    blank = own and released.grade_id == own[0].grade_id and not released.locked
    joined = InstructorCell(
        released=released,
        cell_id=cell.get("id", ""),
        exercise=own[0].name if own else None,
        exports=own[0].exports if blank else (),
        demonstration=_is_demonstration(cell) and not released.grade,
        before=before,
    )
    if joined.exports or joined.is_fixed or not joined.is_code:
        return joined
    return replace(joined, binds=bindings_of(without_any_markers(source_of(cell))))
