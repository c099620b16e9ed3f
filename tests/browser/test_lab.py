"""The lab as a class holds it: every cell is run, every exercise fails before it is solved."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from authoring.sample_class import answers_in

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = Path(__file__).parent / "artefacts"
SECONDS = 300
TESTS = {
    "sgd-momentum-step": ("values", "arguments", "gradient"),
    "inner-loop": ("values", "meta-gradient", "side-effects"),
    "shuffled": ("steps", "images", "within", "labels"),
}


def answers(name: str) -> dict[str, str]:
    path = ROOT / "data" / "sample-class" / "gtn-lab" / f"{name}.txt"
    return answers_in(path.read_text(), path)


def test_every_cell_runs_and_every_exercise_fails_before_it_is_solved(
    jupyter: Any, open_notebook: Callable[..., Any], front: str, page: Page
) -> None:
    folder = jupyter.copy(ROOT / "release" / "gtn-lab")
    shutil.copytree(ROOT / "data" / "curricula", folder / "data" / "curricula")
    lab = open_notebook(jupyter, folder / "gtn_lab.ipynb", front)
    # Ten seconds of the two minutes in which a class watches the teacher train.
    live: str = lab.do(
        "return cells[index('live-train')].model.sharedModel.getSource();",
    )
    assert "seconds=150" in live
    lab.write("live-train", live.replace("seconds=150", "seconds=10"))
    wrong, right = answers("graph_cut"), answers("right")

    def solve(exercise: str) -> None:
        tests = [f"{exercise}-{part}" for part in TESTS[exercise]]
        lab.run(exercise, *tests, seconds=SECONDS)
        assert set(lab.failed()) == set(tests)  # nothing written yet
        lab.write(exercise, wrong[exercise])
        lab.run(exercise, *tests, seconds=SECONDS)
        assert lab.failed()
        lab.write(exercise, right[exercise])
        lab.run(exercise, *tests, seconds=SECONDS)
        assert lab.failed() == []

    ids: list[str] = lab.do(
        """return cells.filter(cell => cell.model.type === 'code')
            .map(cell => cell.model.sharedModel.getId());"""
    )
    for name in ids:
        if name in TESTS:
            solve(name)
        else:
            lab.run(name, seconds=SECONDS)
            assert lab.failed() == [], lab.text(name)

    explorer = lab.cell("explorer")
    picture = explorer.locator("img").first
    picture.wait_for()
    before = picture.get_attribute("src") or ""
    explorer.get_by_role("slider").first.press("End")
    expect(picture).not_to_have_attribute("src", before, timeout=60_000)
    ARTEFACTS.mkdir(exist_ok=True)
    for shown in ("live-train", "boxes-figure", "explorer", "charts"):
        lab.cell(shown)
        page.wait_for_timeout(500)
        page.screenshot(path=ARTEFACTS / f"lab-{shown}-{front}.png")
