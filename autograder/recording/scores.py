"""From a graded notebook to points and comments, as nbgrader itself determines them."""

from __future__ import annotations

import html
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any

import nbformat
from nbgrader.utils import compute_checksum, determine_grade

from autograder.recording.results import METADATA_KEY, SubmissionResult


@dataclass(frozen=True)
class NotebookScores:
    """What the gradebook is told of one notebook.

    Attributes:
        scores: grade_id to points, None where a person has to decide.
        comments: grade_id of a solution to the automatic comment, None for no comment.
    """

    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None]


def score_notebook(
    notebook: MutableMapping[str, Any], result: SubmissionResult, points: Mapping[str, float]
) -> tuple[NotebookScores, SubmissionResult]:
    """Score a notebook by its outputs and put the complete record into its metadata.

    Args:
        notebook: nbformat 4, as the instructor structured it, with the outputs of its tests.
        result: what is known of it so far; its tests are not.
        points: grade_id of every graded cell to the most points that it gives.
    """
    scores: dict[str, float | None] = {}
    comments: dict[str, str | None] = {}
    gradable = result.status != "not gradable"
    note = _note(result)
    for given in notebook["cells"]:
        nbgrader = given["metadata"].get("nbgrader", {})
        if not (nbgrader.get("grade") or nbgrader.get("solution")):
            continue
        cell, name = nbformat.from_dict(given), nbgrader.get("grade_id", "")
        if nbgrader.get("grade"):
            fair = gradable and name not in result.unfair
            scores[name] = determine_grade(cell)[0] if fair else None
        if nbgrader.get("solution"):
            untouched = gradable and nbgrader["checksum"] == compute_checksum(cell)
            comments[name] = note or ("No response." if untouched else None)
            note = ""  # said once, on the first solution
    tests = {name: (got, points[name]) for name, got in scores.items()}
    complete = replace(result, tests=tests)
    notebook["metadata"][METADATA_KEY] = complete.to_metadata()
    return NotebookScores(scores, comments), complete


def _note(result: SubmissionResult) -> str:
    notes = []
    if result.status != "graded":
        how = "Not graded" if result.status == "not gradable" else "Partly graded"
        notes.append(f"{how}: {result.reason}")
    if not result.sandboxed:
        notes.append("Graded without a sandbox (--allow-unsandboxed).")
    return html.escape(" ".join(notes), quote=False)
