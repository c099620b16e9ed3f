"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["Device", "Learner", "Learners", "Recorded", "Seed", "Teacher"]

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
