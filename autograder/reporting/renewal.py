"""Feedback pages that are no longer true are made anew, by nbgrader; the others stay.

Each page ends with a digest of all that it was made from. `FeedbackExporter` compares, and takes
away what differs, before nbgrader decides which pages to make: it makes those that are not there.
So `autograder feedback` and `nbgrader generate_feedback` do the same.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import MarkdownWithMath
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from nbgrader.converters.base import NbGraderException
from traitlets.config import Config

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.options import options_explained
from autograder.recording.autograded import remove_folder
from autograder.recording.derived import has_report, pages_folder, remove_derived, remove_report
from autograder.recording.gradebook import Gradebook
from autograder.reporting import feedback, formulas
from autograder.reporting.report import is_current

_PAGES = Path(__file__).parent / "pages"
_OUR_PAGE = {
    "template_name": "student_page",
    "extra_template_basedirs": [str(_PAGES)],
    "extra_template_paths": [str(_PAGES)],
}
_DIGEST = re.compile(rb"<!-- made from ([0-9a-f]{64}) -->\s*\Z")


@dataclass(frozen=True)
class Renewal:
    """Students by what becomes of their pages.

    Attributes:
        renewed: pages that were not there or no longer true.
        unchanged: pages that stay as they are.
        removed: pages of students of whom no submission is graded any more.
    """

    renewed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class FeedbackExporter(HTMLExporter):
    """Takes away the pages that are no longer true, and writes its digest into each new one.

    nbgrader makes one exporter for a run, before it looks which pages are there. In place of
    nbgrader's own template it uses ours; one that `HTMLExporter.template_name` chooses stays.

    Raises:
        NbGraderException: the gradebook cannot be read, or a penalty not be computed.
    """

    renewal = Renewal()

    def __init__(self, config: Config | None = None, **options: Any) -> None:
        config = deepcopy(config or Config())
        if config.HTMLExporter.get("template_name", "feedback") == "feedback":
            config.merge({"FeedbackExporter": _OUR_PAGE})
        super().__init__(config=config, **options)
        self._digests: dict[tuple[str, str], str] = {}
        self._waiting: dict[tuple[str, str], frozenset[str]] = {}
        if isinstance(self.parent, GenerateFeedback):
            try:
                self.renewal = self._take_away(self.parent)
            except AutograderError as error:
                self.log.error("%s", error)
                raise NbGraderException(str(error)) from error

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page with its digest at the end: one that was cut off has none."""
        resources = self._init_resources(resources)
        asked = resources.get("nbgrader", {})
        which = asked.get("student"), asked.get("notebook")
        resources["waiting"] = self._waiting.get(which, frozenset())
        page, resources = super().from_notebook_node(nb, resources, **options)
        digest = self._digests.get(which)
        return page + (f"\n<!-- made from {digest} -->\n" if digest else ""), resources

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        """nbconvert's filter, with formulas that need no network."""
        attachments = context.get("cell", {}).get("attachments", {})
        renderer = formulas.FormulaRenderer(
            escape=False, attachments=attachments, anchor_link_text=self.anchor_link_text
        )
        return str(MarkdownWithMath(renderer=renderer).render(source))

    def _take_away(self, converter: GenerateFeedback) -> Renewal:
        directories = converter.coursedir
        course, assignment = Course(converter.config, directories), directories.assignment_id
        folders = {Path(folder).parent.name: folder for folder in converter.assignments}
        with Gradebook.of(course) as gradebook:
            # Points given by hand change a penalty that is a share of them, as a moved date does.
            for student in folders if gradebook.may_be_late(assignment) else ():
                first = partial(remove_derived, course, assignment, student)
                gradebook.renew_penalty(assignment, student, course.late_penalty, first)
            shown, self._waiting = gradebook.shown(assignment), gradebook.waiting(assignment)
        if has_report(course, assignment) and not is_current(course, assignment):
            remove_report(course, assignment)
            again = f"`autograder report {assignment}` makes it again"
            self.log.warning("The report is no longer true and was removed; %s.", again)
        for student in folders.keys() - {student for student, _ in shown}:
            # It would end with an error: the gradebook no longer knows this student.
            del converter.assignments[folders.pop(student)]
        look = _look(self, converter)
        renewed, unchanged = [], []
        for student in sorted(folders.keys() - {*directories.student_id_exclude.split(",")}):
            wanted = {}
            for notebook in map(Path, converter.assignments[folders[student]]):
                which = student, notebook.stem
                waiting = sorted(self._waiting.get(which, ()))
                made_from = (look, notebook.read_bytes(), shown.get(which), waiting)
                wanted[notebook.stem] = hashlib.sha256(repr(made_from).encode()).hexdigest()
                self._digests[which] = wanted[notebook.stem]
            pages = pages_folder(course, assignment, student)
            if _keep_if_true(pages, wanted, directories.notebook_id):
                unchanged.append(student)
            else:
                renewed.append(student)
        removed = _remove_others(course, assignment, graded=folders)
        return Renewal(tuple(renewed), tuple(unchanged), removed)


