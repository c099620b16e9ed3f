"""One panel of the explorer: a batch of images, the accuracy curve, and the numbers at a step."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from gtnlab.curriculum import Curriculum
from gtnlab.explorer import frames
from gtnlab.explorer.playback import SHOWN_ORDERS, Playback, variant_of
from gtnlab.explorer.stage import Moment, Stage

Loader = Callable[[str], Curriculum]
"""From the name of a recording to what was recorded."""

WRAP = widgets.Layout(flex_flow="row wrap", align_items="center")
NATURAL = widgets.Layout(align_self="flex-start", max_width="100%")  # shrinks, never grows
WIDE = {"description_width": "initial"}  # no description is cut short
NO_VARIANT = "recorded"


class Panel:
    """One recording in one order: `playback` is what its three dropdowns chose."""

    def __init__(
        self, listed: list[str], load: Loader, name: str, *, inner: Any, outer: Any
    ) -> None:
        self._load = load
        self._told: Callable[[], None] | None = None
        self._measure = ""
        self._recordings: dict[str, dict[str, str]] = {}  # experiment → variant → name
        for each in listed:
            experiment, variant = variant_of(each)
            self._recordings.setdefault(experiment, {})[variant or NO_VARIANT] = each
        experiment, variant = variant_of(name)
        variants = list(self._recordings[experiment])
        self.experiment = _dropdown("Experiment", list(self._recordings), experiment)
        self.variant = _dropdown("Variant", variants, variant or NO_VARIANT)
        self.order = _dropdown("Order", list(SHOWN_ORDERS), "ordered")
        facts = widgets.HTML()
        facts.add_class("gtn-facts")
        picture = widgets.Image(format="png", layout=NATURAL)
        self.stage = Stage(inner=inner, outer=outer, picture=picture, facts=facts)
        self.stage.on_ask(self.moment)
        choices = widgets.HBox([self.experiment, self.variant, self.order], layout=WRAP)
        left = widgets.VBox([picture], layout=_column("32em"))
        right = widgets.VBox([facts, self.stage], layout=_column("26em"))
        shown = widgets.HBox([left, right], layout=widgets.Layout(flex_flow="row wrap"))
        self.widget = widgets.VBox([choices, shown], layout=_column("24em"))
        self.widget.add_class("gtn-panel")
        self.playback = self._chosen()
        self.experiment.observe(self._new_experiment, "value")
        self.variant.observe(self._new_choice, "value")
        self.order.observe(self._new_choice, "value")

    def on_choice(self, told: Callable[[], None]) -> None:
        """Call this when another recording or order was chosen."""
        self._told = told

    def show(self, measure: str) -> None:
        """Show what was chosen, with the curve of a measure."""
        played = self.playback
        self._measure = measure
        with self.stage.hold_sync():
            self.stage.snapshots, self.stage.steps = played.snapshots, played.steps
            self.stage.measure = measure if len(played.measures) > 1 else ""
            self.stage.showing = f"{played.name}, {played.order}, {measure}"
        if not self.stage.picture.value:  # something to see until the browser has asked
            first = self.moment(played.snapshots - 1, 0)
            self.stage.picture.value, self.stage.facts.value = first.png, first.facts

    def moment(self, snapshot: int, step: int) -> Moment:
        """An inner step (from 0) of a snapshot."""
        played = self.playback
        pixels = frames.grid(
            played.images(snapshot, step), played.labels(step), played.targets(snapshot, step)
        )
        lines = {order: played.accuracy(snapshot, self._measure, order) for order in SHOWN_ORDERS}
        return Moment(
            snapshot=snapshot,
            step=step,
            png=frames.png(pixels),
            alt=_alt(played, snapshot, step),
            facts=facts(played, snapshot, step),
            series=[
                {"order": order, "values": values.tolist(), "chosen": order == played.order}
                for order, values in lines.items()
                if values is not None
            ],
            note=f"not recorded: {played.order}" if lines[played.order] is None else "",
        )

    def _chosen(self) -> Playback:
        name = self._recordings[self.experiment.value][self.variant.value]
        return Playback(name, self._load(name), self.order.value)

    def _new_experiment(self, _: object) -> None:
        variants, kept = list(self._recordings[self.experiment.value]), self.variant.value
        # Between the two assignments the old variant may not exist: tell nobody until then.
        self.variant.unobserve(self._new_choice, "value")
        self.variant.options = variants
        self.variant.value = kept if kept in variants else variants[0]
        self.variant.observe(self._new_choice, "value")
        self._new_choice()

    def _new_choice(self, _: object = None) -> None:
        self.playback = self._chosen()
        if self._told is not None:
            self._told()


def facts(played: Playback, snapshot: int, step: int) -> str:
    """The numbers at an inner step (from 0), as HTML; only recorded ones."""
    recorded = played.curriculum
    found = f"not recorded in this order (recorded: {', '.join(recorded.orders)})"
    if played.order in recorded.orders:
        named = len(played.measures) > 1
        found = ", ".join(
            f"{100 * values[step]:.1f} %" + (f" ({measure})" if named else "")
            for measure in played.measures
            if (values := played.accuracy(snapshot, measure)) is not None
        )
    lines = [
        f"<b>Inner step {step + 1} of {played.steps}</b>, "
        f"teacher after {recorded.outer_step[snapshot]} outer steps",
        f"Accuracy after this step: <b>{html.escape(found)}</b>",
        f"Learning rate {recorded.lr[snapshot, step]:.3g}, "
        f"momentum {recorded.momentum[snapshot, step]:.3g}",
        f"<small>{html.escape(played.caption())}</small>",
    ]
    return "<br>".join(lines)


def _alt(played: Playback, snapshot: int, step: int) -> str:
    labels = " ".join(str(label) for label in played.labels(step))
    return (
        f"{played.batch} generated images of inner step {step + 1} ({played.title()}, "
        f"{played.order}, after {played.curriculum.outer_step[snapshot]} outer steps), "
        f"labelled {labels}"
    )


def _dropdown(description: str, options: list[str], value: str) -> Any:
    layout = widgets.Layout(width="13em")
    return widgets.Dropdown(
        description=description, options=options, value=value, style=WIDE, layout=layout
    )


def _column(width: str) -> Any:
    """Wide enough to read, shrinking with the page, wrapping below when it must."""
    return widgets.Layout(flex=f"1 1 {width}", min_width="0", padding="4px 12px 4px 0")
