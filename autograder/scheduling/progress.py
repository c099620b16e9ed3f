"""The progress bar of grading a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from autograder.recording.results import SubmissionResult


class Progress:
    """A bar on stderr with counts of ok, failed and timed-out submissions; silent when quiet."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self.counts: Counter[str] = Counter()
        self._bar = Bar(
            TextColumn("Grading"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet,
        )
        self._task = self._bar.add_task(self._said(), total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self, student: str, results: Sequence[SubmissionResult]) -> None:
        """Count one submission; without results it had not changed."""
        if any(result.timed_out for result in results):
            self.counts["timed out"] += 1
        elif any(result.status != "graded" for result in results):
            self.counts["failed"] += 1
        else:
            self.counts["ok"] += 1
        self._bar.update(self._task, advance=1, description=self._said())

    def _said(self) -> str:
        return (
            f"[green]{self.counts['ok']} ok[/], [red]{self.counts['failed']} failed[/], "
            f"[yellow]{self.counts['timed out']} timed out[/]"
        )
