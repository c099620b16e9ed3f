"""What grading found in one submission: the record that the feedback and the class page show.

The record lives in the metadata of the graded notebook, below the key `autograder`. Scores that
people may change by hand are in the gradebook.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
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
class Comparison:
    """What a function returned on one small input, beside the right values.

    Attributes:
        quantity: its name, such as `dLdW`.
        rows, columns: what the axes of the matrices count.
        right, returned: matrices of the same shape, row by row.
    """

    quantity: str
    rows: str
    columns: str
    right: tuple[tuple[float, ...], ...]
    returned: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class ExerciseFeedback:
    """What the diagnosis of one exercise says to the student.

    Attributes:
        exercise: name of the exercise, such as `bptt`.
        right: what the student's function gets right, in words.
        diagnosis: likely misconceptions, most likely first; empty for a right answer.
        paragraph: the friendly paragraph that opens the feedback page.
        heatmap_png: the |error| heatmap as base64 text, or None.
        comparison: the matrix that is furthest off, or None: for the class page.
    """

    exercise: str
    right: tuple[str, ...]
    diagnosis: tuple[DiagnosisRecord, ...]
    paragraph: str
    heatmap_png: str | None = None
    comparison: Comparison | None = None


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
        unfair: tests that the assignment's own solution fails: they are not scored.
        inside: tests that ran beside the student's code, where it could reach them.
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
    unfair: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

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
            known = {f.name: _tuples(metadata[f.name]) for f in fields(cls) if f.name in metadata}
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


def _tuples(value: Any) -> Any:
    """JSON's value with a tuple for each list in it."""
    if isinstance(value, dict):
        return {name: _tuples(each) for name, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _exercise(entry: Mapping[str, Any]) -> ExerciseFeedback:
    comparison = entry.get("comparison")
    return ExerciseFeedback(
        **{
            **entry,
            "diagnosis": tuple(DiagnosisRecord(**found) for found in entry["diagnosis"]),
            "comparison": comparison and Comparison(**comparison),
        }
    )
