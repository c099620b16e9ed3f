"""The charts of the results page, each from recorded curricula and their evaluations alone."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from experiments.chart_style import (
    COLOURS,
    MARKS,
    box,
    kind_handles,
    legend_patch,
    lowest,
    row_of_panels,
    title_of,
    told_apart,
)
from experiments.results import Result, by_experiment
from gtnlab.curriculum import MEASURES
from gtnlab.evaluation.published import PUBLISHED
from gtnlab.experiments import VARIANTS

__all__ = [
    "image_grids",
    "inner_steps",
    "measures",
    "orders",
    "outer_curves",
    "rates",
    "transfer",
]

ORDER_COLOURS = {"ordered": "#0072B2", "steps-shuffled": "#E69F00", "reversed": "#CC79A7"}
# Generated images hold every grey, so that what lies between them needs a colour.
GREYS = colormaps["gray"].with_extremes(bad="#56B4E9")
STYLES = {"inference": "-", "batch-statistics": ":"}
SHOWN = 16  # images of a batch


def outer_curves(results: list[Result]) -> Figure:
    """Accuracy after the whole lesson, over the teacher's training; one panel per experiment."""
    figure, panels = row_of_panels(results, height=4.6)
    for axes, group in zip(panels, by_experiment(results).values(), strict=True):
        for result in group:
            curriculum, kind = result.curriculum, result.kind
            row = curriculum.orders.index("ordered")
            for measure in told_apart(result):
                axes.plot(
                    curriculum.outer_step,
                    100 * curriculum.accuracy[:, row, curriculum.measures.index(measure), -1],
                    STYLES[measure],
                    color=COLOURS[kind],
                    marker=MARKS[kind],
                    markersize=4,
                )
        published = PUBLISHED.get(group[0].config.name)
        for variant in VARIANTS:
            if published and variant in published.ordered:
                axes.axhline(
                    published.ordered[variant], color=COLOURS[variant], dashes=(6, 3), linewidth=1
                )
        judged = group[0].curriculum.provenance["judged"]
        axes.set(
            title=f"{title_of(group)}\nfresh learners: {judged['learners']}, "
            f"test images: {judged['test_images']}",
            xlabel="outer steps",
            ylim=(lowest(group), 100),
        )
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("accuracy on real test digits (%)")
    handles = kind_handles(results)
    handles += [Line2D([], [], color="black", linestyle=STYLES[m], label=m) for m in MEASURES]
    if any(result.config.name in PUBLISHED for result in results):
        handles.append(
            Line2D(
                [],
                [],
                color="black",
                dashes=(6, 3),
                linewidth=1,
                label="published, batch-statistics, after 5000 outer steps",
            )
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def orders(results: list[Result]) -> Figure:
    """Box plots: what shuffling and reversing the batches does, in both measures."""
    groups = by_experiment(results)
    figure = Figure(figsize=(max(5.0, 4.4 * len(groups)), 7.5), layout="constrained")
    panels = np.asarray(figure.subplots(2, len(groups), sharey=True, squeeze=False))
    for line, measure in zip(panels, MEASURES, strict=True):
        for axes, group in zip(line, groups.values(), strict=True):
            for place, result in enumerate(group):
                for offset, order in zip((-0.26, 0, 0.26), ORDER_COLOURS, strict=True):
                    values = 100 * np.array(result.scores(order, measure).values)
                    box(axes, values, place + offset, 0.22, ORDER_COLOURS[order])
            labels = [result.label.replace(", ", ",\n") for result in group]
            axes.set_xticks(range(len(group)), labels)
            axes.set(title=title_of(group) if measure == MEASURES[0] else "", ylim=(0, 100))
            axes.grid(axis="y", alpha=0.3)
        line[0].set_ylabel(f"accuracy (%), {measure}")
    handles = [legend_patch(colour, order) for order, colour in ORDER_COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def image_grids(group: list[Result]) -> Figure:
    """The images of one experiment's teachers side by side; a row is one inner step's batch."""
    steps = group[0].curriculum.steps
    shown = min(SHOWN, group[0].curriculum.batch)
    side = 0.3  # inches
    size = (side * shown * len(group) + 1, side * steps + 1.2)
    figure = Figure(figsize=size, layout="constrained")
    panels = np.atleast_1d(np.asarray(figure.subplots(1, len(group))))
    for axes, result in zip(panels, group, strict=True):
        images = result.curriculum.images[-1][:, :shown]  # [steps, shown, 28, 28]
        gaps = ((0, 0), (0, 0), (1, 1), (1, 1))
        framed = np.pad(images.astype(np.float32), gaps, constant_values=np.nan)
        sheet = framed.transpose(0, 2, 1, 3).reshape(steps * 30, shown * 30)
        axes.imshow(sheet, cmap=GREYS, vmin=0, vmax=255, interpolation="nearest")
        labels = [str(label) for label in result.curriculum.labels[:shown]]
        axes.set_xticks(np.arange(shown) * 30 + 15, labels)
        axes.set_yticks(np.arange(steps) * 30 + 15, [str(step) for step in range(1, steps + 1)])
        axes.tick_params(length=0)
        axes.set(title=result.label, xlabel="label")
    panels[0].set_ylabel("inner step")
    of = group[0].curriculum.batch
    figure.suptitle(
        f"{title_of(group)}: "
        + (f"the first {shown} of {of} images" if shown < of else "all images")
    )
    return figure


def rates(results: list[Result]) -> Figure:
    """Learned learning rate (above) and momentum (below) of every inner step."""
    groups = by_experiment(results)
    figure = Figure(figsize=(max(5.0, 4.4 * len(groups)), 6.2), layout="constrained")
    panels = np.asarray(figure.subplots(2, len(groups), sharex="col", squeeze=False))
    for column, group in enumerate(groups.values()):
        above, below = panels[:, column]
        for result in group:
            look = {"color": COLOURS[result.kind], "marker": MARKS[result.kind]}
            inner = np.arange(1, result.curriculum.steps + 1)
            above.plot(inner, result.curriculum.lr[-1], markersize=4, **look)
            below.plot(inner, result.curriculum.momentum[-1], markersize=4, **look)
        above.set(title=title_of(group), yscale="log")
        above.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        above.yaxis.set_major_formatter("{x:g}")
        above.yaxis.set_minor_formatter(NullFormatter())
        below.set(xlabel="inner step", ylim=(0, 1))
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        for axes in (above, below):
            axes.grid(alpha=0.3)
    panels[0, 0].set_ylabel("learning rate (log scale)")
    panels[1, 0].set_ylabel("momentum")
    figure.legend(handles=kind_handles(results), loc="outside lower center", ncols=3, frameon=False)
    return figure


def inner_steps(results: list[Result]) -> Figure:
    """Accuracy after each inner step, in order (solid) and with the batches shuffled (dashed)."""
    figure, panels = row_of_panels(results, height=4.6, sharey=True)
    for axes, group in zip(panels, by_experiment(results).values(), strict=True):
        for result in group:
            curriculum, kind = result.curriculum, result.kind
            column = curriculum.measures.index("inference")
            for order, style in (("ordered", "-"), ("steps-shuffled", "--")):
                row = curriculum.orders.index(order)
                axes.plot(
                    np.arange(1, curriculum.steps + 1),
                    100 * curriculum.accuracy[-1, row, column],
                    style,
                    color=COLOURS[kind],
                    marker=MARKS[kind],
                    markersize=4,
                )
        judged = group[0].curriculum.provenance["judged"]
        axes.set(
            title=f"{title_of(group)}\nfresh learners: {judged['learners']}, "
            f"test images: {judged['test_images']}",
            xlabel="inner steps done",
            ylim=(0, 100),
        )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("accuracy (%), inference")
    handles = kind_handles(results)
    handles += [
        Line2D([], [], color="black", linestyle=style, label=label)
        for label, style in (("in order", "-"), ("steps shuffled", "--"))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def measures(results: list[Result]) -> Figure:
    """Both measures of every result on one line each: what batch statistics add."""
    figure = Figure(figsize=(9, 0.42 * len(results) + 1.7), layout="constrained")
    axes = figure.subplots()
    for place, result in enumerate(results):
        ends = [100 * result.scores("ordered", measure).mean for measure in MEASURES]
        axes.plot(ends, [place, place], color="#999999", linewidth=2, zorder=1)
        for end, measure in zip(ends, MEASURES, strict=True):
            face = COLOURS["learned"] if measure == "inference" else "white"
            axes.errorbar(
                end,
                place,
                xerr=100 * result.scores("ordered", measure).margin,
                marker="o" if measure == "inference" else "D",
                color=COLOURS["learned"],
                markerfacecolor=face,
                markersize=8 if measure == "inference" else 6,
                capsize=3,
                linestyle="none",
                label=measure if place == 0 else None,
            )
    axes.set_yticks(range(len(results)), [f"{r.experiment}, {r.label}" for r in results])
    axes.set_ylim(len(results) - 0.5, -0.5)
    axes.set(xlabel="accuracy (%), in order; bars: 95 % interval of the mean")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure


def transfer(results: list[Result]) -> Figure:
    """Other architectures taught with the same images, beside real ones in the same number."""
    shown = [result for result in results if result.report.transfer]
    figure = Figure(figsize=(max(6.0, 4.9 * len(by_experiment(shown))), 5), layout="constrained")
    panels = np.atleast_1d(np.asarray(figure.subplots(1, len(by_experiment(shown)), sharey=True)))
    for axes, group in zip(panels, by_experiment(shown).values(), strict=True):
        learners = [row.learner for row in group[0].report.transfer]
        every = [f"{group[0].report.provenance['learner']} (its own)", *learners]
        for place, result in enumerate(group):
            rows = [result.row("ordered"), *result.report.transfer]
            shift = (place - (len(group) - 1) / 2) * 0.2
            axes.errorbar(
                np.arange(len(rows)) + shift,
                [100 * row.scores["inference"].mean for row in rows],
                yerr=[100 * row.scores["inference"].margin for row in rows],
                color=COLOURS[result.kind],
                marker=MARKS[result.kind],
                capsize=3,
                linestyle="none",
            )
        for row in [row for result in group for row in result.report.own]:
            if row.taught != "generated":
                style = "--" if row.taught == "real-kmeans" else ":"
                axes.axhline(100 * row.scores["inference"].mean, color="black", linestyle=style)
        axes.set_xticks(range(len(every)), every, rotation=30, ha="right")
        axes.set(title=title_of(group), ylim=(0, 100))
        axes.grid(axis="y", alpha=0.3)
    panels[0].set_ylabel("accuracy (%), inference")
    handles = kind_handles(shown)
    handles += [
        Line2D([], [], color="black", linestyle=style, label=label)
        for label, style in (
            ("its own learner, as many real images by k-means", "--"),
            ("its own learner, as many drawn at random", ":"),
        )
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    return figure
