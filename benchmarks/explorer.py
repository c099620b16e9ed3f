"""How long after a key press the explorer shows the next image, in JupyterLab and Notebook 7.

Presses the arrow keys on the sliders, one press after the other, and takes the time in the page
from the key's event to the new image being decoded and ready to paint. The explorer fetches ahead
what one slider can reach while the other rests; what both reach together is not foreseen, and is
measured as `unforeseen`. In the same run, for comparison: the slider over inner steps when every
step redraws a matplotlib figure.

    python benchmarks/explorer.py

Needs a browser, as the browser tests do, whose fixtures it takes.
"""

from __future__ import annotations

import importlib
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).parents[1]
PRESSES = 16

EXPLORER = f"""
from gtnlab.explorer.viewer import explore
explore({str(ROOT / "data" / "curricula")!r}, experiment="class_learned")
"""

MATPLOTLIB = f"""
import io
from pathlib import Path
import ipywidgets as widgets
from matplotlib.figure import Figure
from gtnlab.curriculum import Curriculum

curriculum = Curriculum.load(Path({str(ROOT / "data" / "curricula" / "class_learned.npz")!r}))
slider = widgets.IntSlider(description="Inner step", min=1, max=curriculum.steps)
picture = widgets.Image(format="png")

def redraw(_=None):
    figure = Figure(figsize=(7, 4))
    for place, axes in enumerate(figure.subplots(4, 10).flat):
        axes.axis("off")
        if place < curriculum.batch:
            axes.imshow(curriculum.images[-1, slider.value - 1, place], cmap="gray")
            axes.set_title(str(curriculum.labels[place]), fontsize=8)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    picture.value = file.getvalue()

slider.observe(redraw, "value")
redraw()
widgets.VBox([slider, picture])
"""

# From the key's event to the decoded image that followed it.
LISTEN = """() => {
    window.seen = [];
    const image = document.querySelector('.jp-OutputArea img');
    let pressed = null;
    document.addEventListener('keydown', () => { pressed = performance.now(); }, true);
    new MutationObserver(async () => {
        const since = pressed;
        await image.decode();
        if (since !== null) window.seen.push(performance.now() - since);
        pressed = null;
    }).observe(image, { attributes: true, attributeFilter: ['src'] });
}"""


class Presses:
    """A page whose sliders are pressed."""

    def __init__(self, opened: Any) -> None:
        self.page = opened.page
        opened.run("measured")
        self.page.wait_for_selector(".jp-OutputArea img", timeout=120_000)
        self.page.wait_for_timeout(3000)
        self.page.evaluate(LISTEN)
        handles = self.page.locator(".noUi-handle")
        handles.evaluate_all(
            "all => all.forEach(one => one.setAttribute('data-lm-suppress-shortcuts', 'true'))"
        )
        self.inner, self.outer = handles.nth(0), handles.nth(1)

    def press(self, handle: Any, key: str) -> float:
        """Milliseconds from key press to image."""
        before = self.page.evaluate("window.seen.length")
        handle.press(key)
        self.page.wait_for_function("count => window.seen.length > count", arg=before)
        found: float = self.page.evaluate("window.seen.at(-1)")
        return found

    def walk(self, handle: Any, there: str, back: str) -> list[float]:
        """Half of the presses there, half back."""
        return [
            self.press(handle, key) for key in [there] * (PRESSES // 2) + [back] * (PRESSES // 2)
        ]

    def unforeseen(self) -> list[float]:
        """One slider at once after the other, before anything could be fetched."""
        found = []
        for _ in range(PRESSES // 2):
            self.press(self.inner, "ArrowRight")
            found.append(self.press(self.outer, "ArrowLeft"))
            self.page.wait_for_timeout(1000)
        return found


def test_latency(jupyter: Any, open_notebook: Callable[..., Any], front: str) -> None:
    def opened(source: str) -> Presses:
        path = jupyter.copy() / "measured.ipynb"
        made = new_notebook(cells=[new_code_cell(source, id="measured")])
        made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(made, path)
        return Presses(open_notebook(jupyter, path, front))

    ours = opened(EXPLORER)
    found = {
        "inner step": ours.walk(ours.inner, "ArrowRight", "ArrowLeft"),
        "outer step": ours.walk(ours.outer, "ArrowLeft", "ArrowRight"),
        "unforeseen": ours.unforeseen(),
    }
    plain = opened(MATPLOTLIB)
    found["matplotlib"] = plain.walk(plain.inner, "ArrowRight", "ArrowLeft")
    for name, times in found.items():
        slow = statistics.quantiles(times, n=10)[-1]
        median = statistics.median(times)
        print(f"{front:9} {name:11} {median:6.0f} ms median, {slow:6.0f} ms at the 90th %")
    ratio = statistics.median(found["matplotlib"]) / statistics.median(found["inner step"])
    print(f"{front:9} ratio       {ratio:6.1f}")


def main() -> None:
    sys.path.insert(0, str(ROOT / "tests" / "browser"))
    fixtures = importlib.import_module("conftest")
    os.environ.setdefault("CI", "true")  # without a browser there is nothing to measure: fail
    sys.exit(pytest.main(["-q", "-s", "-p", "no:cacheprovider", __file__], plugins=[fixtures]))


if __name__ == "__main__":
    main()
