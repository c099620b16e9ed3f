"""`autograder compare` and `grade --dry-run`: what grading would change of what is on record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from autograder.recording.gradebook import Scores
from autograder.scheduling.batch import Outcome

if TYPE_CHECKING:
    from rich.table import Table


class ComparedCell(NamedTuple):
    """One test cell of one submission: the score on record, ours, and why ours is what it is."""

    student: str
    notebook: str
    test: str
    recorded: float | None
    ours: float | None
    why: str


def compared_cells(outcome: Outcome, recorded: Scores) -> Iterator[ComparedCell]:
    """Every test cell of a submission that the record or this grader has a score for."""
    for notebook, result in zip(outcome.notebooks, outcome.results, strict=True):
        for test, (ours, _) in result.tests.items():
            theirs = recorded.get((result.notebook, test))
            if theirs is not None or ours is not None:
                why = result.reason if ours is None else _reason(notebook, test)
                yield ComparedCell(outcome.student, result.notebook, test, theirs, ours, why)


def _reason(notebook: Mapping[str, Any], test: str) -> str:
    """What a test says of an answer that did not get all of its points."""
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == test:
            for output in cell.get("outputs", ()):
                if output["output_type"] == "error":
                    return str(output["traceback"][-1])
    return ""


def difference_table(differing: Iterable[ComparedCell]) -> Table:
    """These cells: the score on record, ours, and why."""
    from rich import box
    from rich.table import Table

    table = Table("student", "test", "on record", "ours", "why", box=box.SIMPLE)
    table.columns[2].justify = table.columns[3].justify = "right"
    for each in differing:
        scores = ["-" if got is None else f"{got:g}" for got in (each.recorded, each.ours)]
        table.add_row(each.student, each.test, *scores, " ".join(each.why.split())[:120])
    return table
