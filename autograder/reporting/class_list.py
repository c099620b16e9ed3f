"""The class: everybody who handed an assignment in, with score, status and diagnosis.

Scores come from the gradebook, where people may have changed them; what the autograder found comes
from the records in the graded notebooks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.recording.autograded import results_of
from autograder.recording.derived import pages_folder
from autograder.recording.gradebook import Gradebook, GradebookRow
from autograder.recording.results import Comparison, DiagnosisRecord, Status, SubmissionResult
from autograder.submission.instructor import read_instructors

_NO_RECORD = "Not graded by this autograder: run `autograder grade` to get a diagnosis."
_NOT_GRADED = "Handed in, but not graded yet: run `autograder grade`."
_WORST_FIRST: tuple[Status, ...] = ("not gradable", "partly graded", "graded")


@dataclass(frozen=True)
class Entry:
    """One student of the class.

    Attributes:
        student: nbgrader's id.
        name: first and last name, where the gradebook has them, else the id.
        score: points after manual grading and the penalty for late work.
        max_score: points of the whole assignment.
        status, reason: as in `results.SubmissionResult`, the worst of the notebooks.
        tests: grade_id to points and maximum; None points where a person still has to grade.
        inside: tests that ran beside the student's code, where it could reach them.
        diagnosis: what the exercises look like, exercise by exercise.
        comparisons: label to what the answer returned beside the right values, where the label is
            the only one of its exercise.
        seconds: wall time of grading.
        pages: the student's feedback pages that exist.
    """

    student: str
    name: str
    score: float
    max_score: float
    status: Status
    reason: str
    tests: dict[str, tuple[float | None, float]]
    inside: tuple[str, ...]
    diagnosis: tuple[DiagnosisRecord, ...]
    seconds: float
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    pages: Sequence[Path] = ()

    @property
    def labels(self) -> list[str]:
        """What the answers look like, each label once."""
        return list(dict.fromkeys(found.label for found in self.diagnosis))

    def to_json(self) -> dict[str, Any]:
        """The entry as the contract of `grades.json` wants it."""
        left_out = {"name", "pages", "comparisons"}
        return {name: value for name, value in asdict(self).items() if name not in left_out}


def decided(test: str, entries: Iterable[Entry]) -> list[float]:
    """The points of a test, of those who do not wait for a person to grade it."""
    return [points for entry in entries if (points := entry.tests[test][0]) is not None]


def read_class(course: Course, assignment: str) -> list[Entry]:
    """Everybody who handed the assignment in, sorted by student.

    Raises:
        AutograderError: the assignment is unknown, nobody handed it in, a record is damaged, or
            the gradebook cannot be read.
    """
    records: defaultdict[str, list[SubmissionResult]] = defaultdict(list)
    for result in results_of(course.folder("autograded"), assignment):
        records[result.student].append(result)
    with Gradebook.of(course) as gradebook:
        instructors = read_instructors(course, assignment, gradebook.released(assignment))
        rows = gradebook.rows(assignment)
    points = {name: most for each in instructors for name, most in each.points.items()}
    submitted = course.folder("submitted")
    handed_in = {path.parent.name for path in submitted.glob(f"*/{assignment}")}
    students = sorted(handed_in | set(records) | set(rows))
    if not students:
        raise AutograderError(
            f"Nobody has handed in {assignment}: {submitted} holds no STUDENT/{assignment}. "
            "Run `autograder collect`, or copy the submissions there."
        )
    entries = []
    for student in students:
        pages = sorted(pages_folder(course, assignment, student).glob("*.html"))
        entries.append(_entry(student, rows.get(student), records[student], points, pages))
    return entries


def _entry(
    student: str,
    row: GradebookRow | None,
    records: Sequence[SubmissionResult],
    points: Mapping[str, float],
    pages: Sequence[Path],
) -> Entry:
    status: Status = "graded" if row else "not gradable"
    reason = _NO_RECORD if row else _NOT_GRADED
    if records:
        status = min((record.status for record in records), key=_WORST_FIRST.index)
        reason = " ".join(record.reason for record in records if record.reason)
    row = row or GradebookRow("", 0.0, sum(points.values()), {})
    exercises = [each for record in records for each in record.exercises]
    return Entry(
        student=student,
        name=row.name or student,
        score=row.score,
        max_score=row.max_score,
        status=status,
        reason=reason,
        tests={name: row.tests.get(name, (None, most)) for name, most in points.items()},
        inside=tuple(name for record in records for name in record.inside),
        diagnosis=tuple(found for each in exercises for found in each.diagnosis),
        seconds=round(sum(record.seconds for record in records), 3),
        comparisons={
            each.diagnosis[0].label: each.comparison
            for each in exercises
            if len(each.diagnosis) == 1 and each.comparison
        },
        pages=pages,
    )
