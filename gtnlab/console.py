"""What the commands share: options, progress, tables, and errors in one sentence."""

from __future__ import annotations

import contextlib
import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table
from typer.core import TyperGroup

from gtnlab.errors import GtnError

if TYPE_CHECKING:
    import torch

    from gtnlab.digits import Digits
    from gtnlab.evaluation.architecture_search import Search
    from gtnlab.evaluation.report import Report

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


class UsageError(GtnError):
    """What was asked for makes no sense, whatever the machine."""


class Commands(TyperGroup):
    """Commands that end with an error's own words, instead of a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except GtnError as error:
            typer.secho(f"gtnlab: {error}", fg="red", err=True)
            raise typer.Exit(2 if isinstance(error, UsageError) else 1) from error


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Whatever is wrong in this context is wrong with what was asked for."""
    try:
        yield
    except GtnError as error:
        raise UsageError(str(error)) from error


@contextlib.contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error that appears when first told how many parts are done, of how many."""
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


def table_of(left: Iterable[str], right: Iterable[str], **settings: Any) -> Table:
    """A table with these headings, of words on the left and of numbers on the right."""
    table = Table(**settings)
    for heading in left:
        table.add_column(heading, no_wrap=True)
    for heading in right:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def show_report(report: Report) -> None:
    """Print an evaluation as a table, both measures side by side."""
    from gtnlab.curriculum import MEASURES

    facts, console = report.provenance, Console()
    table = table_of(
        ("taught with", "learner"),
        MEASURES,
        title=f"Accuracy (%) of {facts['learners']} fresh learners on {facts['test_images']} "
        f"test images ({facts['source']})",
        caption="mean ± half of its 95 % interval (spread between learners)",
        box=SIMPLE_HEAD,
    )
    for row in report.rows:
        learner = row.learner if row.lr_factor == 1 else f"{row.learner} ×{row.lr_factor:g}"
        cells = (
            f"{100 * found.mean:.1f} ±{100 * found.margin:.1f} ({100 * found.std:.1f})"
            for found in (row.scores[measure] for measure in MEASURES)
        )
        table.add_row(row.name, learner, *cells)
    console.print(table)
    if any(row.lr_factor != 1 for row in report.rows):
        console.print("×: factor on the learned learning rates, chosen for that learner")


def show_search(found: Search) -> None:
    """Print the architectures, best first, and the rank correlations."""
    console = Console()
    table = table_of(
        ["architecture"],
        ("parameters", "generated", "real", "full"),
        title=f"Accuracy (%), inference, {found.provenance['source']}",
        caption="generated, real: the same few steps, on held-out digits; full: training on real "
        "digits until the accuracy stops rising, on the test digits",
    )
    for candidate in found.candidates:
        shares = (candidate.generated, candidate.real, candidate.full)
        cells = [f"{100 * share:.1f}" for share in shares]
        table.add_row(candidate.name, f"{candidate.parameters:,}", *cells)
    console.print(table)
    for quick in ("generated", "real"):
        rho, p = found.correlation(quick)
        console.print(
            f"rank correlation of {quick} with full: {rho:.2f} (p = {p:.2g}, "
            f"{len(found.candidates)} architectures)"
        )
