"""The homework as a student meets it: `bptt` fails its check, then passes, in both front ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from authoring.sample_class import answers_in

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = Path(__file__).parent / "artefacts"
SLOW = 60_000  # ms
CHECK = "bptt-gradient-check"
TESTS = [
    f"bptt-{part}" for part in ("shapes", "dLdV", "dLdU", "dLdW", "truncation", "side-effects")
]
PASSED = [f"Gradient check for parameter {name} passed." for name in "UVW"]


def answer(name: str) -> str:
    path = ROOT / "data" / "sample-class" / "rnn-bptt" / f"{name}.txt"
    return answers_in(path.read_text(), path)["bptt"]


def type_in(homework: Any, page: Page, source: str) -> None:
    """Write `bptt` as a person does, over what stands there, and run the cell."""
    homework.cell("bptt").locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)
    page.keyboard.press("Shift+Enter")


def move_the_sliders(homework: Any, page: Page) -> None:
    """Each slider by keyboard and by mouse; the picture beside them must follow."""
    shown = homework.cell("flow-slider")
    picture = shown.locator(".jp-OutputArea img").first
    picture.wait_for()
    for slider, key in zip(shown.get_by_role("slider").all(), ("End", "Home"), strict=True):
        before = picture.get_attribute("src") or ""
        slider.press(key)
        expect(picture).not_to_have_attribute("src", before, timeout=SLOW)
        before = picture.get_attribute("src") or ""
        box = slider.locator("xpath=ancestor::*[contains(@class, 'noUi-base')]").bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(picture).not_to_have_attribute("src", before, timeout=SLOW)


def open_the_hints(homework: Any, page: Page) -> None:
    """One by one, by mouse and by keyboard; the others stay closed."""
    hints = homework.cell("bptt-hints").locator("details")
    expect(hints).to_have_count(3)
    assert [hint.evaluate("hint => hint.open") for hint in hints.all()] == [False] * 3
    hints.nth(0).locator("summary").click()
    assert [hint.evaluate("hint => hint.open") for hint in hints.all()] == [True, False, False]
    hints.nth(1).locator("summary").focus()
    page.keyboard.press("Enter")
    assert [hint.evaluate("hint => hint.open") for hint in hints.all()] == [True, True, False]


def step_back(homework: Any) -> None:
    """The stepper's picture follows its slider."""
    shown = homework.cell("way-back")
    picture = shown.locator(".jp-OutputArea img").first
    picture.wait_for()
    before = picture.get_attribute("src") or ""
    shown.get_by_role("slider").first.press("End")
    expect(picture).not_to_have_attribute("src", before, timeout=SLOW)


def test_sliders_move_the_picture_and_bptt_fails_its_check_until_it_is_right(
    jupyter: Any, open_notebook: Callable[..., Any], front: str, page: Page
) -> None:
    folder = jupyter.copy(ROOT / "release" / "rnn-bptt")
    homework = open_notebook(jupyter, folder / "rnn_bptt.ipynb", front)

    def keep(name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        page.wait_for_timeout(500)  # until the scrolling ends
        page.screenshot(path=ARTEFACTS / f"homework-{name}-{front}.png")

    ids: list[str] = homework.do(
        """return cells.filter(cell => cell.model.type === 'code')
            .map(cell => cell.model.sharedModel.getId());"""
    )
    homework.run(*ids[: ids.index(CHECK) + 1])
    assert homework.failed() == []
    assert "not finished yet" in homework.text(CHECK)
    move_the_sliders(homework, page)
    keep("slider")
    step_back(homework)
    keep("stepper")
    open_the_hints(homework, page)
    keep("hints")

    type_in(homework, page, answer("no_tanh_derivative"))
    homework.run("bptt-deltas", CHECK, *TESTS, seconds=300)
    assert homework.text("bptt-deltas").count("differs") == 3
    assert "look at the δ with which each output begins (your line" in homework.text(CHECK)
    assert "Gradient check for parameter V passed." in homework.text(CHECK)
    assert "FAILED" in homework.text(CHECK)
    assert any("image/png" in output.get("data", {}) for output in homework.outputs(CHECK))
    assert set(homework.failed()) >= {"bptt-dLdU", "bptt-dLdW"}
    assert "but the measured slope is" in homework.text("bptt-dLdU")
    homework.cell(CHECK).locator(".jp-OutputArea img").first.scroll_into_view_if_needed()
    keep("check-failed")

    type_in(homework, page, answer("right_loops"))
    homework.run(CHECK, *TESTS, seconds=300)
    said = homework.text(CHECK)
    assert [line for line in PASSED if line not in said] == []
    assert homework.failed() == []
    homework.cell(CHECK)
    keep("check-passed")
