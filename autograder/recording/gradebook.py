"""nbgrader's gradebook: what it recorded of a release, and the class's grades, read and written.

There is one engine for the whole run and one transaction per submission: whenever the grader is
killed, the gradebook has a submission's old grades or its new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nbgrader import api
from nbgrader.utils import parse_utc
from sqlalchemy import make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.options import CONFIG_FILE, line_of
from autograder.recording.scores import NotebookScores
from autograder.submission.instructor import ReleasedCell

_PATIENCE_SECONDS = 60

# A penalty for one late notebook: (student, score, seconds late) to points, or None for none.
LatePolicy = Callable[[str, float, float], float | None]

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
        with _driver_explained():
            location = make_url(url)
        if location.drivername.startswith("sqlite") and not Path(str(location.database)).is_file():
            raise AutograderError(
                f"There is no gradebook at {location.database}. Release an assignment first: "
                "`nbgrader generate_assignment ASSIGNMENT` makes it."
            )
        if location.drivername.startswith("sqlite"):
            # formgrader may be writing: wait for it rather than fail
            location = location.update_query_dict({"timeout": str(_PATIENCE_SECONDS)})
        self._url = url
        with self._explained(), _driver_explained():
            self._gradebook = api.Gradebook(
                location.render_as_string(hide_password=False), course or "default_course"
            )
        self._db = self._gradebook.db

    @classmethod
    def of(cls, course: Course) -> Self:
        """The gradebook of a course.

        Raises:
            AutograderError: see the class.
        """
        return cls(course.directories.db_url, course.directories.course_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._gradebook.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """A database that cannot be used is said to be so in a sentence."""
        try:
            yield
        except SQLAlchemyError as error:
            raise _unusable(self._url, error) from error

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._explained():
            try:
                yield
            finally:
                self._db.rollback()

    @contextmanager
    def _writing(self, *, keep: bool = True) -> Iterator[None]:
        """One transaction: all of it or, after any error or where it is not to keep, nothing."""
        with self._explained():
            try:
                yield
                if keep:
                    self._db.commit()
            finally:
                self._db.rollback()
                self._db.remove()

    def assignments(self) -> list[str]:
        """Names of the assignments that were released, in order."""
        with self._reading():
            return sorted(each.name for each in self._gradebook.assignments if each.notebooks)

    def students(self) -> list[dict[str, str]]:
        """Every student of the course, as `student_row` gives them."""
        with self._reading():
            return [student_row(student) for student in self._gradebook.students]

    def released(self, assignment: str) -> dict[str, list[ReleasedCell]]:
        """Notebook name to its cells as they were released.

        Raises:
            AutograderError: the assignment was never released into this gradebook.
        """
        with self._reading():
            found = self._assignment(assignment)
            return {notebook.name: _released_cells(notebook) for notebook in found.notebooks}

    def recorded(self, assignment: str) -> dict[str, Scores]:
        """Student to the automatic scores on record."""
        scores: dict[str, Scores] = {}
        with self._reading():
            for student, notebook, cell, grade in self._grades(self._assignment(assignment)):
                scores.setdefault(student, {})[notebook, cell] = grade.auto_score
        return scores

    def rows(self, assignment: str) -> dict[str, GradebookRow]:
        """Student to what the gradebook says of them, for everybody who handed in.

        Raises:
            AutograderError: the assignment is unknown, or the gradebook cannot be read.
        """
        with self._reading():
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
        with self._reading():
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
        with self._reading():
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
        with self._writing(keep=keep):
            submission = self._find(assignment, student)
            before = None if submission is None else self._points(submission)
            submission = self._submission(assignment, student)
            if timestamp is not None:
                submission.timestamp = _parsed(timestamp)
            for notebook in submission.notebooks:
                if notebook.name in scores:
                    self._write_notebook(notebook.id, scores[notebook.name])
            self._db.flush()
            for notebook in submission.notebooks:
                self._penalise(notebook, submission, late)
            return Change(student, before, self._points(submission))

    def may_be_late(self, assignment: str) -> bool:
        """Whether anybody has a penalty for late work, or could get one."""
        with self._reading():
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
        with self._writing():
            submission = self._find(assignment, student)
            if submission is None:
                return None
            penalties = [notebook.late_submission_penalty for notebook in submission.notebooks]
            before = self._points(submission)
            for notebook in submission.notebooks:
                self._penalise(notebook, submission, late)
            if penalties == [each.late_submission_penalty for each in submission.notebooks]:
                return None
            before_it_changes()
            return Change(student, before, self._points(submission))

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
                f"The gradebook ({self._url}) knows no released assignment {name!r}. Run "
                f"`nbgrader generate_assignment {name}` first: it records the cells and points."
            )
        return found

    def _find(self, assignment: str, student: str) -> Any:
        """The student's submission, or None."""
        return self._db.scalar(
            select(api.SubmittedAssignment).where(
                api.SubmittedAssignment.assignment_id == self._assignment(assignment).id,
                api.SubmittedAssignment.student_id == student,
            )
        )

    def _points(self, submission: Any) -> float:
        """The submission's score after the penalty, as the gradebook would show it now."""
        self._db.flush()
        points = 0.0
        for notebook in submission.notebooks:
            self._db.expire(notebook, ["score"])
            points += notebook.score - (notebook.late_submission_penalty or 0.0)
        return max(0.0, float(points))

    def _submission(self, assignment: str, student: str) -> Any:
        """The student's submission, made with all its grades and comments where it is new."""
        wanted = self._assignment(assignment)
        if self._db.get(api.Student, student) is None:
            self._db.add(api.Student(id=student))
            self._db.flush()
        submission = self._find(assignment, student)
        if submission is None:
            submission = api.SubmittedAssignment(assignment_id=wanted.id, student_id=student)
            self._db.add(submission)
            self._db.flush()
        present = {notebook.notebook_id: notebook for notebook in submission.notebooks}
        for notebook in wanted.notebooks:
            mine = present.get(notebook.id)
            if mine is None:
                mine = api.SubmittedNotebook(notebook_id=notebook.id, assignment_id=submission.id)
                self._db.add(mine)
                self._db.flush()
            graded = self._cells_with(api.Grade, mine)
            commented = self._cells_with(api.Comment, mine)
            for cell in (*notebook.grade_cells, *notebook.task_cells):
                if cell.id not in graded:
                    self._db.add(api.Grade(cell_id=cell.id, notebook_id=mine.id))
            for cell in (*notebook.solution_cells, *notebook.task_cells):
                if cell.id not in commented:
                    self._db.add(api.Comment(cell_id=cell.id, notebook_id=mine.id))
        if self._db.new:
            self._db.flush()
            # What was made by its keys is not in the relationships yet.
            self._db.expire_all()
        return submission

    def _cells_with(self, kind: Any, notebook: Any) -> set[str]:
        """Ids of the cells that have a grade, or a comment, in a submitted notebook."""
        return set(self._db.scalars(select(kind.cell_id).where(kind.notebook_id == notebook.id)))

    def _write_notebook(self, notebook: str, given: NotebookScores) -> None:
        for grade, name in self._of_notebook(api.Grade, notebook):
            if name in given.scores:
                grade.auto_score = given.scores[name]
                decided = grade.manual_score is None and grade.auto_score is not None
                grade.needs_manual_grade = not decided
        for comment, name in self._of_notebook(api.Comment, notebook):
            if name in given.comments:
                comment.auto_comment = given.comments[name]

    def _of_notebook(self, kind: Any, notebook: str) -> Any:
        """The grades or comments of a submitted notebook, each with the name of its cell."""
        return self._db.execute(
            select(kind, api.BaseCell.name)
            .join(api.BaseCell, api.BaseCell.id == kind.cell_id)
            .where(kind.notebook_id == notebook)
        )

    def _penalise(self, notebook: Any, submission: Any, late: LatePolicy) -> None:
        """Like nbgrader's AssignLatePenalties, within this transaction."""
        notebook.late_submission_penalty = None
        seconds = submission.total_seconds_late
        if seconds > 0:
            self._db.expire(notebook, ["score"])
            penalty = late(submission.student_id, notebook.score, seconds)
            if penalty is not None:
                notebook.late_submission_penalty = min(max(penalty, 0.0), notebook.score)


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


