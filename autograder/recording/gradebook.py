"""nbgrader's gradebook: what it recorded of a release, and the class's grades, read and written.

There is one engine for the whole run and one transaction per submission: whenever the grader is
killed, the gradebook has a submission's old grades or its new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from nbgrader import api
from sqlalchemy import select

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.recording.database import Database
from autograder.recording.scores import NotebookScores
from autograder.recording.submitted import (
    LatePolicy,
    complete_submission,
    find_submission,
    parsed_time,
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

    Args:
        url: SQLAlchemy's URL of the database.
        course: nbgrader's course id.

    Raises:
        AutograderError: there is no database, or it cannot be opened.
    """

    def __init__(self, url: str, course: str) -> None:
        self._database = Database(url, course)
        self._db = self._database.session

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._database.gradebook.close()

    @classmethod
    def of(cls, course: Course) -> Self:
        """The gradebook of a course.

        Raises:
            AutograderError: see the class.
        """
        return cls(course.directories.db_url, course.directories.course_id)

    def assignments(self) -> list[str]:
        """Names of the assignments that were released, in order."""
        with self._database.reading():
            return sorted(
                each.name for each in self._database.gradebook.assignments if each.notebooks
            )

    def students(self) -> list[dict[str, str]]:
        """Every student of the course, as `student_row` gives them."""
        with self._database.reading():
            return [student_row(student) for student in self._database.gradebook.students]

    def released(self, assignment: str) -> dict[str, list[ReleasedCell]]:
        """Notebook name to its cells as they were released.

        Raises:
            AutograderError: the assignment was never released into this gradebook.
        """
        with self._database.reading():
            found = self._assignment(assignment)
            return {notebook.name: _released_cells(notebook) for notebook in found.notebooks}

    def recorded(self, assignment: str) -> dict[str, Scores]:
        """Student to the automatic scores on record."""
        scores: dict[str, Scores] = {}
        with self._database.reading():
            for student, notebook, cell, grade in self._grades(self._assignment(assignment)):
                scores.setdefault(student, {})[notebook, cell] = grade.auto_score
        return scores

    def rows(self, assignment: str) -> dict[str, GradebookRow]:
        """Student to what the gradebook says of them, for everybody who handed in.

        Raises:
            AutograderError: the assignment is unknown, or the gradebook cannot be read.
        """
        with self._database.reading():
            found = self._assignment(assignment)
            tests: dict[str, dict[str, tuple[float | None, float]]] = {}
            for student, _, cell, grade in self._grades(found):
                score = float(grade.score) if _is_decided(grade) else None
                tests.setdefault(student, {})[cell] = (score, float(grade.max_score))
            submissions = self._db.execute(
                select(api.SubmittedAssignment, api.Student)
                .join(api.Student, api.Student.id == api.SubmittedAssignment.student_id)
                .where(api.SubmittedAssignment.assignment_id == found.id)
            )
            return {
                student.id: GradebookRow(
                    name=" ".join(part for part in (student.first_name, student.last_name) if part),
                    score=max(0.0, submission.score - (submission.late_submission_penalty or 0.0)),
                    max_score=float(found.max_score),
                    tests=tests.get(student.id, {}),
                )
                for submission, student in submissions
            }

    def shown(self, assignment: str) -> dict[tuple[str, str], tuple[Any, ...]]:
        """(student, notebook) to all that a feedback page shows of the gradebook.

        That is the penalty for late work and, cell by cell, points, maximum and comment, as plain
        values in a fixed order.
        """
        with self._database.reading():
            mine = api.Notebook.assignment_id == self._assignment(assignment).id
            notebooks = self._db.execute(
                select(
                    api.SubmittedAssignment.student_id,
                    api.Notebook.name,
                    api.SubmittedNotebook.id,
                    api.SubmittedNotebook.late_submission_penalty,
                )
                .join(api.SubmittedNotebook, api.SubmittedNotebook.notebook_id == api.Notebook.id)
                .join(
                    api.SubmittedAssignment,
                    api.SubmittedAssignment.id == api.SubmittedNotebook.assignment_id,
                )
                .where(mine)
            ).all()
            cells: dict[str, list[tuple[Any, ...]]] = {}
            for kind, values in (
                (api.Grade, (api.Grade.score, api.Grade.max_score)),
                (api.Comment, (api.Comment.comment,)),
            ):
                found = self._db.execute(
                    select(kind.notebook_id, api.BaseCell.name, *values)
                    .join(api.BaseCell, api.BaseCell.id == kind.cell_id)
                    .join(api.Notebook, api.Notebook.id == api.BaseCell.notebook_id)
                    .where(mine)
                    .order_by(api.BaseCell.name)
                )
                for notebook, *facts in found:
                    cells.setdefault(notebook, []).append(tuple(facts))
            return {
                (student, name): (penalty, *cells.get(submitted, ()))
                for student, name, submitted, penalty in notebooks
            }

    def waiting(self, assignment: str) -> dict[tuple[str, str], frozenset[str]]:
        """(student, notebook) to the cells that a person still has to grade.

        Raises:
            AutograderError: the assignment is unknown, or the gradebook cannot be read.
        """
        with self._database.reading():
            found: dict[tuple[str, str], frozenset[str]] = {}
            for student, notebook, cell, grade in self._grades(self._assignment(assignment)):
                if not _is_decided(grade):
                    key = student, notebook
                    found[key] = found.get(key, frozenset()) | {cell}
            return found

    def _grades(self, assignment: Any) -> Any:
        """(student, notebook, grade_id, grade) of every submission of the assignment."""
        return self._db.execute(
            select(
                api.SubmittedAssignment.student_id, api.Notebook.name, api.BaseCell.name, api.Grade
            )
            .join(api.SubmittedNotebook, api.SubmittedNotebook.id == api.Grade.notebook_id)
            .join(api.Notebook, api.Notebook.id == api.SubmittedNotebook.notebook_id)
            .join(
                api.SubmittedAssignment,
                api.SubmittedAssignment.id == api.SubmittedNotebook.assignment_id,
            )
            .join(api.BaseCell, api.BaseCell.id == api.Grade.cell_id)
            .where(api.SubmittedAssignment.assignment_id == assignment.id)
        )

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
            timestamp: when it was handed in, as in `timestamp.txt`.
            scores: notebook name to its scores and comments.
            late: the course's penalty for late work.
            keep: False to see what would change, and change nothing.

        Raises:
            AutograderError: the gradebook cannot be written; nothing was changed.
        """
        with self._database.writing(keep=keep):
            found = self._assignment(assignment)
            submission = find_submission(self._db, found, student)
            before = None if submission is None else points_of(self._db, submission)
            submission = complete_submission(self._db, found, student)
            if timestamp is not None:
                submission.timestamp = parsed_time(timestamp)
            for notebook in submission.notebooks:
                if notebook.name in scores:
                    write_notebook(self._db, notebook.id, scores[notebook.name])
            self._db.flush()
            for notebook in submission.notebooks:
                penalise(self._db, notebook, submission, late)
            return Change(student, before, points_of(self._db, submission))

    def may_be_late(self, assignment: str) -> bool:
        """Whether anybody has a penalty for late work, or could get one."""
        with self._database.reading():
            found = self._assignment(assignment)
            penalised = (
                select(api.SubmittedNotebook.id)
                .join(api.Notebook, api.Notebook.id == api.SubmittedNotebook.notebook_id)
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
        """Compute a submission's penalty for late work again; None where it has not changed.

        Raises:
            AutograderError: the gradebook cannot be written; nothing was changed.
        """
        with self._database.writing():
            submission = find_submission(self._db, self._assignment(assignment), student)
            if submission is None:
                return None
            penalties = [notebook.late_submission_penalty for notebook in submission.notebooks]
            before = points_of(self._db, submission)
            for notebook in submission.notebooks:
                penalise(self._db, notebook, submission, late)
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

    def _assignment(self, name: str) -> Any:
        found = self._db.scalar(select(api.Assignment).where(api.Assignment.name == name))
        if found is None or not found.notebooks:
            raise AutograderError(
                f"The gradebook ({self._database.url}) knows no released assignment {name!r}. Run "
                f"`nbgrader generate_assignment {name}` first: it records the cells and points."
            )
        return found


def student_row(student: Any) -> dict[str, str]:
    """A student of nbgrader's as a row of the CSV that `nbgrader db student import` reads."""
    columns = ("id", "first_name", "last_name", "email", "lms_user_id")
    return {column: str(getattr(student, column) or "") for column in columns}


def _is_decided(grade: Any) -> bool:
    """Whether anybody, the autograder or a person, has given points."""
    return grade.auto_score is not None or grade.manual_score is not None


def _released_cells(notebook: Any) -> list[ReleasedCell]:
    graded = {cell.name: cell for cell in (*notebook.grade_cells, *notebook.task_cells)}
    solutions = {cell.name for cell in notebook.solution_cells}
    tasks = {cell.name for cell in notebook.task_cells}
    return [
        ReleasedCell(
            grade_id=cell.name,
            cell_type=cell.cell_type,
            source=cell.source,
            checksum=cell.checksum,
            locked=cell.locked,
            grade=cell.name in graded and cell.name not in tasks,
            solution=cell.name in solutions,
            task=cell.name in tasks,
            points=graded[cell.name].max_score if cell.name in graded else None,
        )
        for cell in notebook.source_cells
    ]
