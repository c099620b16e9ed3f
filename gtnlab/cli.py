"""The `gtnlab` command: train a teacher, judge what it makes, draw it, sweep, search."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gtnlab.console import (
    Commands,
    Device,
    Learner,
    Learners,
    Recorded,
    Seed,
    Teacher,
    UsageError,
    counted,
    loud_digits,
    progress,
    show_report,
    show_search,
    usage_errors,
)
from gtnlab.errors import GtnError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gtnlab.experiments import ExperimentConfig

# The commands import what they need when they run: torch takes seconds, and --help should not.

app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    help="""Generative Teaching Networks: teachers that train a network in a few steps.

A teacher makes the images that a fresh learner is trained on, and is itself trained so that
the learner does well on real digits (Such et al. 2019, arXiv 1912.07768). A first round:

  gtnlab train class             two minutes on two cores; writes runs/class
  gtnlab evaluate runs/class     fresh learners, other orders, other learners, real images
  gtnlab draw runs/class         the curriculum as a picture
  gtnlab export class --html     sliders over the recorded ones, as one page

With a GPU: [bold]gtnlab train A[/bold], the published experiment, or all nine with
[bold]gtnlab sweep nine[/bold]. MNIST comes from $MNIST_ROOT, or is downloaded to data/MNIST.

