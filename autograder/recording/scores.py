"""From a graded notebook to points and comments, as nbgrader itself determines them."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nbformat
from nbgrader.utils import compute_checksum, determine_grade

from autograder.recording.results import SubmissionResult

Scores = dict[tuple[str, str], float | None]


@dataclass(frozen=True)
class Marks:
    """What the autograder says of one notebook.

    Attributes:
        scores: grade_id to points, None where a person has to decide.
        comments: grade_id of a solution to the automatic comment, None for no comment.
    """

    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None]


def marks_of(notebook: Mapping[str, Any], result: SubmissionResult) -> Marks:
    """Marks of a graded notebook, determined from its outputs by nbgrader itself."""
    scores: dict[str, float | None] = {}
    comments: dict[str, str | None] = {}
    note = _note(result)
    for given in notebook["cells"]:
        nbgrader = given["metadata"].get("nbgrader", {})
        if not (nbgrader.get("grade") or nbgrader.get("solution")):
            continue
        cell = nbformat.from_dict(given)
        name = nbgrader.get("grade_id", "")
        if nbgrader.get("grade"):
            graded = result.status != "not gradable"
            scores[name] = determine_grade(cell)[0] if graded else None
        if nbgrader.get("solution"):
            untouched = nbgrader["checksum"] == compute_checksum(cell)
            comments[name] = (
                "No response." if untouched and result.status != "not gradable" else None
            )
            if note:
                comments[name] = note
                note = ""  # said once, on the first solution
    return Marks(scores, comments)


def _note(result: SubmissionResult) -> str:
    notes = []
    if result.status == "not gradable":
        notes.append(f"Not graded: {result.reason}")
    elif result.status == "partly graded":
        notes.append(f"Partly graded: {result.reason}")
    if not result.sandboxed:
        notes.append("Graded without a sandbox (--allow-unsandboxed).")
    return html.escape(" ".join(notes), quote=False)


def scores_of(results: Sequence[SubmissionResult]) -> Scores:
    """The automatic scores that the graded notebooks of a submission claim."""
    return {
        (result.notebook, name): points
        for result in results
        for name, (points, _) in result.tests.items()
    }
