"""What the commands share: options, progress, tables, and errors in one sentence."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gtnlab.errors import GtnError

if TYPE_CHECKING:
    import torch

    from gtnlab.digits import Digits
    from gtnlab.evaluation.architecture_search import Search
    from gtnlab.evaluation.report import Report, Row

Device = Annotated[
    Literal["auto", "cpu", "cuda"], typer.Option(help="auto takes a GPU where there is one.")
]
Teacher = Annotated[
    Literal["seed", "lean", "small"] | None,
    typer.Option(help="The teacher's size; seed has 103 million parameters."),
]
Learner = Annotated[
    str | None, typer.Option(help="The learner, e.g. mlp, cnn_small, seed_cnn_group, or family.")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")]
Learners = Annotated[
    int, typer.Option(min=1, help="Fresh learners for each number; 10 or more for a result.")
]
Recorded = Annotated[
    Path,
    typer.Argument(metavar="RUN", help="A run directory (runs/class) or a recorded .npz file."),
]

Tick = Callable[[int, int], None]
"""Told how many parts are done, and of how many."""


@contextlib.contextmanager
def failing_with_a_sentence() -> Iterator[None]:
    """End with status 1 and the error's own words, instead of a traceback."""
    try:
        yield
    except GtnError as error:
        typer.secho(f"gtnlab: {error}", fg="red", err=True)
        raise typer.Exit(1) from error


@contextlib.contextmanager
def usage_error() -> Iterator[None]:
    """End with status 2: what was asked for makes no sense, whatever the machine."""
    try:
        yield
    except GtnError as error:
        typer.secho(f"gtnlab: {error}", fg="red", err=True)
        raise typer.Exit(2) from error


@contextlib.contextmanager
def progress(title: str) -> Iterator[Tick]:
    """A bar on standard error that appears with its first tick."""
    from rich.console import Console
    from rich.progress import Progress, TimeRemainingColumn

    with Progress(
        *Progress.get_default_columns()[:-1],
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(title, start=False, visible=False)

        def tick(done: int, total: int) -> None:
            bar.start_task(task)
            bar.update(task, completed=done, total=total, visible=True)

        yield tick


@contextlib.contextmanager
def counted(title: str, total: int) -> Iterator[Callable[..., None]]:
    """A bar of `total` parts; each call of what it yields, with any arguments, counts one."""
    done = itertools.count(1)
    with progress(title) as tick:
        yield lambda *_: tick(next(done), total)


def loud_digits(device: torch.device) -> tuple[Digits, Digits]:
    """Training and test digits; if they are not MNIST, say so on standard error."""
    from gtnlab.digits import load_digits

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        digits = load_digits("train", device), load_digits("test", device)
    for message in dict.fromkeys(str(warning.message) for warning in caught):
        typer.secho(f"gtnlab: {message}", fg="yellow", err=True)
    return digits


def show_report(report: Report) -> None:
    """Print an evaluation as a table, both measures side by side."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from gtnlab.curriculum import MEASURES

    facts = report.provenance
    table = Table(
        title=f"Accuracy (%) of {facts['learners']} fresh learners on {facts['test_images']} "
        f"test images ({facts['source']})",
        caption="mean ± half of its 95 % interval (spread between learners)",
        box=SIMPLE_HEAD,
    )
    for heading in ("taught with", "learner"):
        table.add_column(heading, no_wrap=True)
    for measure in MEASURES:
        table.add_column(measure, justify="right", no_wrap=True)
    for row in report.rows:
        learner = row.learner if row.lr_factor == 1 else f"{row.learner} ×{row.lr_factor:g}"
        table.add_row(row.name, learner, *[_cell(row, measure) for measure in MEASURES])
    console = Console()
    console.print(table)
    if any(row.lr_factor != 1 for row in report.rows):
        console.print("×: factor on the learned learning rates, chosen for that learner")


def show_search(found: Search) -> None:
    """Print the architectures, best first, and the rank correlations."""
    from rich.console import Console
    from rich.table import Table

    facts = found.provenance
    table = Table(
        title=f"Accuracy (%), inference, {facts['source']}",
        caption="generated, real: the same few steps, on held-out digits; full: training on real "
        "digits until the accuracy stops rising, on the test digits",
    )
    table.add_column("architecture", no_wrap=True)
    for heading in ("parameters", "generated", "real", "full"):
        table.add_column(heading, justify="right")
    for candidate in found.candidates:
        shares = (candidate.generated, candidate.real, candidate.full)
        table.add_row(
            candidate.name, f"{candidate.parameters:,}", *[f"{100 * share:.1f}" for share in shares]
        )
    console = Console()
    console.print(table)
    for quick in ("generated", "real"):
        rho, p = found.correlation(quick)
        console.print(
            f"rank correlation of {quick} with full: {rho:.2f} (p = {p:.2g}, "
            f"{len(found.candidates)} architectures)"
        )


def _cell(row: Row, measure: str) -> str:
    scores = {str(name): found for name, found in row.scores.items()}[measure]
    return f"{100 * scores.mean:.1f} ±{100 * scores.margin:.1f} ({100 * scores.std:.1f})"
