"""nbgrader preprocessor for `GenerateFeedback`: the student's page opens with what to look at.

It puts the diagnosis above the notebook and takes the hidden tests out of it. The page stays
nbgrader's own; this only changes the notebook that it is made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from traitlets import List

from authoring.exercises import without_any_markers
from autograder.recording.results import METADATA_KEY, ExerciseFeedback, SubmissionResult

__all__ = ["OpenWithDiagnosis"]

_CARD = (
    "border-left: 6px solid {colour}; background: #f6f8fa; color: #1f2328; padding: 0.8em 1.2em; "
    "margin: 0 0 1em 0; font-size: 16px; line-height: 1.5; max-width: 60em"
)
_RIGHT, _WRONG, _OPEN, _LOST = "#1a7f5a", "#d08700", "#8c959f", "#b3261e"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_ALL_HIDDEN = "# The tests of this cell are hidden."


class OpenWithDiagnosis(NbGraderPreprocessor):
    """Opens the page with one paragraph per exercise, and leaves hidden tests out of it."""

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
        for cell in nb.cells:
            if is_grade(cell) and not is_solution(cell) and cell.cell_type == "code":
                _hide_tests(cell)
        record = nb.metadata.get(METADATA_KEY)
        if record is not None:
            opening = _opening(SubmissionResult.from_metadata(record))
            nb.cells.insert(0, new_markdown_cell(opening, id="diagnosis"))
        return nb, resources


def _hide_tests(cell: NotebookNode) -> None:
    shown = without_any_markers(cell.source)
    hidden = {line.strip() for line in cell.source.split("\n")} - {
        line.strip() for line in shown.split("\n")
    }
    cell.source = shown.strip() or _ALL_HIDDEN
    for output in cell.outputs:
        if output.output_type == "error":
            # A traceback quotes the line that failed and its neighbours.
            output.traceback = [_without(hidden, text) for text in output.traceback]


def _without(hidden: set[str], text: str) -> str:
    kept = [
        line
        for line in text.split("\n")
        if not any(len(secret) > 3 and secret in _ANSI.sub("", line) for secret in hidden)
    ]
    return "\n".join(kept)


def _opening(result: SubmissionResult) -> str:
    return "\n".join(_cards(result))


def _cards(result: SubmissionResult) -> Iterator[str]:
    if result.status != "graded":
        what = "could not be graded" if result.status == "not gradable" else "was graded in part"
        words = f"Your notebook {what}. {result.reason}"
        yield _card("What happened to your submission", words, _LOST)
    elif result.reason:
        yield _card("About your submission", result.reason, _OPEN)
    for exercise in result.exercises:
        colour = _WRONG if exercise.diagnosis else _RIGHT if exercise.right else _OPEN
        yield _card(f"About your {exercise.exercise}", exercise.paragraph, colour, exercise)


def _card(title: str, words: str, colour: str, exercise: ExerciseFeedback | None = None) -> str:
    """One block of HTML without an empty line, which Markdown passes on as it stands."""
    picture = ""
    if exercise is not None and exercise.heatmap_png:
        alt = (
            f"Heatmap of the absolute difference between what your {exercise.exercise} returned "
            "and the right values, entry by entry; the brighter, the further off."
        )
        picture = (
            f'<p style="margin: 0.6em 0 0 0"><img style="background: white; max-width: 100%" '
            f'alt="{escape(alt)}" src="data:image/png;base64,{escape(exercise.heatmap_png)}"></p>'
            '<p style="font-size: 13px; margin: 0.3em 0 0 0">How far each entry is off, on one '
            "small input: dark is right, bright is furthest off.</p>"
        )
    # The words may quote an error message, which is the student's text: nothing of it is markup.
    said = escape(" ".join(words.split())).replace("$", "&#36;")
    return (
        f'<div style="{_CARD.format(colour=colour)}"><h3 style="margin: 0 0 0.4em 0; '
        f'font-size: 19px">{escape(title)}</h3><p style="margin: 0">{said}</p>{picture}</div>'
    )
