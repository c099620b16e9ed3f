"""The commands for recorded curricula: publish runs, verify what was published, show it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gtnlab.cli_options import Device
from gtnlab.console import failing_with_a_sentence, loud_digits, progress
from gtnlab.errors import GtnError

__all__ = ["publish", "results", "verify"]

CURRICULA = Path("data/curricula")


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
    device: Device = "auto",
) -> None:
    """Write recorded curricula that are small enough to hand out.

    Each becomes EXPERIMENT_VARIANT.npz, under 3 MB, with a claim that can be checked: what ten
    fresh learners reach on its images. The run's evaluation.json goes beside it.

    For example:
      gtnlab publish runs/class
      gtnlab publish runs/cpu/* --to data/curricula
    """
    with failing_with_a_sentence():
        from experiments.publishing import LEARNERS_OF_CLAIM
        from experiments.publishing import publish as write
        from gtnlab.training.experiments import resolve_device

        _, test = loud_digits(resolve_device(device))
        with progress("publishing") as tick:
            total, done = LEARNERS_OF_CLAIM * len(runs), 0

            def count() -> None:
                nonlocal done
                done += 1
                tick(done, total)

            written = [write(run, to, test, note=note, on_learner=count) for run in runs]
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
    with failing_with_a_sentence():
        from experiments.verify import verify as check
        from gtnlab.explorer.recordings import find_curricula, names
        from gtnlab.training.experiments import resolve_device

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
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Recorded curricula and their evaluations."),
    ] = CURRICULA,
    out: Annotated[
        Path, typer.Option(help="The page; its charts go to a folder of its name beside it.")
    ] = Path("docs/results.md"),
) -> None:
    """Write the results page: tables, charts and findings, from recorded files alone.

    For example:
      gtnlab results data/curricula --out docs/results.md
    """
    with failing_with_a_sentence():
        from experiments.results_page import write_page
        from gtnlab.console import usage_error

        with usage_error():
            if out.suffix != ".md":
                raise GtnError(f"{out} should end in .md.")
        for path in write_page(folder, out):
            typer.echo(f"written: {path}")
