"""nbgrader's gradebook: what it recorded of a release, and the class's grades, read and written.

There is one engine for the whole run and one transaction per submission: whenever the grader is
killed, the gradebook has a submission's old grades or its new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

from nbgrader import api
from nbgrader.utils import parse_utc
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload, undefer
from sqlalchemy.sql.base import ExecutableOption

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.recording.database import explained, open_gradebook
from autograder.recording.scores import NotebookScores
from autograder.recording.submitted import (
    LatePolicy,
    complete_submission,
    find_submission,
    penalise,
    points_of,
    write_notebook,
)
from autograder.submission.instructor import ReleasedCell

Scores = dict[tuple[str, str], float | None]
"""(notebook, grade_id) to the automatic score."""


@dataclass(frozen=True)
class Change:
    """A student's points, after manual grading and the penalty for late work.

    Attributes:
        before: None where nothing was on record.
    """

    student: str
    before: float | None
    after: float

    @property
    def gain(self) -> float:
        """Points gained on what was on record; negative for points lost."""
        return 0.0 if self.before is None else self.after - self.before

    def __str__(self) -> str:
        return f"{self.student}: {self.before or 0:g} → {self.after:g} points ({self.gain:+g})"


@dataclass(frozen=True)
class GradebookRow:
    """What the gradebook says of one student who handed an assignment in.

    Attributes:
        name: first and last name; empty where the gradebook has none.
        score: points after manual grading and the penalty for late work, never negative.
        max_score: points of the whole assignment.
        tests: grade_id to points and maximum; None points where a person still has to grade.
    """

    name: str
    score: float
    max_score: float
    tests: Mapping[str, tuple[float | None, float]]


class Gradebook:
    """The course's gradebook, open for the length of a run.

    Every method raises an `AutograderError` where the gradebook cannot be used or does not know
    the assignment.

    Args:
        url: SQLAlchemy's URL of the database.
        course: nbgrader's course id.

    Raises:
        AutograderError: there is no database, or it cannot be opened.
    """

    def __init__(self, url: str, course: str) -> None:
        self._url = url
        self._nbgrader = open_gradebook(url, course)
        self._db = self._nbgrader.db

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._nbgrader.close()

    @classmethod
    def of(cls, course: Course) -> Self:
        """The gradebook of a course."""
        return cls(course.directories.db_url, course.directories.course_id)

    def assignments(self) -> list[str]:
        """Names of the assignments that were released, in order."""
        with self._transaction():
            return sorted(each.name for each in self._nbgrader.assignments if each.notebooks)

    def students(self) -> list[dict[str, str]]:
        """Every student of the course, as `student_row` gives them."""
        with self._transaction():
            return [student_row(student) for student in self._nbgrader.students]

    def released(self, assignment: str) -> dict[str, list[ReleasedCell]]:
        """Notebook name to its cells as they were released."""
        with self._transaction():
            found = self._assignment(assignment)
            return {notebook.name: _released_cells(notebook) for notebook in found.notebooks}

    def recorded(self, assignment: str) -> dict[str, Scores]:
        """Student to the automatic scores on record."""
        with self._transaction():
            return {
                submission.student_id: {
                    (notebook.name, grade.name): grade.auto_score
                    for notebook in submission.notebooks
                    for grade in notebook.grades
                }
                for submission in self._submissions(assignment)
            }

    def rows(self, assignment: str) -> dict[str, GradebookRow]:
        """Student to what the gradebook says of them, for everybody who handed in."""
        with self._transaction():
            most = float(self._assignment(assignment).max_score)
            return {
                submission.student_id: _row(submission, most)
                for submission in self._submissions(
                    assignment,
                    undefer(api.SubmittedAssignment.score),
                    undefer(api.SubmittedAssignment.late_submission_penalty),
                    joinedload(api.SubmittedAssignment.student),
                )
            }

    def shown(self, assignment: str) -> dict[tuple[str, str], tuple[Any, ...]]:
        """(student, notebook) to all that a feedback page shows of the gradebook.

        That is the penalty for late work and, cell by cell, points, maximum and comment, as plain
        values in a fixed order.
        """
        notebooks = selectinload(api.SubmittedAssignment.notebooks)
        comments = notebooks.selectinload(api.SubmittedNotebook.comments)
        with self._transaction():
            return {
                (submission.student_id, notebook.name): (
                    notebook.late_submission_penalty,
                    *sorted((one.name, one.score, one.cell.max_score) for one in notebook.grades),
                    *sorted((one.name, one.comment) for one in notebook.comments),
                )
                for submission in self._submissions(assignment, comments)
                for notebook in submission.notebooks
            }

    def waiting(self, assignment: str) -> dict[tuple[str, str], frozenset[str]]:
        """(student, notebook) to the cells that a person still has to grade."""
        with self._transaction():
            return {
                (submission.student_id, notebook.name): frozenset(
                    grade.name for grade in notebook.grades if not _is_decided(grade)
                )
                for submission in self._submissions(assignment)
                for notebook in submission.notebooks
            }

    def write(
        self,
        assignment: str,
        student: str,
        timestamp: str | None,
        scores: Mapping[str, NotebookScores],
        late: LatePolicy,
        *,
        keep: bool = True,
    ) -> Change:
        """Write one submission's automatic grades and comments, all or nothing.

        Manual grades and comments stay; as in nbgrader, a cell with a manual grade is marked for
        another look.

        Args:
            timestamp: when it was handed in, as in `timestamp.txt`; one that is no time counts as
                in time.
            scores: notebook name to its scores and comments.
            late: the course's penalty for late work.
            keep: False to see what would change, and change nothing.
        """
        with self._transaction(keep=keep):
            found = self._assignment(assignment)
            submission = find_submission(self._db, found, student)
            before = None if submission is None else points_of(self._db, submission)
            submission = complete_submission(self._db, found, student)
            if timestamp is not None:
                submission.timestamp = None
                with suppress(ValueError, OverflowError):
                    submission.timestamp = parse_utc(timestamp)
            for notebook in submission.notebooks:
                if notebook.name in scores:
                    write_notebook(notebook, scores[notebook.name])
            self._db.flush()
            penalise(self._db, submission, late)
            return Change(student, before, points_of(self._db, submission))

    def may_be_late(self, assignment: str) -> bool:
        """Whether anybody has a penalty for late work, or could get one."""
        with self._transaction():
            found = self._assignment(assignment)
            penalised = (
                select(api.SubmittedNotebook.id)
                .join(api.SubmittedNotebook.notebook)
                .where(api.Notebook.assignment_id == found.id)
                .where(api.SubmittedNotebook.late_submission_penalty.is_not(None))
            )
            return found.duedate is not None or self._db.scalar(penalised) is not None

    def renew_penalty(
        self,
        assignment: str,
        student: str,
        late: LatePolicy,
        before_it_changes: Callable[[], None],
    ) -> Change | None:
        """Compute a submission's penalty for late work again; None where it has not changed."""
        with self._transaction(keep=True):
            submission = find_submission(self._db, self._assignment(assignment), student)
            if submission is None:
                return None
            penalties = [notebook.late_submission_penalty for notebook in submission.notebooks]
            before = points_of(self._db, submission)
            penalise(self._db, submission, late)
            if penalties == [each.late_submission_penalty for each in submission.notebooks]:
                return None
            before_it_changes()
            return Change(student, before, points_of(self._db, submission))

    def withdraw(self, assignment: str, student: str, reason: str) -> None:
        """Take back a submission's automatic scores, and note why with the first solution."""
        scores = {}
        for name, cells in self.released(assignment).items():
            solutions = [cell.grade_id for cell in cells if cell.solution]
            scores[name] = NotebookScores(
                {cell.grade_id: None for cell in cells if cell.grade},
                dict.fromkeys(solutions) | dict.fromkeys(solutions[:1], reason),
            )
        self.write(assignment, student, None, scores, lambda *_: None)

    @contextmanager
    def _transaction(self, *, keep: bool = False) -> Iterator[None]:
        """All of it or, after any error or where it is not to keep, nothing."""
        with explained(self._url):
            try:
                yield
                if keep:
                    self._db.commit()
            finally:
                self._db.rollback()
                self._db.remove()

    def _assignment(self, name: str) -> Any:
        found = self._db.scalar(select(api.Assignment).where(api.Assignment.name == name))
        if found is None or not found.notebooks:
            raise AutograderError(
                f"The gradebook ({self._url}) knows no released assignment {name!r}. Run "
                f"`nbgrader generate_assignment {name}` first: it records the cells and points."
            )
        return found

    def _submissions(self, assignment: str, *more: ExecutableOption) -> Sequence[Any]:
        """Everybody's submissions with their grades, in a few queries for the class.

        Args:
            more: what else to load with them.
        """
        submitted = api.SubmittedAssignment
        grades = selectinload(submitted.notebooks).selectinload(api.SubmittedNotebook.grades)
        query = (
            select(submitted)
            .where(submitted.assignment_id == self._assignment(assignment).id)
            .options(grades, *more)
        )
        found: Sequence[Any] = self._db.scalars(query).all()
        return found


