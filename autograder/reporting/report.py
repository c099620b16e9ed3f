"""The report on a class: `grades.json` for programs, one page for the instructor, a table to print.

Scores come from the gradebook, where people may have changed them; what the autograder found comes
from the records in the graded notebooks.
"""

from __future__ import annotations

import json
import os
import tempfile
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader import api
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.recording.results import DiagnosisRecord, Status, SubmissionResult, results_of

__all__ = ["Entry", "Report", "read_class", "score_table", "write_report"]

Points = tuple[float | None, float]
Tests = dict[str, Points]

# Characters of the terminal table's last column; the page and grades.json have the whole text.
_WIDEST = 100
_NO_RECORD = "Not graded by this autograder: run `autograder grade` to get a diagnosis."
_NOT_GRADED = "Handed in, but not graded yet: run `autograder grade`."
_WORST_FIRST: tuple[Status, ...] = ("not gradable", "partly graded", "graded")


@dataclass(frozen=True)
class Entry:
    """One student in the report.

    Attributes:
        student: nbgrader's id.
        name: first and last name, where the gradebook has them, else the id.
        score: points after manual grading and the penalty for late work.
        max_score: points that could be had.
        status, reason: as in `results.SubmissionResult`, the worst of the notebooks.
        tests: grade_id to points and maximum; None points where a person still has to grade.
        diagnosis: what the exercises look like, exercise by exercise.
        seconds: wall time of grading.
        pages: the student's feedback pages that exist.
    """

    student: str
    name: str
    score: float
    max_score: float
    status: Status
    reason: str
    tests: Tests
    diagnosis: tuple[DiagnosisRecord, ...]
    seconds: float
    pages: tuple[Path, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The entry as the contract of `grades.json` wants it."""
        return {
            "student": self.student,
            "score": self.score,
            "max_score": self.max_score,
            "status": self.status,
            "reason": self.reason,
            "tests": {name: list(points) for name, points in self.tests.items()},
            "diagnosis": [
                {
                    "label": found.label,
                    "family": found.family,
                    "confidence": found.confidence,
                    "message": found.message,
                }
                for found in self.diagnosis
            ],
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Report:
    """What `write_report` wrote."""

    grades: Path
    page: Path
    entries: tuple[Entry, ...]


def write_report(course: Course, assignment: str) -> Report:
    """Write `reports/ASSIGNMENT/grades.json` and `index.html`, replacing older ones whole.

    Raises:
        AutograderError: the assignment is unknown or nobody handed it in, a record is damaged,
            or a file cannot be written.
    """
    from autograder.reporting.class_page import render_page

    entries = read_class(course, assignment)
    folder = course.root / "reports" / assignment
    grades = json.dumps([entry.to_json() for entry in entries], indent=1, ensure_ascii=False)
    report = Report(folder / "grades.json", folder / "index.html", tuple(entries))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(report.grades, grades + "\n")
        _replace(report.page, render_page(assignment, entries, folder))
    except OSError as error:
        raise AutograderError(
            f"The report cannot be written to {folder}: {error.strerror or error}."
        ) from error
    return report


def read_class(course: Course, assignment: str) -> list[Entry]:
    """Everybody who handed the assignment in, sorted by student.

    Raises:
        AutograderError: the assignment is unknown or nobody handed it in, or a record is damaged.
    """
    records: dict[str, list[SubmissionResult]] = {}
    for result in results_of(course.autograded, assignment):
        records.setdefault(result.student, []).append(result)
    with course.open_gradebook() as gradebook:
        instructors = course.instructors(gradebook, assignment)
    order = [name for instructor in instructors for name in instructor.points]
    rows = _gradebook_rows(course, assignment, order)
    handed_in = {path.parent.name for path in course.submitted.glob(f"*/{assignment}")}
    students = sorted(handed_in | set(records) | {s for s, row in rows.items() if row.handed_in})
    if not students:
        raise AutograderError(
            f"Nobody has handed in {assignment}: {course.submitted} holds no STUDENT/{assignment}. "
            "Run `nbgrader collect`, or copy the submissions there."
        )
    feedback = course.root / str(course.directories.feedback_directory)
    blank = next(iter(rows.values()), _Row())
    return [
        _entry(student, rows.get(student, blank.ungraded()), records.get(student, []),
               tuple(sorted(feedback.glob(f"{student}/{assignment}/*.html"))))
        for student in students
    ]  # fmt: skip


@dataclass(frozen=True)
class _Row:
    """What the gradebook says of one student."""

    name: str = ""
    score: float = 0.0
    max_score: float = 0.0
    tests: Mapping[str, Points] | None = None
    handed_in: bool = False

    def ungraded(self) -> _Row:
        """The row of somebody whom the gradebook does not know."""
        tests = {name: (None, most) for name, (_, most) in (self.tests or {}).items()}
        return _Row(max_score=self.max_score, tests=tests)


def _entry(
    student: str, row: _Row, records: Sequence[SubmissionResult], pages: tuple[Path, ...]
) -> Entry:
    status: Status = "graded"
    reason = _NO_RECORD
    if records:
        status = min((record.status for record in records), key=_WORST_FIRST.index)
        reason = " ".join(record.reason for record in records if record.reason)
    elif not row.handed_in:
        status, reason = "not gradable", _NOT_GRADED
    return Entry(
        student=student,
        name=row.name or student,
        score=row.score,
        max_score=row.max_score,
        status=status,
        reason=reason,
        tests=dict(row.tests or {}),
        diagnosis=tuple(
            found for record in records for each in record.exercises for found in each.diagnosis
        ),
        seconds=round(sum(record.seconds for record in records), 3),
        pages=pages,
    )


def _gradebook_rows(course: Course, assignment: str, order: Sequence[str]) -> dict[str, _Row]:
    url = course.directories.db_url
    try:
        with closing(api.Gradebook(url, course.directories.course_id)) as gradebook:
            return _read_rows(gradebook, assignment, order)
    except SQLAlchemyError as error:
        raise AutograderError(f"The gradebook {url} cannot be read: {error}") from error


def _read_rows(gradebook: Any, assignment: str, order: Sequence[str]) -> dict[str, _Row]:
    """Student to row, in a handful of queries however large the class.

    Args:
        order: the grade_ids in the order of the notebook.
    """
    found = gradebook.find_assignment(assignment)
    grades = gradebook.db.execute(
        select(
            api.SubmittedAssignment.student_id,
            api.BaseCell.name,
            api.Grade.score,
            api.Grade.auto_score,
            api.Grade.manual_score,
            api.Grade.max_score,
        )
        .select_from(api.Grade)
        .join(api.SubmittedNotebook, api.SubmittedNotebook.id == api.Grade.notebook_id)
        .join(
            api.SubmittedAssignment,
            api.SubmittedAssignment.id == api.SubmittedNotebook.assignment_id,
        )
        .join(api.BaseCell, api.BaseCell.id == api.Grade.cell_id)
        .where(api.SubmittedAssignment.assignment_id == found.id)
    )
    tests: dict[str, Tests] = {}
    for student, cell, score, auto, manual, most in grades:
        decided = auto is not None or manual is not None
        tests.setdefault(student, {})[cell] = (float(score) if decided else None, float(most))
    submissions = gradebook.db.execute(
        select(
            api.SubmittedAssignment.student_id,
            api.SubmittedAssignment.score,
            api.SubmittedAssignment.late_submission_penalty,
            api.Student.first_name,
            api.Student.last_name,
        )
        .join(api.Student, api.Student.id == api.SubmittedAssignment.student_id)
        .where(api.SubmittedAssignment.assignment_id == found.id)
    )
    return {
        student: _Row(
            name=" ".join(part for part in (first, last) if part),
            # as nbgrader's own export: a penalty never makes a score negative
            score=max(0.0, float(score) - float(penalty or 0)),
            max_score=float(found.max_score),
            tests={name: tests[student][name] for name in order if name in tests[student]},
            handed_in=True,
        )
        for student, score, penalty, first, last in submissions
    }


def score_table(entries: Iterable[Entry]) -> Table:
    """The class as a table for the terminal."""
    table = Table(title="Scores")
    for heading in ("student", "score", "status", "looks like"):
        table.add_column(heading, justify="right" if heading == "score" else "left")
    for entry in entries:
        labels = dict.fromkeys(found.label for found in entry.diagnosis)
        seen = ", ".join(labels) or ("" if entry.status == "graded" else entry.reason)
        seen = textwrap.shorten(seen, _WIDEST, placeholder=" …")
        score = f"{entry.score:g} / {entry.max_score:g}"
        table.add_row(entry.student, score, entry.status, seen)
    return table


def _replace(path: Path, text: str) -> None:
    """Write the file so that whoever reads sees the old text or the new one."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}-", delete=False, encoding="utf-8"
    ) as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary = Path(handle.name)
    temporary.chmod(0o644)
    temporary.replace(path)
