"""One submission in nbgrader's gradebook: made, written and penalised within a transaction.

`db` is nbgrader's session; assignments, submissions and notebooks are rows of nbgrader's. Whoever
calls this opens the transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nbgrader import api
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
    submission = find_submission(db, assignment, student)
    if submission is None:
        submission = api.SubmittedAssignment(assignment_id=assignment.id, student_id=student)
        db.add(submission)
    present = {notebook.notebook_id: notebook for notebook in submission.notebooks}
    for notebook in assignment.notebooks:
        mine = present.get(notebook.id)
        if mine is None:
            mine = api.SubmittedNotebook(notebook_id=notebook.id)
            submission.notebooks.append(mine)
        _add_missing(api.Grade, mine.grades, (*notebook.grade_cells, *notebook.task_cells))
        _add_missing(api.Comment, mine.comments, (*notebook.solution_cells, *notebook.task_cells))
    db.flush()
    return submission


def _add_missing(kind: Any, rows: Any, cells: Iterable[Any]) -> None:
    """Give each cell a grade, or a comment, that has none yet."""
    present = {row.cell_id for row in rows}
    rows.extend(kind(cell_id=cell.id) for cell in cells if cell.id not in present)


def write_notebook(notebook: Any, given: NotebookScores) -> None:
    """Write the automatic scores and comments; as in nbgrader, a person's stay."""
    for grade in notebook.grades:
        if grade.name in given.scores:
            grade.auto_score = given.scores[grade.name]
            decided = grade.manual_score is None and grade.auto_score is not None
            grade.needs_manual_grade = not decided
    for comment in notebook.comments:
        if comment.name in given.comments:
            comment.auto_comment = given.comments[comment.name]


def penalise(db: Any, submission: Any, late: LatePolicy) -> None:
    """Like nbgrader's AssignLatePenalties, within this transaction."""
    seconds = submission.total_seconds_late
    for notebook in submission.notebooks:
        penalty = None
        if seconds > 0:
            db.expire(notebook, ["score"])
            penalty = late(submission.student_id, notebook.score, seconds)
        notebook.late_submission_penalty = (
            None if penalty is None else min(max(penalty, 0.0), notebook.score)
        )