def student_row(student: Any) -> dict[str, str]:
    """A student of nbgrader's as a row of the CSV that `nbgrader db student import` reads."""
    columns = ("id", "first_name", "last_name", "email", "lms_user_id")
    return {column: str(getattr(student, column) or "") for column in columns}


def _row(submission: Any, most: float) -> GradebookRow:
    student = submission.student
    return GradebookRow(
        name=" ".join(part for part in (student.first_name, student.last_name) if part),
        score=max(0.0, submission.score - submission.late_submission_penalty),
        max_score=most,
        tests={
            grade.name: (float(grade.score) if _is_decided(grade) else None, grade.cell.max_score)
            for notebook in submission.notebooks
            for grade in notebook.grades
        },
    )


def _is_decided(grade: Any) -> bool:
    """Whether anybody, the autograder or a person, has given points."""
    return grade.auto_score is not None or grade.manual_score is not None


def _released_cells(notebook: Any) -> list[ReleasedCell]:
    points = {each.name: each.max_score for each in (*notebook.grade_cells, *notebook.task_cells)}
    solutions = {each.name for each in notebook.solution_cells}
    tasks = {each.name for each in notebook.task_cells}
    return [
        ReleasedCell(
            grade_id=cell.name,
            cell_type=cell.cell_type,
            source=cell.source,
            checksum=cell.checksum,
            locked=cell.locked,
            grade=cell.name in points and cell.name not in tasks,
            solution=cell.name in solutions,
            task=cell.name in tasks,
            points=points.get(cell.name),
        )
        for cell in notebook.source_cells
    ]