Exit status: 0 if everything asked for was done, 1 if not, 2 for a usage error.
""",
)


@app.command()
def train(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="The experiment: class (10 steps × 32 images, small enough for a laptop), "
            "family (32 × 64, for many architectures at once), A (20 × 32), B (10 × 32), "
            "C (10 × 16) or paper (32 × 128), each of these also as A_pixels, without a "
            "generator, and seed_A, seed_A_lean … with the replication's learner.",
        ),
    ],
    variant: Annotated[
        Literal["learned", "random_fixed", "random"] | None,
        typer.Option(
            help="The teacher's input vectors: learned with it, drawn once, or drawn again each "
            "time, so that there can be no curriculum."
        ),
    ] = None,
    teacher: Teacher = None,
    learner: Learner = None,
    outer_path: Annotated[
        Literal["batch-statistics", "inference"] | None,
        typer.Option(help="The measure that the teacher is trained for."),
    ] = None,
    outer_steps: Annotated[
        int | None, typer.Option(help="Outer steps in place of the experiment's.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after this long, with a complete result.")
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the run directory's checkpoint.")
    ] = False,
    track: Annotated[
        bool, typer.Option("--track", help="Also record the run in MLflow (mlflow.db).")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Run directory; runs/NAME by default.", file_okay=False)
    ] = None,
) -> None:
    """Meta-train a teacher and record what it makes.

    The run directory gets config.json, metrics.jsonl, checkpoint.pt and curriculum.npz.

    For example:
      gtnlab train class
      gtnlab train class --seconds 30 --seed 1 --out runs/quick
      gtnlab train A --variant random --track
      gtnlab train A --resume
    """
    from gtnlab.experiments import experiment, resolve_device
    from gtnlab.training.run import CURRICULUM, run_experiment, run_name

    with usage_errors():
        config = experiment(
            name,
            variant=variant,
            teacher=teacher,
            learner=learner,
            outer_path=outer_path,
            outer_steps=outer_steps,
            seed=seed,
            device=device,
        )
    if seconds is not None and seconds <= 0:
        raise UsageError(f"--seconds must be above 0, and is {seconds:g}.")
    place = out or Path("runs") / run_name(config)
    on = resolve_device(config.device)
    tracking = _tracker(config, place) if track else nullcontext()
    with tracking as tracker, progress("judging snapshots") as tick:
        curriculum = run_experiment(
            config,
            place,
            resume=resume,
            time_limit=seconds,
            digits=loud_digits(on),
            on_step=tracker.step if tracker else None,
            on_snapshot=tick,
        )
        if tracker:
            tracker.finish(curriculum)
    judged, facts = curriculum.provenance["judged"], curriculum.provenance
    typer.echo(f"{place / CURRICULUM}: {facts['outer_steps']} outer steps, {facts['seconds']} s")
    for row, order in enumerate(curriculum.orders):
        both = ", ".join(
            f"{100 * curriculum.accuracy[-1, row, column, -1]:.1f} % ({measure})"
            for column, measure in enumerate(curriculum.measures)
        )
        typer.echo(f"  {order}: {both}")
    typer.echo(
        f"  a first look (fresh learners: {judged['learners']}, test images: "
        f"{judged['test_images']} of {facts['source']}). In full: gtnlab evaluate {place}"
    )
    if tracker:
        typer.echo(f"  beside other runs: {tracker.show}")


@app.command()
def evaluate(
    run: Recorded,
    learners: Learners = 10,
    transfer: Annotated[
        bool, typer.Option(help="Also try architectures that the teacher never saw.")
    ] = True,
    real: Annotated[
        bool, typer.Option(help="Also teach with as many real images, random and by k-means.")
    ] = True,
    sample: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Test images for all rows but the first (ordered), to save time on a CPU.",
        ),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for evaluation.json and .png; RUN's own by default."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Put the run's row into this list of results, such as experiments/results.json.",
        ),
    ] = None,
) -> None:
    """Judge a recorded curriculum on the whole test set.

    Fresh learners are taught with it in order, shuffled and reversed; then other learners with
    it; then its own learner with real images. Each accuracy is given in both measures:
    [bold]batch-statistics[/bold], as published results have it, whose BatchNorm sees the test
    set, and [bold]inference[/bold], what a user of the learner gets.

    For example:
      gtnlab evaluate runs/class
      gtnlab evaluate runs/class --results experiments/results.json
      gtnlab evaluate data/curricula/class_learned.npz --no-transfer --out /tmp/judged
    """
    from gtnlab.curriculum import ORDERS
    from gtnlab.evaluation.baselines import BASELINES
    from gtnlab.evaluation.report import others, report
    from gtnlab.evaluation.results import add_result, result
    from gtnlab.experiments import resolve_device
    from gtnlab.explorer.picture import box_plots, save_picture
    from gtnlab.training.run import drawings, open_curriculum

    on = resolve_device(device)
    curriculum = open_curriculum(run)
    place = out or (run if run.is_dir() else run.parent)
    train_digits, test_digits = loud_digits(on)
    unseen, rivals = others(curriculum) if transfer else (), BASELINES if real else ()
    with counted("judging", len(ORDERS) + len(unseen) + len(rivals)) as count:
        found = report(
            curriculum,
            test_digits,
            train_digits,
            drawings=drawings(run, learners, on),
            sample=sample,
            transfer=unseen,
            baselines=rivals,
            learners=learners,
            seed=seed,
            on_row=count,
        )
    found.save(place / "evaluation.json")
    if results is not None:
        add_result(results, result(curriculum, found))
    save_picture(box_plots(found), place / "evaluation.png")
    show_report(found)
    typer.echo(f"written: {place / 'evaluation.json'}, {place / 'evaluation.png'}")


@app.command()
def draw(
    run: Recorded,
    out: Annotated[
        Path | None,
        typer.Option(help="The picture (.png, .svg or .pdf); curriculum.png beside the file."),
    ] = None,
) -> None:
    """Draw a recorded curriculum on one page.

    Its images by step, the accuracy of fresh learners by step, and the learned learning rate
    and momentum by step.

    For example:
      gtnlab draw runs/class
      gtnlab draw data/curricula/class.npz --out class.pdf
    """
    from gtnlab.explorer.picture import SUFFIXES, save_picture
    from gtnlab.explorer.picture import draw as draw_page
    from gtnlab.training.run import open_curriculum

    target = out or (run / "curriculum.png" if run.is_dir() else run.with_suffix(".png"))
    if target.suffix not in SUFFIXES:
        raise UsageError(f"{target} should end in one of {', '.join(SUFFIXES)}.")
    save_picture(draw_page(open_curriculum(run)), target)
    typer.echo(f"written: {target}")


@app.command()
def search(
    run: Recorded,
    full: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Accuracies after full training; full_training.json of the recorded curricula "
            "by default. Architectures that it lacks are trained and added, minutes each.",
        ),
    ] = None,
    learners: Annotated[int, typer.Option(min=1, help="Fresh learners per short training.")] = 4,
    seed: Seed = 0,
    device: Device = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder for search.json; RUN's own by default.")
    ] = None,
) -> None:
    """Rank learner architectures by a few steps on generated images.

    Says how well that rank agrees (Spearman) with the rank after full training on real digits,
    and how well the rank after as many real images in as many steps does. The candidates are
    those architectures of the family that no teacher is trained with.

    For example:
      gtnlab search runs/family
      gtnlab search runs/A --learners 10 --full runs/full_training.json
    """
    from gtnlab.evaluation.architecture_search import search as rank
    from gtnlab.evaluation.full_training import fully_trained
    from gtnlab.experiments import resolve_device
    from gtnlab.explorer.recordings import FULL_TRAINING, find_curricula
    from gtnlab.learner import UNSEEN
    from gtnlab.training.run import open_curriculum

    on = resolve_device(device)
    curriculum = open_curriculum(run)
    train_digits, test_digits = loud_digits(on)
    record = full or find_curricula() / FULL_TRAINING
    with progress("full training") as tick:
        accuracies = fully_trained(
            record, UNSEEN, train_digits, test_digits, seed=seed, on_architecture=tick
        )
    with progress("architectures") as tick:
        found = rank(
            curriculum, train_digits, accuracies, learners=learners, seed=seed, on_candidate=tick
        )
    place = (out or (run if run.is_dir() else run.parent)) / "search.json"
    found.save(place)
    show_search(found)
    typer.echo(f"written: {place}")


@app.command()
def export(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="An experiment with all its recorded variants (class), one recording "
            "(class_learned), a recorded .npz file or a run directory.",
        ),
    ],
    html: Annotated[bool, typer.Option("--html", help="As an HTML page: the only format.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page; NAME.html by default.")
    ] = None,
    curricula: Annotated[
        Path | None,
        typer.Option(help="Folder of the recordings; the course's own by default."),
    ] = None,
) -> None:
    """Write the explorer as one HTML page, under 5 MB, that works from disk and offline.

    For example:
      gtnlab export class --html
      gtnlab export runs/class --html -o class.html
    """
    if not html:
        raise UsageError("say --html: a page is the only thing to export to.")
    from gtnlab.explorer.static_page import export_page

    target = out or Path(f"{Path(name).stem}.html")
    shown = export_page(name, target, curricula)
    size = target.stat().st_size / 1e6
    typer.echo(f"written: {target} ({size:.1f} MB), with {', '.join(shown)}")


def _tracker(config: ExperimentConfig, place: Path) -> AbstractContextManager[Any]:
    trackers = list(entry_points(group="gtnlab.trackers"))
    if not trackers:
        raise GtnError(
            "--track belongs to the course's `experiments` package, which is not installed here. "
            "Install the course itself (pip install -e .[lab]), or leave --track out."
        )
    tracked: Callable[..., AbstractContextManager[Any]] = trackers[0].load()
    return tracked(config, place)


# Commands that only staff need are in a package of their own, which adds them here.
for _command in entry_points(group="gtnlab.commands"):
    app.command(_command.name)(_command.load())
