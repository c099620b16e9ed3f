"""One submission in nbgrader's gradebook: made, written and penalised within a transaction.

`db` is nbgrader's session, from `Database`; assignments, submissions and notebooks are rows of
nbgrader's. Whoever calls this opens the transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbgrader import api
from nbgrader.utils import parse_utc
from sqlalchemy import select

from autograder.recording.scores import NotebookScores

# A penalty for one late notebook: (student, score, seconds late) to points, or None for none.
LatePolicy = Callable[[str, float, float], float | None]


def find_submission(db: Any, assignment: Any, student: str) -> Any:
    """The student's submission, or None."""
    return db.scalar(
        select(api.SubmittedAssignment).where(
            api.SubmittedAssignment.assignment_id == assignment.id,
            api.SubmittedAssignment.student_id == student,
        )
    )


def points_of(db: Any, submission: Any) -> float:
    """The submission's score after the penalty, as the gradebook would show it now."""
    db.flush()
    points = 0.0
    for notebook in submission.notebooks:
        db.expire(notebook, ["score"])
        points += notebook.score - (notebook.late_submission_penalty or 0.0)
    return max(0.0, float(points))


def complete_submission(db: Any, assignment: Any, student: str) -> Any:
    """The student's submission, made with all its grades and comments where it is new."""
    if db.get(api.Student, student) is None:
        db.add(api.Student(id=student))
        db.flush()
    submission = find_submission(db, assignment, student)
    if submission is None:
        submission = api.SubmittedAssignment(assignment_id=assignment.id, student_id=student)
        db.add(submission)
        db.flush()
    present = {notebook.notebook_id: notebook for notebook in submission.notebooks}
    for notebook in assignment.notebooks:
        mine = present.get(notebook.id)
        if mine is None:
            mine = api.SubmittedNotebook(notebook_id=notebook.id, assignment_id=submission.id)
            db.add(mine)
            db.flush()
        graded = _cells_with(db, api.Grade, mine)
        commented = _cells_with(db, api.Comment, mine)
        for cell in (*notebook.grade_cells, *notebook.task_cells):
            if cell.id not in graded:
                db.add(api.Grade(cell_id=cell.id, notebook_id=mine.id))
        for cell in (*notebook.solution_cells, *notebook.task_cells):
            if cell.id not in commented:
                db.add(api.Comment(cell_id=cell.id, notebook_id=mine.id))
    if db.new:
        db.flush()
        # What was made by its keys is not in the relationships yet.
        db.expire_all()
    return submission


def _cells_with(db: Any, kind: Any, notebook: Any) -> set[str]:
    """Ids of the cells that have a grade, or a comment, in a submitted notebook."""
    return set(db.scalars(select(kind.cell_id).where(kind.notebook_id == notebook.id)))


def write_notebook(db: Any, notebook: str, given: NotebookScores) -> None:
    for grade, name in _of_notebook(db, api.Grade, notebook):
        if name in given.scores:
            grade.auto_score = given.scores[name]
            decided = grade.manual_score is None and grade.auto_score is not None
            grade.needs_manual_grade = not decided
    for comment, name in _of_notebook(db, api.Comment, notebook):
        if name in given.comments:
            comment.auto_comment = given.comments[name]


def _of_notebook(db: Any, kind: Any, notebook: str) -> Any:
    """The grades or comments of a submitted notebook, each with the name of its cell."""
    return db.execute(
        select(kind, api.BaseCell.name)
        .join(api.BaseCell, api.BaseCell.id == kind.cell_id)
        .where(kind.notebook_id == notebook)
    )


def penalise(db: Any, notebook: Any, submission: Any, late: LatePolicy) -> None:
    """Like nbgrader's AssignLatePenalties, within this transaction."""
    notebook.late_submission_penalty = None
    seconds = submission.total_seconds_late
    if seconds > 0:
        db.expire(notebook, ["score"])
        penalty = late(submission.student_id, notebook.score, seconds)
        if penalty is not None:
            notebook.late_submission_penalty = min(max(penalty, 0.0), notebook.score)


def parsed_time(timestamp: str) -> Any:
    """The time in UTC, or None for a text that is no time: then nothing says it was late."""
    try:
        return parse_utc(timestamp)
    except (ValueError, OverflowError):
        return None
