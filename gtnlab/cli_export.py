"""The command that writes the explorer as a page of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gtnlab.console import failing_with_a_sentence, usage_error
from gtnlab.errors import GtnError

__all__ = ["export"]


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
    with failing_with_a_sentence():
        with usage_error():
            if not html:
                raise GtnError("say --html: a page is the only thing to export to.")
        from gtnlab.explorer.export import export_page

        target = out or Path(f"{Path(name).stem}.html")
        shown = export_page(name, target, curricula)
        size = target.stat().st_size / 1e6
        typer.echo(f"written: {target} ({size:.1f} MB), with {', '.join(shown)}")
