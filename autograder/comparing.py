"""`autograder compare` and `grade --dry-run`: what grading would change of what is on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autograder.course import Course
from autograder.recording.gradebook import Change, Gradebook
from autograder.scheduling.batch import Plan, Progress, dry_run

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Comparison:
    """One test cell of one submission: the score on record, ours, and why ours is what it is."""

    student: str
    notebook: str
    test: str
    recorded: float | None
    ours: float | None
    why: str


def compare_class(
    course: Course,
    plan: Plan,
    students: Sequence[str],
    progress: Progress,
    say: Callable[[str], None],
) -> tuple[list[Comparison], list[Change]]:
    """Grade without writing anything, and compare with what is on record.

    Returns:
        Every test cell that both graded, of every submission, and what would become of the points
        of each student, both by student.

    Raises:
        AutograderError: see `batch.grade_class`.
    """
    with Gradebook.of(course) as gradebook:
        recorded = gradebook.recorded(plan.assignment)
    compared, changes = [], []
    for change, graded in dry_run(course, plan, students, progress, say):
        changes.append(change)
        student = change.student
        for notebook, result in graded:
            for test, (ours, _) in result.tests.items():
                before = recorded.get(student, {}).get((result.notebook, test))
                if before is None and ours is None:
                    continue
                why = result.reason if ours is None else _reason(notebook, test)
                compared.append(Comparison(student, result.notebook, test, before, ours, why))
    compared.sort(key=lambda each: (each.student, each.notebook, each.test))
    return compared, sorted(changes, key=lambda each: each.student)


def _reason(notebook: Mapping[str, Any], test: str) -> str:
    """What a test says of an answer that did not get all of its points."""
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == test:
            for output in cell.get("outputs", ()):
                if output["output_type"] == "error":
                    return str(output["traceback"][-1])
    return ""


def difference_table(compared: Sequence[Comparison]) -> Table:
    """The cells whose scores differ."""
    from rich import box
    from rich.table import Table

    table = Table("student", "test", "on record", "ours", "why", box=box.SIMPLE)
    table.columns[2].justify = table.columns[3].justify = "right"
    for each in compared:
        if each.recorded != each.ours:
            scores = ["-" if got is None else f"{got:g}" for got in (each.recorded, each.ours)]
            table.add_row(each.student, each.test, *scores, " ".join(each.why.split())[:120])
    return table
