"""The form of the lab: what every cell and figure keeps to, and that every cell runs."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from smaller import LAB, smaller

from gtnlab.curriculum import Curriculum
from gtnlab.digits import Digits, _offline_digits
from gtnlab.experiments import experiment

Namespace = dict[str, Any]

CURRICULA = Path(__file__).parents[2] / "data" / "curricula"
DRAWINGS = {"unrolled"}  # pictures of a graph: they have no axes
PICTURES = {"higher-figure", "teacher-figure"}  # images in a row, named instead of measured


def test_the_minutes_of_the_sections_add_up_to_a_lesson(lab_notebook: Any) -> None:
    table = lab_notebook.cells[0].source
    minutes = [int(m) for m in re.findall(r"^\| \d+ \|.*\| (\d+) \|$", table, re.MULTILINE)]
    headings = [
        int(found)
        for cell in lab_notebook.cells
        if cell.cell_type == "markdown"
        for found in re.findall(r"^## \d+ · .* · (\d+) minutes$", cell.source, re.MULTILINE)
    ]
    assert headings == minutes
    assert sum(minutes) == 90
    assert "| **90** |" in table


def test_what_depends_on_the_machine_or_the_digits_is_not_compared(lab_notebook: Any) -> None:
    """Cells that print or draw from the digits' cell on, or measure errors of rounding."""
    varies = re.compile(r"test_digits|train_digits|curriculum\b|recorded|peak_bytes|in_words\(")
    for cell in lab_notebook.cells:
        tags = cell.metadata.get("tags", [])
        if (
            cell.cell_type == "code"
            and varies.search(cell.source)
            and "nbgrader" not in cell.metadata
        ):
            shows = re.search(r"\bprint\(|\bshow\(|explore\(|train_live\(", cell.source)
            tagged = "nbval-ignore-output" in tags or cell.id in {"higher-step", "higher-figure"}
            assert not shows or tagged, cell.id


class Screen:
    """In the place of what shows a figure: keeps it, with its description."""

    def __init__(self) -> None:
        self.shown: list[tuple[Any, str]] = []

    def __call__(self, figure: Any, alt: str) -> None:
        self.shown.append((figure, alt))


@pytest.fixture(scope="module")
def small_offline_set() -> Callable[..., Digits]:
    """Digits without a network: scikit-learn's, a third of them."""

    def load(split: str, device: object = "cpu") -> Digits:
        return _offline_digits(split, "cpu").thinned(500)

    return load


def test_every_cell_runs_and_every_figure_is_labelled_described_and_explained(
    lab_notebook: Any,
    small_offline_set: Callable[..., Digits],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gtnlab.digits.load_digits", small_offline_set)
    monkeypatch.setattr("gtnlab.explorer.live.load_digits", small_offline_set)
    monkeypatch.setenv("GTN_CURRICULA", str(CURRICULA))
    monkeypatch.setattr(plt, "close", lambda *figures: None)
    used: set[str] = set()
    names: Namespace = {}
    for place, cell in enumerate(lab_notebook.cells):
        if cell.cell_type != "code":
            continue
        used |= {before for before in LAB if before in cell.source}
        source = smaller(cell.source, LAB)
        names["show"] = screen = Screen()
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            exec(compile(source, cell.id, "exec"), names)
        if "def show(" in source:
            continue
        for figure, alt in screen.shown:
            assert len(alt) > 60, f"{cell.id}: a figure without a description"
            following = lab_notebook.cells[place + 1].source
            assert "What to see" in following, f"{cell.id}: nothing says what to see"
            for ax in figure.axes:
                if cell.id in DRAWINGS | PICTURES or not ax.axison:
                    continue
                assert ax.get_ylabel() or ax is not figure.axes[0], f"{cell.id}: no label"
                assert ax.get_xlabel(), f"{cell.id}: an axis without a label"
    assert used == set(LAB), "the lab has changed: what is made smaller here?"


def test_the_recordings_stand_in_for_a_training_that_was_stopped(lab_cells: Any) -> None:
    (name,) = re.findall(r'find_curricula\(\) / "(\w+)\.npz"', lab_cells["live-train"].source)
    recording = Curriculum.load(CURRICULA / f"{name}.npz")
    config = recording.provenance["config"]
    assert (config["name"], config["variant"]) == ("class", "learned")
    assert config["learner"] == experiment("class").learner