def renew_feedback(course: Course, assignment: str) -> Renewal:
    """Let nbgrader make the feedback pages that are not there or no longer true.

    Raises:
        AutograderError: nothing is graded, or a page could not be made; the others are.
    """
    with Gradebook.of(course) as gradebook:
        gradebook.released(assignment)  # says so where the assignment is unknown
    if not any(course.folder("autograded").glob(f"*/{assignment}/*.ipynb")):
        removed = _remove_others(course, assignment, graded=())
        if not removed:
            raise AutograderError(
                f"No submission of {assignment} is graded. Run `autograder grade {assignment}`."
            )
        return Renewal(removed=removed)
    course.directories.assignment_id = assignment
    with options_explained():
        converter = GenerateFeedback(coursedir=course.directories, config=course.config)
        converter.exporter_class = FeedbackExporter
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setLevel(logging.ERROR)
    converter.log.addHandler(handler)
    try:
        converter.start()
    except NbGraderException as error:
        raise AutograderError(_why(said.getvalue(), error)) from error
    finally:
        converter.log.removeHandler(handler)
    renewal: Renewal = converter.exporter.renewal
    return renewal


def _why(log: str, error: NbGraderException) -> str:
    """In a sentence, what nbgrader says in tracebacks."""
    students = re.findall(r"processing assignment '.*' for student '(.*)'", log)
    if not students:
        return str(error)
    (*_, reason) = re.findall(r"^[\w.]+: .*", log, re.MULTILINE) or [str(error)]
    return (
        f"The pages of {', '.join(students)} could not be made: {reason}. The others are made; "
        "grade these again with --force."
    )


def _look(exporter: FeedbackExporter, converter: GenerateFeedback) -> str:
    """What every page depends on: options, templates, programs."""
    preprocessors = [str(getattr(each, "__name__", each)) for each in converter.preprocessors]
    options = [exporter.config.get(name.rpartition(".")[2]) for name in preprocessors]
    folders = [Path(base, exporter.template_name) for base in exporter.extra_template_basedirs]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    ours = [Path(str(each.__file__)) for each in (feedback, formulas)]
    return repr(
        (
            sorted(exporter.trait_values(config=True).items()),
            [*zip(preprocessors, options, strict=True)],
            [path.read_bytes() for path in (*files, *ours, _PAGES / "colours.css")],
            [version(package) for package in ("latex2mathml", "nbgrader", "nbconvert")],
        )
    )


def _keep_if_true(folder: Path, wanted: Mapping[str, str], notebook: str) -> bool:
    """Whether these pages are there and were made from the same; if not, they are no more."""
    # With --notebook, nbgrader looks at that notebook's pages alone.
    pages = [page for page in folder.glob("*.html") if notebook == "*" or page.stem in wanted]
    digests = {page.stem: _DIGEST.search(page.read_bytes()) for page in pages}
    if {name: found and found[1].decode() for name, found in digests.items()} == wanted:
        return True
    for page in pages:
        page.unlink()
    if notebook == "*":
        remove_folder(folder)
    return False


def _remove_others(course: Course, assignment: str, graded: Collection[str]) -> tuple[str, ...]:
    """Take away the pages of all whose work is not graded; whose they were."""
    chosen = course.directories.student_id
    folders = course.folder("feedback").glob(f"*/{assignment}")
    gone = {path.parent.name for path in folders if fnmatch(path.parent.name, chosen)} - set(graded)
    for student in gone:
        remove_folder(pages_folder(course, assignment, student))
    return tuple(sorted(gone))
