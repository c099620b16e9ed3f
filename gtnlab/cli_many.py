"""The commands that run many trainings: a sweep of experiments, a search of architectures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gtnlab.cli_options import Device, Learner, Learners, Recorded, Seed, Teacher
from gtnlab.console import (
    failing_with_a_sentence,
    loud_digits,
    progress,
    show_search,
    show_sweep,
    usage_error,
)
from gtnlab.errors import GtnError

__all__ = ["search", "sweep"]


def sweep(
    name: Annotated[
        str,
        typer.Argument(
            metavar="SWEEP",
            help="nine (A, B and C in all three variants), full (the nine with either teacher, and "
            "the paper's size), class (class in all three variants), cpu (class, B_lean and C_lean "
            "in all three, and C_lean trained for inference: three hours of a CPU core) or "
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
      gtnlab sweep full --seeds 2 --jobs 6
      gtnlab sweep nine --scheduler tcp://head:8786
      gtnlab sweep class --outer-steps 200 --out runs/quick
      gtnlab sweep inference --learners 4
    """
    with failing_with_a_sentence():
        from experiments.sweep import RESULT, Outcome, finished, run_sweep, tasks
        from gtnlab.evaluation.report import Report

        place = out or Path("runs") / name
        with usage_error():
            if scheduler and jobs > 1:
                raise GtnError("--jobs is for this machine and --scheduler for others: give one.")
            every = tasks(
                name,
                place,
                seeds,
                outer_steps=outer_steps,
                teacher=teacher,
                learner=learner,
                device=device,
            )
        todo = [task for task in every if not finished(task)]
        if len(todo) < len(every):
            typer.echo(
                f"{len(every) - len(todo)} of {len(every)} tasks have their results", err=True
            )
        with progress(f"sweep {name}") as tick:
            ended: list[Outcome] = []
            if todo:
                tick(0, len(todo))

            def count(outcome: Outcome) -> None:
                ended.append(outcome)
                tick(len(ended), len(todo))

            run_sweep(todo, scheduler=scheduler, jobs=jobs, learners=learners, on_outcome=count)
        show_sweep({t.name: Report.load(t.folder / RESULT) for t in every if finished(t)})
        failed = [outcome for outcome in ended if outcome.failure]
        for outcome in failed:
            typer.secho(f"gtnlab: {outcome.task.name}: {outcome.failure}", fg="red", err=True)
        if failed:
            raise GtnError(
                f"{len(failed)} of {len(every)} tasks failed; the others are in {place}."
            )


def search(
    run: Recorded,
    full_steps: Annotated[
        int, typer.Option(min=1, help="Steps of 128 real images that stand for full training.")
    ] = 300,
    learners: Annotated[int, typer.Option(min=1, help="Fresh learners per short training.")] = 2,
    seed: Seed = 0,
    device: Device = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder for search.json; RUN's own by default.")
    ] = None,
) -> None:
    """Rank learner architectures by a few steps on generated images.

    Says how well that rank agrees (Spearman) with the rank after full training on real digits,
    and how well the rank after as many real images in as many steps does.

    A teacher of a family is asked only about architectures that it was not trained with.

    For example:
      gtnlab search runs/family
      gtnlab search runs/A --full-steps 5000 --learners 5
    """
    with failing_with_a_sentence():
        from gtnlab.evaluation.architecture_search import search as rank
        from gtnlab.training.experiments import resolve_device
        from gtnlab.training.run import open_curriculum

        on = resolve_device(device)
        curriculum = open_curriculum(run)
        train_digits, test_digits = loud_digits(on)
        with progress("architectures") as tick:
            found = rank(
                curriculum,
                train_digits,
                test_digits,
                learners=learners,
                full_steps=full_steps,
                seed=seed,
                on_candidate=tick,
            )
        place = (out or (run if run.is_dir() else run.parent)) / "search.json"
        found.save(place)
        show_search(found)
        typer.echo(f"written: {place}")
