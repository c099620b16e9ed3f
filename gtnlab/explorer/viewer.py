"""The explorer: sliders over a curriculum's inner steps, and over how the curriculum grew.

`explore()` as the last line of a cell. With a kernel it is made of widgets; without one, the
same output holds a page with sliders of its own and a picture (`static_page`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from gtnlab.curriculum import Curriculum
from gtnlab.errors import GtnError
from gtnlab.explorer.panel import WIDE, WRAP, Loader, Panel
from gtnlab.explorer.playback import variant_of
from gtnlab.explorer.recordings import find_curricula, names
from gtnlab.explorer.stage import view
from gtnlab.explorer.static_page import fragment, still

PLAY_MILLISECONDS = 400


def explore(
    folder: Path | str | None = None,
    *,
    experiment: str | None = None,
    compare: bool = False,
    also: Mapping[str, Curriculum] | None = None,
) -> Explorer:
    """Look through recorded curricula; the last line of a cell displays what this returns.

    Args:
        folder: where the recordings (.npz) lie; found by itself if not given.
        experiment: the experiment, or the recording, to begin with: `class`, `seed_C_lean_random`.
        compare: begin with two panels side by side.
        also: curricula that are in no file, by the name under which to list them.

    Raises:
        GtnError: there are no recordings, or none of that experiment.
    """
    given = dict(also or {})
    place = Path(folder) if folder is not None else find_curricula()
    listed = [*given, *(name for name in names(place) if name not in given)]
    of_it = [name for name in listed if experiment in (None, name, variant_of(name)[0])]
    if not of_it:
        raise GtnError(f"There is no recording of {experiment!r}, only of {', '.join(listed)}.")

    @lru_cache(maxsize=8)
    def load(name: str) -> Curriculum:
        return given[name] if name in given else Curriculum.load(place / f"{name}.npz")

    return Explorer(listed, load, first=of_it[0], compare=compare)


class Explorer:
    """Two sliders over one panel, or over two to compare.

    Attributes:
        inner: the slider over inner steps, from 1.
        outer: the slider over snapshots; its labels are outer steps.
        compare: whether the second panel shows.
        measure: the measure of the curves, where there is a choice.
        panels, widget: both panels, and all of it.
    """

    def __init__(self, listed: list[str], load: Loader, *, first: str, compare: bool) -> None:
        aligned: dict[str, Any] = {
            "style": {"description_width": "5.5em"},
            "layout": widgets.Layout(width="28em", margin="2px"),
        }
        self.inner = widgets.IntSlider(description="Inner step", min=1, **aligned)
        self.outer = widgets.SelectionSlider(description="Outer step", options=["0"], **aligned)
        narrow, wide = widgets.Layout(width="10em"), widgets.Layout(width="16em")
        self.compare = widgets.Checkbox(
            value=compare, description="Compare two", indent=False, layout=narrow
        )
        self.measure = widgets.Dropdown(
            description="Measure", options=[""], style=WIDE, layout=wide
        )
        self.panels = [
            Panel(listed, load, name, inner=self.inner, outer=self.outer)
            for name in (first, _rival(listed, first, load))
        ]
        self._inner_play = _play(self.inner, "value", first=1)
        self._outer_play = _play(self.outer, "index", first=0)
        self._side_by_side = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        self.widget = widgets.VBox(
            [
                _row(self.inner, widgets.Label("Play inner steps"), self._inner_play),
                _row(self.outer, widgets.Label("Play outer steps"), self._outer_play),
                _row(self.compare, self.measure),
                self._side_by_side,
            ]
        )
        self.widget.add_class("gtn-explorer")
        self._fit()
        self.outer.index = len(self.outer.options) - 1
        self.measure.observe(self._show, "value")
        self.compare.observe(self._fit, "value")
        for panel in self.panels:
            panel.on_choice(self._fit)

    @property
    def shown(self) -> list[Panel]:
        """The panels in sight."""
        return self.panels if self.compare.value else self.panels[:1]

    def _fit(self, _: object = None) -> None:
        """Give the sliders the reach of what is shown, and show it."""
        self.inner.max = self._inner_play.max = max(p.playback.steps for p in self.shown)
        labels = [str(step) for step in self.panels[0].playback.curriculum.outer_step]
        if labels != list(self.outer.options):
            share = (self.outer.index or 0) / max(1, len(self.outer.options) - 1)
            self._outer_play.max = len(labels) - 1
            with self.outer.hold_sync():
                self.outer.options = labels
                self.outer.index = round(share * (len(labels) - 1))
        measures = list(dict.fromkeys(m for p in self.shown for m in p.playback.measures))
        if measures != list(self.measure.options):
            self.measure.options = measures
        self.measure.layout.display = None if len(measures) > 1 else "none"
        self._side_by_side.children = [panel.widget for panel in self.shown]
        self._show()

    def _show(self, _: object = None) -> None:
        for panel in self.shown:
            panel.show(str(self.measure.value))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        played = [panel.playback for panel in self.shown]
        picture = still(played)
        # In Colab, metadata says where the code of widgets comes from; elsewhere there is none.
        _, metadata = self.panels[0].stage._repr_mimebundle_() or ({}, {})
        shown = {
            **view(self.widget),
            "text/html": fragment(played, picture),
            "image/png": picture,
            "text/plain": "\n".join(each.title() for each in played),
        }
        return shown, metadata


def _rival(listed: list[str], first: str, load: Loader) -> str:
    """What to compare with at first: another recording of the same experiment, if there is one.

    A curriculum that is listed under a name of its own still knows which experiment made it.
    """
    made_by = load(first).provenance.get("config", {}).get("name")
    others = [name for name in listed if name != first]
    same = [name for name in others if variant_of(name)[0] == variant_of(first)[0]]
    alike = [name for name in others if variant_of(name)[0] == made_by]
    return next(iter([*same, *alike, *others]), first)


def _play(slider: Any, trait: str, *, first: int) -> Any:
    """Buttons that move a slider by themselves, in the browser: no kernel has to keep time."""
    play = widgets.Play(
        min=first, value=first, max=first, interval=PLAY_MILLISECONDS, show_repeat=False
    )
    widgets.jslink((play, "value"), (slider, trait))
    return play


def _row(*controls: Any) -> Any:
    return widgets.HBox(controls, layout=WRAP)