@contextmanager
def _driver_explained() -> Iterator[None]:
    """Say that the address in the configuration is none, or needs a driver that is not there."""
    try:
        yield
    except (ArgumentError, ImportError) as error:
        option = "c.CourseDirectory.db_url"
        raise AutograderError(
            f"{CONFIG_FILE}{line_of(option)}: {option} cannot be used. {error}. Write an address "
            "of SQLAlchemy's, such as sqlite:////course/gradebook.db, and install its driver."
        ) from error


def _parsed(timestamp: str) -> Any:
    """The time in UTC, or None for a text that is no time: then nothing says it was late."""
    try:
        return parse_utc(timestamp)
    except (ValueError, OverflowError):
        return None


def _unusable(url: str, error: SQLAlchemyError) -> AutograderError:
    if "database is locked" in str(error):
        return AutograderError(
            f"Another program holds the gradebook {url}: formgrader, `nbgrader`, or a browser for "
            f"databases. It was waited for {_PATIENCE_SECONDS} seconds. Close it, or wait until "
            "it is done, and run this again; what is graded already stays graded."
        )
    return AutograderError(
        f"The gradebook {url} cannot be used ({type(error).__name__}: {error}). If nbgrader was "
        "upgraded, back it up and run `nbgrader db upgrade`."
    )
