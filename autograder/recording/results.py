"""What grading one submission found: the record that feedback and the class report are made from.

The record lives in one place, the metadata of the graded notebook
(`autograded/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb`, key `autograder`). A submission that could not be
graded has such a notebook too: the assignment with the reason at its top. Scores are not here:
the gradebook holds them, because people may change them by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from autograder.errors import AutograderError

Status = Literal["graded", "partly graded", "not gradable"]

METADATA_KEY = "autograder"


@dataclass(frozen=True)
class DiagnosisRecord:
    """One misconception that the student's returned values point at."""

    label: str
    family: str
    confidence: float
    message: str


@dataclass(frozen=True)
class ExerciseFeedback:
    """What the diagnosis of one exercise says to the student.

    Attributes:
        exercise: name of the exercise, such as `bptt`.
        right: what the student's function gets right, in words.
        diagnosis: likely misconceptions, most likely first; empty for a right answer.
        paragraph: the friendly paragraph that opens the feedback page.
        heatmap_png: the |error| heatmap as base64 text, or None.
    """

    exercise: str
    right: tuple[str, ...]
    diagnosis: tuple[DiagnosisRecord, ...]
    paragraph: str
    heatmap_png: str | None = None


@dataclass(frozen=True)
class SubmissionResult:
    """One student's notebook after grading.

    Attributes:
        student, assignment, notebook: their nbgrader ids.
        status: `graded`; `partly graded` when a cell timed out or died, so that its points are
            lost for a reason other than a wrong answer; `not gradable` when nothing could be run.
        reason: why the status is not `graded`, in words for the student and the instructor.
        seconds: wall time spent on this submission.
        tests: grade_id to [points, max points] as the autograder scored it; points is None for
            a cell that a person has to grade.
        exercises: the diagnosis of each exercise that was looked at.
        timed_out: whether a time limit was hit anywhere.
        sandboxed: False when the grader was told to run without a sandbox.
        fingerprint: digest of everything the grade depends on; equal means nothing changed.
    """

    student: str
    assignment: str
    notebook: str
    status: Status
    reason: str = ""
    seconds: float = 0.0
    tests: Mapping[str, tuple[float | None, float]] = field(default_factory=dict)
    exercises: tuple[ExerciseFeedback, ...] = ()
    timed_out: bool = False
    sandboxed: bool = True
    fingerprint: str = ""

    def to_metadata(self) -> dict[str, Any]:
        """The record as plain JSON values, for a notebook's metadata."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any]) -> SubmissionResult:
        """The record read back.

        Raises:
            AutograderError: the mapping is not such a record.
        """
        try:
            known = {f.name: metadata[f.name] for f in fields(cls) if f.name in metadata}
            if known["status"] not in get_args(Status):
                raise ValueError(f"unknown status {known['status']!r}")
            known["tests"] = {name: (got, most) for name, (got, most) in known["tests"].items()}
            known["exercises"] = tuple(_exercise(entry) for entry in known["exercises"])
            return cls(**known)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise AutograderError(
                f"The autograder's record in a graded notebook is damaged ({error!r}); "
                "grade that submission again with --force."
            ) from error


def with_points(
    result: SubmissionResult, scores: Mapping[str, float | None], points: Mapping[str, float]
) -> SubmissionResult:
    """The result with the points of its tests: grade_id to what was scored, and to the maximum."""
    return replace(result, tests={name: (got, points[name]) for name, got in scores.items()})


def _exercise(entry: Mapping[str, Any]) -> ExerciseFeedback:
    return ExerciseFeedback(
        exercise=entry["exercise"],
        right=tuple(entry["right"]),
        diagnosis=tuple(DiagnosisRecord(**found) for found in entry["diagnosis"]),
        paragraph=entry["paragraph"],
        heatmap_png=entry["heatmap_png"],
    )


def result_of(notebook: Path) -> SubmissionResult | None:
    """The record in one graded notebook; None when nothing of ours graded it.

    Raises:
        AutograderError: the file is not a notebook or its record is damaged.
    """
    try:
        metadata = json.loads(notebook.read_bytes())["metadata"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AutograderError(
            f"{notebook} is not a readable notebook ({error}); grade it again with --force."
        ) from error
    return (
        SubmissionResult.from_metadata(metadata[METADATA_KEY]) if METADATA_KEY in metadata else None
    )


def results_of(autograded: Path, assignment: str) -> Iterator[SubmissionResult]:
    """Every record below `autograded/*/ASSIGNMENT`, sorted by student and notebook."""
    for notebook in sorted(autograded.glob(f"*/{assignment}/*.ipynb")):
        result = result_of(notebook)
        if result is not None:
            yield result
