"""The explorer in JupyterLab and Notebook 7, by mouse and by keyboard, and without a kernel."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from gtnlab.curriculum import MEASURES, Curriculum
from gtnlab.explorer.static_page import export_page
from gtnlab.explorer.viewer import explore

STEPS = 4
SECONDS = 60_000  # in milliseconds: machines that test are busy


def record(folder: Path) -> None:
    """Two recordings, 4 and 2 steps × 20 images: noise, made to be told apart."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for variant, outer_step, steps in (("learned", [0, 7], STEPS), ("random", [0, 5, 9], 2)):
        size = len(outer_step), steps
        Curriculum(
            outer_step=np.array(outer_step),
            images=rng.integers(0, 256, (*size, 20, 28, 28), dtype=np.uint8),
            labels=np.arange(20) % 10,
            lr=np.linspace(0.5, 1.5, size[0] * steps).reshape(size),
            momentum=np.linspace(0.4, 0.9, size[0] * steps).reshape(size),
            accuracy=rng.random((size[0], 1, 2, steps)).astype(np.float32),
            orders=("ordered",),
            measures=MEASURES,
            provenance={"config": {"name": "toy", "learner": "mlp", "variant": variant}},
        ).save(folder / f"toy_{variant}.npz")


def notebook(folder: Path, source: str, outputs: list[Any]) -> Path:
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(source, id="explorer", outputs=outputs)]
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "explorer.ipynb"
    nbformat.write(made, path)
    return path


def pixels(picture: Locator) -> np.ndarray:
    """What the <img> holds, read back in the page."""
    url = picture.evaluate(
        """async (image) => {
            await image.decode();
            const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
            canvas.getContext('2d').drawImage(image, 0, 0);
            const blob = await canvas.convertToBlob();
            return new Promise((done) => {
                const reader = new FileReader();
                reader.onload = () => done(reader.result);
                reader.readAsDataURL(blob);
            });
        }"""
    )
    file = io.BytesIO(base64.b64decode(url.partition(",")[2]))
    return np.asarray(Image.open(file).convert("L"))


def drag(page: Page, handle: Locator, pixels_right: int) -> None:
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + pixels_right, y, steps=6)
    page.mouse.up()


def test_every_control_works_by_keyboard_and_by_mouse(
    jupyter: Any, open_notebook: Callable[..., Any], front: str, page: Page
) -> None:
    folder = jupyter.copy()
    record(folder / "curricula")
    source = "from gtnlab.explorer.viewer import explore\nexplore('curricula', experiment='toy')"
    opened = open_notebook(jupyter, notebook(folder, source, []), front)
    opened.run("explorer")
    expect(page.locator(".gtn-curve")).to_be_visible(timeout=SECONDS)
    panel = explore(folder / "curricula", experiment="toy").panels[0]
    facts, picture = page.locator(".gtn-facts").first, page.locator(".gtn-panel img").first

    def shows(inner: int, snapshot: int) -> None:
        moment = panel.moment(snapshot, inner - 1)
        said = f"Inner step {inner} of {STEPS}, teacher after {(0, 7)[snapshot]} outer steps"
        expect(facts).to_contain_text(said, timeout=SECONDS)
        expect(picture).to_have_attribute("alt", moment.alt, timeout=SECONDS)
        wanted = np.asarray(Image.open(io.BytesIO(moment.png)))
        np.testing.assert_array_equal(pixels(picture), wanted)

    shows(1, 1)
    inner = page.get_by_role("slider", name="Inner step", exact=True)
    outer = page.get_by_role("slider", name="Outer step", exact=True)
    inner.press("ArrowRight")
    shows(2, 1)
    drag(page, inner, 400)
    shows(STEPS, 1)
    outer.press("ArrowLeft")
    shows(STEPS, 0)
    drag(page, outer, 400)
    shows(STEPS, 1)
    curve = page.locator(".gtn-curve").first
    curve.locator(".target").nth(1).click()
    shows(2, 1)
    curve.press("ArrowRight")
    shows(3, 1)
    page.get_by_role("button", name="Play inner steps, or pause").press("Enter")
    shows(STEPS, 1)
    page.get_by_label("Order", exact=True).select_option("reversed")
    expect(facts).to_contain_text("not recorded in this order", timeout=SECONDS)
    page.get_by_label("Compare two").press("Space")
    expect(page.locator(".gtn-panel")).to_have_count(2, timeout=SECONDS)
    expect(page.locator(".gtn-panel img").nth(1)).to_have_attribute("alt", re.compile("random"))
    beside = page.locator(".gtn-facts").nth(1)
    expect(beside).to_contain_text("Inner step 2 of 2, teacher after 9 outer steps")  # at its end
    outer.press("ArrowLeft")
    expect(beside).to_contain_text("Inner step 2 of 2, teacher after 0 outer steps")
    expect(facts).to_contain_text(f"Inner step {STEPS} of {STEPS}, teacher after 0 outer steps")
    assert opened.failed() == []


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    record(tmp_path / "curricula")
    return tmp_path / "curricula"


