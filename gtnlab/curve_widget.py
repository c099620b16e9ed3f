"""The accuracy curve of the explorer: a widget whose steps can be clicked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["CURVE", "STYLE", "Curve"]

HERE = Path(__file__).parent
CURVE = (HERE / "curve.js").read_text(encoding="utf-8")
STYLE = (HERE / "explorer.css").read_text(encoding="utf-8")


class Curve(anywidget.AnyWidget):
    """Accuracy after each inner step, a line for every recorded order.

    It also gives the picture in the same panel its `alt` text, and the explorer around it quiet
    from the notebook's shortcuts: ipywidgets has no word for either.
    """

    _esm = CURVE + (HERE / "curve_widget.js").read_text(encoding="utf-8")
    _css = STYLE

    series = traitlets.List(
        help="One line each: {order, values [steps] from 0 to 1, chosen (drawn bold)}."
    ).tag(sync=True)
    steps = traitlets.Int(1, help="Inner steps.").tag(sync=True)
    step = traitlets.Int(0, help="The inner step that is marked, from 0.").tag(sync=True)
    measure = traitlets.Unicode("", help="The measure that is drawn, where there are two.").tag(
        sync=True
    )
    note = traitlets.Unicode("", help="What was not recorded.").tag(sync=True)
    alt = traitlets.Unicode("", help="What the panel's picture shows, in words.").tag(sync=True)

    def on_pick(self, told: Callable[[int], None]) -> None:
        """Call this with the inner step (from 0) that was clicked or walked to."""

        def heard(_: Curve, content: dict[str, Any], __: object) -> None:
            told(int(content["picked"]))

        self.on_msg(heard)
