"""A panel's stage: the part of the explorer that runs in the browser and follows the sliders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

HERE = Path(__file__).parent


def _script(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


CURVE = _script("curve.js")
STYLE = _script("explorer.css")


def view(widget: widgets.Widget) -> dict[str, Any]:
    """The MIME bundle that shows a widget.

    ipywidgets 8 has a method for this; ipywidgets 7, which Colab keeps, displays instead, and what
    it displays can be neither replaced nor given an alternative.
    """
    shown = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {"application/vnd.jupyter.widget-view+json": shown, "text/plain": repr(widget)}


@dataclass(frozen=True)
class Moment:
    """One inner step of one snapshot, ready to be shown."""

    snapshot: int  # from 0
    step: int  # from 0
    png: bytes  # the batch of images
    alt: str  # the same in words
    facts: str  # the numbers, as HTML
    # Lines of the curve: {order, values [steps] from 0 to 1, chosen (drawn bold)}.
    series: list[dict[str, Any]]
    note: str  # what was not recorded


def _widget(purpose: str) -> Any:
    trait = traitlets.Instance(widgets.Widget, help=purpose)
    return trait.tag(sync=True, **widgets.widget_serialization)


class Stage(anywidget.AnyWidget):
    """Draws the accuracy curve, and keeps it, the picture and the facts where the sliders stand.

    It asks the kernel for moments ahead of time, so that a key press finds them in the browser. It
    also gives the picture its `alt` text, and the explorer quiet from the notebook's shortcuts:
    ipywidgets has no word for either.
    """

    _esm = CURVE + _script("stage.js")
    _css = STYLE

    inner = _widget("Slider over inner steps, from 1.")
    outer = _widget("Slider over snapshots.")
    picture = _widget("The image to keep up.")
    facts = _widget("The text to keep up.")
    showing = traitlets.Unicode("", help="What was chosen: earlier moments are of no use.").tag(
        sync=True
    )
    snapshots = traitlets.Int(1, help="Snapshots of what was chosen.").tag(sync=True)
    steps = traitlets.Int(1, help="Inner steps of what was chosen.").tag(sync=True)
    measure = traitlets.Unicode("", help="The measure that is drawn, where there are two.").tag(
        sync=True
    )

    def on_ask(self, prepare: Callable[[int, int], Moment]) -> None:
        """Answer the browser with the moments, of a snapshot and a step, that this prepares."""

        def heard(_: Stage, content: dict[str, Any], __: object) -> None:
            if content["showing"] != self.showing:
                return  # asked before another choice was made: the browser asks again
            moments = [prepare(int(snapshot), int(step)) for snapshot, step in content["wanted"]]
            told = [asdict(moment) for moment in moments]
            pictures = [each.pop("png") for each in told]
            self.send({"showing": self.showing, "moments": told}, pictures)

        self.on_msg(heard)
