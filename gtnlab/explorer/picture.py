"""Static pictures: a curriculum on one page, and box plots of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure, FigureBase

from gtnlab.curriculum import MEASURES, Curriculum
from gtnlab.explorer.frames import tiled
from gtnlab.files import written_whole

if TYPE_CHECKING:
    from gtnlab.evaluation.report import Report

SUFFIXES = (".png", ".svg", ".pdf")
COLUMNS = 20  # images shown of each batch
LINES = {"batch-statistics": ":", "inference": "-"}
COLOURS = ("#1f5fa8", "#d1662a", "#4b8b3b", "#7b5aa6", "#777777")
# Where no learner uses batch statistics the two measures are one, and drawn as one.
BOTH = "both measures"


def draw(curriculum: Curriculum, snapshot: int = -1) -> Figure:
    """One snapshot on a page: images by step, accuracy by step, learned rates by step."""
    steps, shown = curriculum.steps, min(curriculum.batch, COLUMNS)
    height = max(5.5, 0.42 * steps + 1.6)
    figure = Figure(figsize=(15.5, height), layout="constrained")
    figure.suptitle(_title(curriculum, snapshot))
    halves = figure.add_gridspec(1, 2, width_ratios=(1.45, 1))
    left, right = figure.add_subfigure(halves[0]), figure.add_subfigure(halves[1])
    _draw_images(left, curriculum, snapshot, shown)
    above, below = right.subplots(2, 1, sharex=True)
    inner = np.arange(1, steps + 1)
    same = np.array_equal(curriculum.accuracy.min(axis=2), curriculum.accuracy.max(axis=2))
    for row, order in enumerate(curriculum.orders):
        for column, measure in enumerate(curriculum.measures):
            if same and column:
                continue
            values = 100 * curriculum.accuracy[snapshot, row, column]
            label = f"{order} ({BOTH if same else measure})"
            style = "-" if same else LINES.get(measure, "--")
            above.plot(inner, values, style, color=COLOURS[row], marker=".", label=label)
    above.set(ylabel="accuracy (%)", ylim=(0, 100))
    above.grid(alpha=0.3)
    above.legend(loc="lower right", fontsize=9)
    below.plot(inner, curriculum.lr[snapshot], color=COLOURS[0], marker=".")
    below.set(xlabel="inner step")
    below.set_ylabel("learning rate (solid)", color=COLOURS[0])
    below.set_ylim(bottom=min(0, *below.get_ylim()))
    below.grid(alpha=0.3)
    other = below.twinx()
    momentum = curriculum.momentum[snapshot]
    other.plot(inner, momentum, "--", color=COLOURS[1], marker=".")
    other.set_ylabel("momentum (dashed)", color=COLOURS[1])
    other.set_ylim(min(0, float(momentum.min())), max(1.02, float(momentum.max())))
    below.xaxis.get_major_locator().set_params(integer=True)
    return figure


def box_plots(report: Report) -> Figure:
    """The report's accuracies as boxes: orders and real images, then other architectures."""
    figure = Figure(figsize=(14, 5.5), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    facts = report.provenance
    for axes, rows, names, title in (
        (left, report.own, [row.name for row in report.own], f"learner {facts['learner']}"),
        (right, report.transfer, [row.learner for row in report.transfer], "other learners"),
    ):
        for offset, measure, colour in zip((-0.2, 0.2), MEASURES, COLOURS[1::-1], strict=True):
            if rows:
                axes.boxplot(
                    [100 * np.array(row.scores[measure].values) for row in rows],
                    positions=np.arange(len(rows)) + offset,
                    widths=0.32,
                    manage_ticks=False,
                    patch_artist=True,
                    boxprops={"facecolor": colour, "alpha": 0.45},
                    medianprops={"color": "black"},
                    label=measure,
                )
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
        axes.set_title(title)
        axes.grid(axis="y", alpha=0.3)
    left.set_ylabel(f"accuracy (%) on {facts['test_images']} test images, {facts['source']}")
    left.legend(loc="lower left")
    figure.suptitle(f"{facts['learners']} fresh learners each")
    return figure


def save_picture(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all, in the format of the path's suffix."""
    with written_whole(path) as scratch:
        figure.savefig(scratch, dpi=110)


def _draw_images(place: FigureBase, curriculum: Curriculum, snapshot: int, shown: int) -> None:
    images = curriculum.images[snapshot][:, :shown]  # [steps, shown, 28, 28]
    steps = len(images)
    framed = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=255)
    axes = place.subplots()
    axes.imshow(tiled(framed), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_xticks(np.arange(shown) * 30 + 15, [str(label) for label in curriculum.labels[:shown]])
    axes.set_yticks(np.arange(steps) * 30 + 15, [str(step) for step in range(1, steps + 1)])
    axes.tick_params(length=0)
    rest = f" (the first {shown} of {curriculum.batch} images)" if shown < curriculum.batch else ""
    axes.set(xlabel=f"label{rest}", ylabel="inner step")


def _title(curriculum: Curriculum, snapshot: int) -> str:
    facts = curriculum.provenance
    config = facts.get("config", {})
    judged = facts.get("judged", {})
    return (
        f"{config.get('name', 'curriculum')}, {config.get('variant', '?')}: "
        f"{curriculum.steps} steps × {curriculum.batch} images after "
        f"{curriculum.outer_step[snapshot]} outer steps\n"
        f"accuracy: mean over fresh {config.get('learner', '')} learners "
        f"({judged.get('learners', '?')}) on {judged.get('test_images', '?')} test images "
        f"({facts.get('source', '?')})"
    )
