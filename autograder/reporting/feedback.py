"""nbgrader preprocessor for `GenerateFeedback`: what the student's page is made from.

It takes the hidden tests out of the notebook and gathers what the page opens with; the page itself
is `pages/student_page`.
"""

from __future__ import annotations

from typing import Any

from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import List

from authoring.exercises import without_any_markers
from autograder.recording.results import METADATA_KEY, SubmissionResult
from autograder.reporting.opening import opening_of

_ALL_HIDDEN = "# The tests of this cell are hidden."


class OpenWithDiagnosis(NbGraderPreprocessor):
    """Puts the record and an `Opening` into the resources, and takes hidden tests out."""

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
        resources["opening"] = opening_of(nb, resources.get("waiting", ()))
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
