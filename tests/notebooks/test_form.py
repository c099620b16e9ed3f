"""The form of the homework: what every cell, figure and link keeps to."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

Namespace = dict[str, Any]
Run = Callable[..., str]

# pictures of the network: they have no axes
DRAWINGS = ["unrolled-figure", "bptt-figure", "way-back"]


def test_the_minutes_of_the_sections_add_up(cells: dict[str, Any], notebook: Any) -> None:
    table = cells["title"].source
    minutes = [int(m) for m in re.findall(r"^\| \d+ \|.*\| (\d+) \|$", table, re.MULTILINE)]
    assert f"| **{sum(minutes)}** |" in table
    headings = [
        int(minutes)
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for minutes in re.findall(r"^## \d+ · .* · (\d+) minutes$", cell.source, re.MULTILINE)
    ]
    assert headings == minutes


@pytest.fixture
def shown(homework: Namespace, monkeypatch: pytest.MonkeyPatch) -> Namespace:
    """A namespace in which figures stay open and displays are quiet."""
    monkeypatch.setattr(plt, "show", lambda: None)
    plt.close("all")
    return homework


def test_every_figure_labels_its_axes(
    shown: Namespace, cells: dict[str, Any], notebook: Any, run: Run, monkeypatch: Any
) -> None:
    monkeypatch.setattr(plt, "close", lambda *figures: None)
    shown["display"] = lambda *objects, **options: type("Handle", (), {"update": lambda *a: None})()
    for cell in notebook.cells:
        if cell.cell_type != "code" or "demonstration" not in cell.metadata.get("tags", []):
            continue
        source = cell.source.replace("random_sums(rng, 3000", "random_sums(rng, 1000")
        source = source.replace("random_sums(rng, 500,", "random_sums(rng, 20,")
        source = source.replace("[(0.03, 5), (0.01, 2), (0.003, 1)]", "[(0.03, 1)]")
        source = source.replace("[16, 64, 256]", "[16]").replace("(500, 50)", "(50, 5)")
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, cell.id, "exec"), shown)
        figures = [plt.figure(number) for number in plt.get_fignums()]
        for ax in [ax for figure in figures for ax in figure.axes]:
            colourbar = hasattr(ax, "_colorbar")
            if cell.id not in DRAWINGS:
                assert ax.get_ylabel(), f"{cell.id}: an axis without a label"
                assert colourbar or ax.get_xlabel(), f"{cell.id}: an axis without a label"
        if figures:
            following = notebook.cells[notebook.cells.index(cell) + 1].source
            assert "What to see" in following, f"{cell.id}: nothing says what to see"
        for number in plt.get_fignums():
            plt._pylab_helpers.Gcf.destroy(number)


def test_every_slider_has_a_description_that_is_not_cut_off(notebook: Any) -> None:
    sliders = re.findall(
        r"widgets\.\w*Slider\(.*\)", "\n".join(cell.source for cell in notebook.cells)
    )
    assert sliders
    for slider in sliders:
        assert 'description="' in slider
        assert "style=wide" in slider


def test_the_gradient_flow_is_measured_and_not_spelled_out(
    homework: Namespace, cells: dict[str, Any], run: Run
) -> None:
    run(homework, "jacobians")
    assert "** 2" not in cells["jacobians"].source
    np.random.seed(0)
    model = homework["RNN"](10, 5)
    digits = np.array([1, 2, 3])
    _, s = model.forward_propagation(digits)
    step = [np.diag(1 - s[t] ** 2) @ model.W for t in range(3)]
    measured = homework["jacobians_from_start"](model, digits)
    assert np.allclose(measured[0], np.eye(5))
    assert np.allclose(measured[1], step[1], atol=1e-8)
    assert np.allclose(measured[2], step[2] @ step[1], atol=1e-8)


def test_a_challenge_left_alone_gets_a_friendly_sentence(
    homework: Namespace, run: Run, cells: dict[str, Any]
) -> None:
    def unwritten(self: Any, x: Any, y: Any) -> Any:
        raise NotImplementedError

    homework["RNN"].bptt_linear_time = unwritten
    homework["milliseconds"] = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(cells["challenge-timing"].source.replace("[16, 64, 256]", "[16]"), homework)
    assert "That is fine." in printed.getvalue()
