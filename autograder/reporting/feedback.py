"""nbgrader preprocessor for `GenerateFeedback`: what the student's page is made from.

It takes the hidden tests out of the notebook and gathers what the page opens with: the diagnosis,
and where the points are, by the tests' names. The page itself is `pages/student_page`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import takewhile
from typing import Any

from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import List

from authoring.exercises import without_any_markers
from autograder.recording.results import METADATA_KEY, SubmissionResult

_ALL_HIDDEN = "# The tests of this cell are hidden."
# nbgrader's own buttons call a cell `cell-` and a random number.
_NAMELESS = re.compile(r"cell-?[0-9a-f]{6,}|")


class OpenWithDiagnosis(NbGraderPreprocessor):
    """Puts what the page opens with into the resources, and takes hidden tests out."""

    # nbconvert's HTML exporter sets this on every preprocessor; nbgrader's base class hides it.
    display_data_priority = List(NbGraderPreprocessor.display_data_priority.default()).tag(
        config=True
    )

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Give back the notebook that the student's page is made from.

        Raises:
            AutograderError: the record in the notebook's metadata is damaged.
        """
        record = nb.metadata.get(METADATA_KEY)
        resources["result"] = None if record is None else SubmissionResult.from_metadata(record)
        groups, comments = _where_the_points_are(nb, resources.get("waiting", ()))
        resources.update(groups=groups, comments=comments)
        for cell in nb.cells:
            if is_grade(cell) and not is_solution(cell) and cell.cell_type == "code":
                _hide_tests(cell)
        return nb, resources


def _hide_tests(cell: NotebookNode) -> None:
    shown = without_any_markers(cell.source)
    hidden = _lines(cell.source) - _lines(shown)
    cell.source = shown.strip() or _ALL_HIDDEN
    for output in cell.outputs:
        if output.output_type == "error":
            # A traceback quotes the line that failed and its neighbours.
            output.traceback = [_without(hidden, text) for text in output.traceback]


def _lines(source: str) -> set[str]:
    return {line.strip() for line in source.split("\n")}


def _without(hidden: set[str], text: str) -> str:
    return "\n".join(
        line
        for line in text.split("\n")
        if not any(len(secret) > 3 and secret in strip_ansi(line) for secret in hidden)
    )


def _where_the_points_are(
    nb: NotebookNode, waiting: Collection[str]
) -> tuple[dict[str, list[NotebookNode]], dict[str, str]]:
    """Say in nbgrader's metadata of each cell what the page calls it. Hidden tests are not used.

    A cell gets a `name` and `about`: of a test, the comment that it begins with, and a name without
    that of its answer, which stands above it. One with points gets `is_open`: nobody graded it yet.

    Args:
        nb: the graded notebook with nbgrader's points, maxima and comments.
        waiting: grade_ids that a person still has to grade.

    Returns:
        Name of an answer, or "", to what is said of the cells that give points for it, in the
        order of the notebook; and grade_id to name of the answers that have a comment.
    """
    groups: dict[str, list[NotebookNode]] = {}
    comments: dict[str, str] = {}
    group, answers, tests = "", 0, 0
    for cell in nb.cells:
        facts: Any = cell.metadata.get("nbgrader") or {}
        is_code = cell.cell_type == "code"
        if facts.get("solution") or facts.get("task"):
            answers += 1
            readable = _readable(facts.grade_id)
            group = readable if is_code else group
            facts.name, facts.about = readable or f"answer {answers}", "graded by a person"
            if facts.get("comment"):
                comments[facts.grade_id] = facts.name
        elif facts.get("grade"):
            tests += 1
            readable = _readable(facts.grade_id).removeprefix(f"{group} ")
            facts.name, facts.about = readable or f"test {tests}", _first_comment(cell.source)
        if facts.get("grade") or facts.get("task"):
            facts.is_open = facts.grade_id in waiting
            groups.setdefault(group if is_code else "Written answers", []).append(facts)
    return groups, comments


def _readable(grade_id: str) -> str:
    """`bptt-side-effects` as words; "" for the names that nbgrader makes up."""
    return "" if _NAMELESS.fullmatch(grade_id) else re.sub(r"[-_]+", " ", grade_id).strip()


def _first_comment(source: str) -> str:
    """The comment that a test begins with, as one line of text."""
    lines = takewhile(re.compile(r"#(?!##|!)").match, source.strip().split("\n"))
    return " ".join(line.lstrip("#").strip() for line in lines).strip()
