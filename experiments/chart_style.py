"""What the charts of the results page share: colours, marks, panels and legends."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.results import LABELS, Result, by_experiment
from gtnlab.curriculum import MEASURES, Measure

__all__ = [
    "COLOURS",
    "MARKS",
    "box",
    "kind_handles",
    "legend_patch",
    "lowest",
    "row_of_panels",
    "title_of",
    "told_apart",
]

# Okabe & Ito's colours, told apart by the colour-blind; each also has a mark or a dash of its own.
COLOURS = dict(zip(LABELS, ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=True))
MARKS = dict(zip(LABELS, ("o", "s", "^", "D"), strict=True))
LOWEST = 60  # per cent: an axis starts here where every curve ends above it


def row_of_panels(
    results: list[Result], *, height: float, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """A row of panels, one for each experiment."""
    count = len(by_experiment(results))
    figure = Figure(figsize=(max(5.0, 4.4 * count), height), layout="constrained")
    return figure, list(np.atleast_1d(np.asarray(figure.subplots(1, count, sharey=sharey))))


def title_of(group: list[Result]) -> str:
    """An experiment's name and size."""
    config = group[0].config
    return f"{group[0].experiment}: {config.steps} steps × {config.batch} images"


def told_apart(result: Result) -> tuple[Measure, ...]:
    """Both measures, or one of them where the learner has no batch statistics to tell them by."""
    accuracy = result.curriculum.accuracy
    same = np.array_equal(accuracy.min(axis=2), accuracy.max(axis=2))
    return ("inference",) if same else MEASURES


def kind_handles(results: list[Result]) -> list[Line2D]:
    """Legend entries of the kinds of result that there are."""
    present = [kind for kind in LABELS if any(r.kind == kind for r in results)]
    return [
        Line2D([], [], color=COLOURS[k], marker=MARKS[k], markersize=4, label=LABELS[k])
        for k in present
    ]


def legend_patch(colour: str, label: str) -> Line2D:
    """A legend entry for boxes of a colour."""
    return Line2D([], [], color=colour, alpha=0.55, linewidth=8, label=label)


def box(axes: Axes, values: np.ndarray, place: float, width: float, colour: str) -> None:
    """One box plot."""
    axes.boxplot(
        [values],
        positions=[place],
        widths=width,
        manage_ticks=False,
        patch_artist=True,
        boxprops={"facecolor": colour, "alpha": 0.55},
        medianprops={"color": "black"},
        flierprops={"markersize": 4},
    )


def lowest(results: list[Result]) -> int:
    """Where an axis of accuracy starts, in per cent."""
    ends = [r.curriculum.accuracy[-1, r.curriculum.orders.index("ordered"), :, -1] for r in results]
    return LOWEST if 100 * np.min(ends) > LOWEST else 0
