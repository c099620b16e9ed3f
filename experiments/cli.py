"""The commands that `experiments` adds to `gtnlab`: sweep, publish, verify and results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gtnlab.console import (
    Device,
    Learner,
    Learners,
    Teacher,
    UsageError,
    counted,
    loud_digits,
    progress,
    table_of,
    usage_errors,
)
from gtnlab.errors import GtnError

if TYPE_CHECKING:
    from gtnlab.evaluation.report import Report

CURRICULA = Path("data/curricula")


def sweep(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SWEEP",
            help="nine (A, B and C in all three variants), full (the paper's size, the nine, and "
            "the replication's own nine with either teacher), class (class in all three "
            "variants), cpu (all that is recorded with the course: six hours of a CPU core) or "
            "inference (ways to a learner that is good in inference).",
        ),
    ],
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on the workers of this Dask scheduler, e.g. tcp://head:8786.",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            min=1,
            help="Runs at once on this machine: its CPU cores, or what its GPU's memory holds.",
        ),
    ] = 1,
    seeds: Annotated[int, typer.Option(min=1, help="Repeat everything with so many seeds.")] = 1,
    outer_steps: Annotated[
        int | None, typer.Option(help="Outer steps in place of the experiments'.")
    ] = None,
    teacher: Teacher = None,
    learner: Learner = None,
    learners: Learners = 10,
    budget: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help="Time for all of them. The most wanted come first; each is timed for a few "
            "outer steps and left out if the rest would not fit.",
        ),
    ] = None,
    device: Device = "auto",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the runs; runs/SWEEP by default.", file_okay=False),
    ] = None,
) -> None:
    """Run a table of experiments, on this machine or on many.

    Each experiment, variant and seed is one task with a run directory of its own. Results are
    written as they come in. Start the same sweep again and it goes on: finished tasks are left
    alone, interrupted ones resume from their checkpoint.

    For example:
      gtnlab sweep full --seeds 2 --budget 600
      gtnlab sweep nine --scheduler tcp://head:8786
      gtnlab sweep class --outer-steps 200 --out runs/quick
      gtnlab sweep inference --learners 4
    """
    from experiments.sweep import RESULT, finished, run_sweep, tasks
    from gtnlab.evaluation.report import Report

    place = out or Path("runs") / name
    if scheduler and jobs > 1:
        raise UsageError("--jobs is for this machine and --scheduler for others: give one.")
    if budget and (scheduler or jobs > 1):
        raise UsageError("--budget runs one after the other: leave --jobs and --scheduler.")
    settings = {"outer_steps": outer_steps, "teacher": teacher, "learner": learner}
    with usage_errors():
        every = tasks(name, place, seeds, device=device, **settings)
    todo = [task for task in every if not finished(task)]
    if len(todo) < len(every):
        typer.echo(f"{len(every) - len(todo)} of {len(every)} tasks have their results", err=True)
    with counted(f"sweep {name}", len(todo)) as count:
        ended = run_sweep(
            todo,
            scheduler=scheduler,
            jobs=jobs,
            learners=learners,
            budget=budget,
            on_outcome=count,
        )
    _show_sweep({t.name: Report.load(t.folder / RESULT) for t in every if finished(t)})
    for outcome in ended:
        if outcome.seconds_needed is not None:
            typer.echo(
                f"left out: {outcome.task.name}, which needs about "
                f"{outcome.seconds_needed:.0f} s for its outer steps"
            )
    failed = [outcome for outcome in ended if outcome.failure]
    for outcome in failed:
        typer.secho(f"gtnlab: {outcome.task.name}: {outcome.failure}", fg="red", err=True)
    if failed:
        raise GtnError(f"{len(failed)} of {len(every)} tasks failed; the others are in {place}.")


def publish(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Run directories (runs/class).")
    ],
    to: Annotated[
        Path, typer.Option(help="Folder of recorded curricula.", file_okay=False)
    ] = CURRICULA,
    note: Annotated[
        str, typer.Option(help="A sentence to keep with them and to show with their times.")
    ] = "",
    megabytes: Annotated[
        float, typer.Option(min=0.1, max=3.0, help="Size of each file, at most.")
    ] = 3.0,
    device: Device = "auto",
) -> None:
    """Write recorded curricula that are small enough to hand out.

    Each becomes EXPERIMENT_VARIANT.npz, with a claim that can be checked: what ten fresh learners
    reach on its images. Snapshots are left out, evenly, until it is small enough. The run's
    evaluation.json goes beside it.

    For example:
      gtnlab publish runs/class
      gtnlab publish runs/cpu/* --to data/curricula
    """
    from experiments.publishing import LEARNERS_OF_CLAIM
    from experiments.publishing import publish as write
    from gtnlab.experiments import resolve_device

    _, test = loud_digits(resolve_device(device))
    with counted("publishing", LEARNERS_OF_CLAIM * len(runs)) as count:
        most = int(1e6 * megabytes)
        written = [
            write(run, to, test, note=note, max_bytes=most, on_learner=count) for run in runs
        ]
    for path in written:
        typer.echo(f"written: {path} ({path.stat().st_size / 1e6:.1f} MB)")


def verify(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH…", help="Recorded .npz files, or folders of them."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Two learners and the last snapshot only: seconds.")
    ] = False,
    device: Device = "auto",
) -> None:
    """Check that recorded curricula do what they say.

    Fresh learners are taught with the images as they are stored. What they reach on real digits
    must agree with what the file claims, within its interval. About a minute for each file.

    For example:
      gtnlab verify data/curricula
      gtnlab verify data/curricula/class_learned.npz --quick
    """
    from experiments.verify import verify as check
    from gtnlab.experiments import resolve_device
    from gtnlab.explorer.recordings import find_curricula, names

    files: list[Path] = []
    for path in paths or [find_curricula()]:
        files += [path] if path.suffix == ".npz" else [path / f"{n}.npz" for n in names(path)]
    _, test = loud_digits(resolve_device(device))
    wrong = []
    for path in files:
        try:
            with progress(path.name) as tick:
                found = check(path, test, quick=quick, on_progress=tick)
        except GtnError as error:
            typer.secho(f"gtnlab: {error}", fg="red", err=True)
            wrong.append(path)
            continue
        # The first checks are of the claim, one for each measure.
        said = [str(each) for each in found[:2]]
        typer.echo(f"{path}: holds ({len(found)} numbers checked)\n  " + "\n  ".join(said))
    if wrong:
        raise GtnError(
            f"{len(wrong)} of {len(files)} files do not hold: "
            f"{', '.join(path.name for path in wrong)}."
        )


def results(
    out: Annotated[
        Path, typer.Option(help="The page; its figures go to a folder of its name beside it.")
    ] = Path("docs/results.md"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say whether the page is up to date.")
    ] = False,
) -> None:
    """Execute the results notebook and write its page, from the recordings alone.

    The notebook is experiments/results.ipynb. It fails where one of its sentences names a number
    that the recordings do not give. GTN_CURRICULA names other recordings than data/curricula.

    For example:
      gtnlab results
      gtnlab results --check
    """
    if out.suffix != ".md":
        raise UsageError(f"{out} should end in .md.")
    from experiments.results import make_results

    with progress("results") as tick:
        changed = make_results(out, check=check, on_cell=tick)
    if check and changed:
        names = ", ".join(path.name for path in changed)
        raise GtnError(f"{names}: not what the notebook gives today. Run: gtnlab results")
    for path in changed:
        typer.echo(f"written: {path}")
    if not changed:
        typer.echo(f"{out} is up to date.")


def _show_sweep(reports: dict[str, Report]) -> None:
    """Print a sweep's results, one run a line, ordered and shuffled in both measures."""
    from gtnlab.curriculum import MEASURES
    from gtnlab.learner import LEARNERS, members

    table = table_of(
        ["run"],
        ["ordered", "steps-shuffled", "statistics", "digits"],
        title="Mean accuracy (%): batch-statistics / inference",
    )
    for name, report in reports.items():
        means = {
            row.order: " / ".join(f"{100 * row.scores[m].mean:.1f}" for m in MEASURES)
            for row in report.rows
            if row.taught == "generated"
        }
        # Where inference has BatchNorm's from, which was chosen on held-out digits.
        batch_norm = any(LEARNERS[n].norm == "batch" for n in members(report.provenance["learner"]))
        statistics = report.own[0].statistics if batch_norm else "–"
        source = report.provenance["source"]
        table.add_row(name, means["ordered"], means["steps-shuffled"], statistics, source)
    Console().print(table)
