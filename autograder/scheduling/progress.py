"""The progress bar of grading a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autograder.recording.results import SubmissionResult

Advance = Callable[[str, Sequence[SubmissionResult]], None]
"""Counts one student's submission; without results it had not changed."""


@contextmanager
def grading_bar(total: int, *, quiet: bool) -> Iterator[Advance]:
    """A bar on stderr with counts of ok, failed and timed-out submissions; silent when quiet."""
    counts: Counter[str] = Counter()
    columns = (TextColumn("Grading"), BarColumn(), MofNCompleteColumn())
    counted = TextColumn(
        "[green]{task.fields[counts][ok]} ok[/], [red]{task.fields[counts][failed]} failed[/], "
        "[yellow]{task.fields[counts][late]} timed out[/]"
    )
    with Progress(
        *columns, counted, TimeRemainingColumn(), console=Console(stderr=True), disable=quiet
    ) as bar:
        task = bar.add_task("", total=total, counts=counts)

        def advance(_: str, results: Sequence[SubmissionResult]) -> None:
            late = any(result.timed_out for result in results)
            failed = any(result.status != "graded" for result in results)
            counts["late" if late else "failed" if failed else "ok"] += 1
            bar.update(task, advance=1)

        yield advance