def output_of(recordings: Path) -> list[Any]:
    """What running the cell leaves in the notebook file."""
    data, _ = explore(recordings, experiment="toy")._repr_mimebundle_()
    data["image/png"] = base64.b64encode(data["image/png"]).decode()
    return [nbformat.v4.new_output("execute_result", data, execution_count=1)]


def test_a_copy_that_is_not_trusted_still_shows_the_curriculum(
    jupyter: Any, open_notebook: Callable[..., Any], front: str, page: Page, recordings: Path
) -> None:
    path = notebook(jupyter.copy(), "explore()", output_of(recordings))
    open_notebook(jupyter, path, front)
    image = page.locator(".jp-OutputArea img").first
    expect(image).to_be_visible(timeout=SECONDS)
    assert min(pixels(image).shape) > 200


def works_without_a_kernel(page: Page, errors: list[str]) -> None:
    """The sliders, the play button and the curve of a page move its picture."""
    canvas, facts = page.locator(".gtn-static canvas"), page.locator(".gtn-facts")

    def shows(inner: int, snapshot: int) -> None:
        expect(canvas).to_have_attribute("data-step", str(inner), timeout=SECONDS)
        expect(canvas).to_have_attribute("data-snapshot", str(snapshot))
        expect(facts).to_contain_text(f"Inner step {inner} of {STEPS}")

    def drawn() -> Any:
        return canvas.evaluate("(canvas) => canvas.toDataURL()")

    shows(1, 1)
    first = drawn()
    page.get_by_role("slider", name="Inner step", exact=True).press("ArrowRight")
    shows(2, 1)
    assert drawn() != first
    page.get_by_role("slider", name="Outer step", exact=True).press("ArrowLeft")
    shows(2, 0)
    page.locator(".gtn-curve .target").nth(2).click()
    shows(3, 0)
    page.get_by_role("button", name="Play inner steps").click()
    shows(STEPS, 0)
    page.get_by_role("combobox", name="Order", exact=True).select_option("reversed")
    expect(facts).to_contain_text("not recorded in this order")
    assert errors == []


def test_an_exported_page_works_from_disk_with_the_network_cut(
    page: Page, errors: list[str], recordings: Path, tmp_path: Path
) -> None:
    export_page("toy", tmp_path / "toy.html", recordings)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    page.goto((tmp_path / "toy.html").as_uri())
    works_without_a_kernel(page, errors)
    page.get_by_role("combobox", name="Recording").select_option("toy_random")
    expect(page.locator("canvas")).to_have_attribute("aria-label", re.compile("toy_random"))
    asked = [url for url in asked if not url.startswith("data:")]
    assert asked == [(tmp_path / "toy.html").as_uri()]


def test_a_notebook_converted_to_html_keeps_a_slider_that_works(
    page: Page, recordings: Path, tmp_path: Path
) -> None:
    path = notebook(tmp_path, "explore()", output_of(recordings))
    html, _ = HTMLExporter().from_filename(str(path))
    (tmp_path / "converted.html").write_text(html)
    page.context.set_offline(True)
    page.goto((tmp_path / "converted.html").as_uri())
    works_without_a_kernel(page, [])  # nbconvert's own page asks for MathJax and misses it
