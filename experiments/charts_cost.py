"""The charts of the results page that show what training a teacher costs."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, ScalarFormatter

from experiments.chart_style import COLOURS, MARKS, lowest
from experiments.memory_use import MemoryUse
from experiments.results import Result, by_experiment

__all__ = ["memory", "seconds"]


def seconds(results: list[Result]) -> Figure:
    """Accuracy over the wall time of the teacher's training."""
    figure = Figure(figsize=(8.5, 5), layout="constrained")
    axes = figure.subplots()
    dashes = dict(zip(by_experiment(results), ("-", "--", ":", "-."), strict=False))
    for result in results:
        curriculum = result.curriculum
        place = curriculum.orders.index("ordered"), curriculum.measures.index("inference")
        minutes = curriculum.outer_step / result.outer_steps * result.minutes
        axes.plot(
            minutes,
            100 * curriculum.accuracy[:, place[0], place[1], -1],
            dashes.get(result.experiment, "-"),
            color=COLOURS[result.kind],
            marker=MARKS[result.kind],
            markersize=4,
            label=f"{result.experiment}, {result.label}",
        )
    axes.set(
        xlabel="minutes of training (wall time)",
        ylabel="accuracy (%), inference, in order",
        ylim=(lowest(results), 100),
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=9)
    return figure


def memory(use: MemoryUse) -> Figure:
    """Peak memory of a meta-gradient over inner steps, both axes logarithmic."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for values, style, mark, label in (
        (use.stored, "-", "o", "every inner step kept"),
        (use.checkpointed, "--", "s", "gradient checkpointing, every √steps"),
    ):
        axes.plot(
            use.inner_steps,
            [value / 1e6 for value in values],
            style,
            color="#0072B2" if mark == "o" else "#D55E00",
            marker=mark,
            label=label,
        )
        axes.annotate(
            f"{values[-1] / 1e6:.0f} MB",
            (use.inner_steps[-1], values[-1] / 1e6),
            xytext=(0, -20),
            textcoords="offset points",
            ha="center",
        )
    axes.margins(x=0.08)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(use.inner_steps)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(
        xlabel="inner steps",
        ylabel="peak memory of one meta-gradient (MB)",
        title=f"{use.learner}, {use.batch} images a step, {use.device}",
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", frameon=False)
    return figure
