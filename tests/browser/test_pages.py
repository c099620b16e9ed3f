"""The pages that people open from disk: no network, keyboard, screen reader, light and dark."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image
from playwright.sync_api import Page, expect

from autograder.recording.results import (
    METADATA_KEY,
    Comparison,
    DiagnosisRecord,
    ExerciseFeedback,
    SubmissionResult,
)
from autograder.reporting.class_list import Entry
from autograder.reporting.class_page import render_page
from autograder.reporting.feedback import OpenWithDiagnosis
from autograder.reporting.renewal import FeedbackExporter
from gtnlab.explorer.static_page import export_page

ROOT = Path(__file__).parents[2]
HALVED = DiagnosisRecord("halved", "sign/scale", 0.9, "Half of it is missing. Look at the factor.")
LATE = DiagnosisRecord("late", "time index", 0.6, "It is one step late. Look at the sum.")
WRONG = Comparison("dLdW", "unit, new", "unit, old", ((1.0, -0.5),), ((0.5, -0.25),))
TRACEBACK = "\x1b[31mAssertionError\x1b[39m: \x1b[38;5;241mscale is half of it"


def write_class_page(folder: Path) -> Path:
    def entry(student: str, score: float, *found: DiagnosisRecord, **more: Any) -> Entry:
        tests = {"scale-values": (score, 10.0), "why": (None, 2.0)}
        facts = {"status": "graded", "reason": "", "inside": (), "seconds": 1.0, **more}
        return Entry(student, student.title(), score, 12.0, tests=tests, diagnosis=found, **facts)

    entries = [
        entry("abel", 3.0, HALVED, comparisons={"halved": WRONG}, inside=("scale-values",)),
        entry("bert", 0.0, status="not gradable", reason="The file is cut off."),
        entry("cleo", 10.0),
        entry("dora", 2.0, HALVED, LATE, pages=(folder / "dora.html",)),
    ]
    path = folder / "class.html"
    path.write_text(render_page("sums", entries, folder), encoding="utf-8")
    return path


def write_feedback_page(folder: Path, *texts: str) -> Path:
    picture = io.BytesIO()
    Image.new("RGB", (530, 160), "white").save(picture, "PNG")
    heatmap = base64.b64encode(picture.getvalue()).decode()
    exercises = (
        ExerciseFeedback("scale", (), (HALVED,), "Half of it is missing.", heatmap),
        ExerciseFeedback("total", ("total",), (), "Well done: your total is right."),
    )
    record = SubmissionResult("ada", "sums", "sums", "graded", exercises=exercises)
    wide = "$$" + " + ".join(f"\\frac{{\\partial E_{k}}}{{\\partial W}}" for k in range(30)) + "$$"
    cells = [
        *map(new_markdown_cell, texts or ["# Sums", f"Formulas: $x_1^2$\n\n{wide}"]),
        new_code_cell("def scale(x):  # half\n    return 0.5 * x + len('a')"),
        new_code_cell("# On vectors of several sizes.\nassert scale(2) == 2", outputs=[]),
    ]
    facts = {"grade": False, "solution": True, "grade_id": "scale", "comment": "Nearly."}
    cells[-2].metadata["nbgrader"] = facts
    facts = {"grade": True, "solution": False, "grade_id": "scale-values", "score": 0, "points": 3}
    cells[-1].metadata["nbgrader"] = facts
    cells[-1].outputs = [new_output("error", ename="", evalue="", traceback=[TRACEBACK])]
    notebook = new_notebook(cells=cells, metadata={METADATA_KEY: record.to_metadata()})
    notebook.metadata["language_info"] = {"name": "python"}
    exporter = FeedbackExporter()
    exporter.register_preprocessor(OpenWithDiagnosis, enabled=True)
    asked = {"student": "ada", "notebook": "sums", "score": 3, "max_score": 12, "late_penalty": 1}
    page, _ = exporter.from_notebook_node(nbformat.from_dict(notebook), {"nbgrader": asked})
    path = folder / "feedback.html"
    path.write_text(page, encoding="utf-8")
    return path


def write_explorer(folder: Path) -> Path:
    export_page("class", folder / "explorer.html", ROOT / "data" / "curricula")
    return folder / "explorer.html"


PAGES = pytest.mark.parametrize("write", [write_class_page, write_feedback_page, write_explorer])


@PAGES
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious_and_nothing_is_asked_of_any_host(
    write: Callable[[Path], Path],
    scheme: Any,
    width: int,
    page: Page,
    errors: list[str],
    tmp_path: Path,
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    path = write(tmp_path)
    page.goto(path.as_uri())
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [n["html"] for n in each["nodes"]]) for each in serious] == []
    assert [url for url in asked if not url.startswith(("data:", path.as_uri()))] == []
    assert errors == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_class_table_is_sorted_and_filtered_from_the_keyboard(
    page: Page, errors: list[str], tmp_path: Path
) -> None:
    page.goto(write_class_page(tmp_path).as_uri())
    names = page.locator("#class tbody tr:visible td:first-child")
    score = page.get_by_role("columnheader", name="score")
    score.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(score).to_have_attribute("aria-sort", "ascending")
    expect(names).to_have_text(["Bert", "Dora", "Abel", "Cleo"])  # 10 is more than 2 and 3
    page.keyboard.press("Enter")
    expect(score).to_have_attribute("aria-sort", "descending")
    expect(names).to_have_text(["Cleo", "Abel", "Dora", "Bert"])
    page.get_by_role("combobox").select_option("halved")
    expect(names).to_have_text(["Abel", "Dora"])
    expect(page.get_by_role("status")).to_have_text("2 of 4 students")
    assert errors == []


def test_without_scripts_the_class_page_shows_everybody_and_no_dead_control(
    browser: Any, tmp_path: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(write_class_page(tmp_path).as_uri())
    expect(page.locator("#class tbody tr")).to_have_count(4)
    expect(page.get_by_role("combobox")).to_have_count(0)
    expect(page.locator("#class button")).to_have_count(0)
    context.close()


def test_the_homeworks_formulas_are_drawn_with_the_network_cut(
    browser: Any, tmp_path: Path
) -> None:
    source = nbformat.read(ROOT / "source" / "rnn-bptt" / "rnn_bptt.ipynb", as_version=4)
    texts = [cell.source for cell in source.cells if cell.cell_type == "markdown"]
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(write_feedback_page(tmp_path, *texts).as_uri())
    fractions = page.locator("mfrac")
    assert fractions.count() > 5
    for at in range(fractions.count()):  # a browser that draws them puts one above the other
        above, below = (fractions.nth(at).locator("> *").nth(i).bounding_box() for i in (0, 1))
        assert above is not None
        assert below is not None
        assert above["y"] + above["height"] <= below["y"] + 2
    assert page.locator(".tex").count() == 0
    context.close()
