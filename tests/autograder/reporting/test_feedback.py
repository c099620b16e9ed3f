"""The student's feedback page: it opens with the diagnosis and shows no hidden test."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.errors import AutograderError
from autograder.recording.gradebook import Gradebook
from autograder.recording.results import (
    METADATA_KEY,
    DiagnosisRecord,
    ExerciseFeedback,
    SubmissionResult,
)
from autograder.recording.scores import NotebookScores
from autograder.reporting.feedback import OpenWithDiagnosis
from autograder.scheduling.batch import Plan, grade_class
from autograder.submission.presentation import harmless_markdown

PICTURE = base64.b64encode(b"\x89PNG, a picture").decode()
FOUND = DiagnosisRecord("halved", "sign/scale", 0.9, "Half of it is missing.")
WRONG = ExerciseFeedback("scale", ("total",), (FOUND,), "Half of it is missing.", PICTURE)
RIGHT = ExerciseFeedback("total", ("total",), (), "Well done: your total is right.")
SOURCE = """\
assert total([1]) == 1
### BEGIN HIDDEN TESTS
secret = total([20, 22])
assert secret == 42
### END HIDDEN TESTS
assert total([]) == 0"""


def graded_cell(source: str, **kind: Any) -> NotebookNode:
    metadata = {"nbgrader": {"grade": True, "solution": False, "grade_id": "total-values", **kind}}
    return new_code_cell(source, metadata=metadata)


def page_of(*cells: NotebookNode, result: SubmissionResult | None = None) -> NotebookNode:
    """What the preprocessor makes of a graded notebook."""
    notebook = new_notebook(cells=list(cells))
    if result is not None:
        notebook.metadata[METADATA_KEY] = result.to_metadata()
    page, _ = OpenWithDiagnosis().preprocess(notebook, {})
    return page


def result_with(*exercises: ExerciseFeedback, **more: Any) -> SubmissionResult:
    facts = {"status": "graded", **more}
    return SubmissionResult("ada", "sums", "sums", exercises=exercises, **facts)


def test_the_page_opens_with_a_paragraph_for_each_exercise_and_the_heatmap() -> None:
    page = page_of(new_markdown_cell("# Sums"), result=result_with(WRONG, RIGHT))
    opening, title = page.cells
    assert title.source == "# Sums"
    assert opening.source.index(WRONG.paragraph) < opening.source.index(RIGHT.paragraph)
    (picture,) = re.findall(r'<img[^>]* alt="([^"]+)" src="([^"]+)">', opening.source)
    assert "absolute difference" in picture[0]
    assert picture[1] == f"data:image/png;base64,{PICTURE}"


def test_what_went_wrong_with_a_submission_is_said_first() -> None:
    result = result_with(RIGHT, status="partly graded", reason="A cell ran for 30 seconds.")
    opening = page_of(result=result).cells[0].source
    assert opening.index("A cell ran for 30 seconds.") < opening.index(RIGHT.paragraph)


def test_a_notebook_without_a_record_keeps_its_cells() -> None:
    assert [cell.source for cell in page_of(new_markdown_cell("# Sums")).cells] == ["# Sums"]


def test_a_damaged_record_is_an_error_that_says_what_to_do() -> None:
    notebook = new_notebook(metadata={METADATA_KEY: {"status": "splendid"}})
    with pytest.raises(AutograderError, match="--force"):
        OpenWithDiagnosis().preprocess(notebook, {})


def test_hidden_tests_are_taken_out_and_visible_ones_stay() -> None:
    page = page_of(graded_cell(SOURCE))
    assert page.cells[0].source == "assert total([1]) == 1\nassert total([]) == 0"


def test_a_cell_with_nothing_but_hidden_tests_says_so() -> None:
    hidden = "### BEGIN HIDDEN TESTS\nassert total([20, 22]) == 42\n### END HIDDEN TESTS"
    assert page_of(graded_cell(hidden)).cells[0].source == "# The tests of this cell are hidden."


def test_a_traceback_does_not_quote_hidden_tests() -> None:
    cell = graded_cell(SOURCE)
    failed = "----> \x1b[32m4\x1b[39m \x1b[01massert secret == 42\x1b[39m"
    quoted = f"      3 secret = total([20, 22])\n{failed}"
    told = [quoted, "      6 assert total([]) == 0", "AssertionError: the sum is off"]
    cell.outputs = [new_output("error", ename="AssertionError", evalue="", traceback=told)]
    (output,) = page_of(cell).cells[0].outputs
    assert "secret" not in "".join(output.traceback)
    assert output.traceback[1:] == told[1:]


def test_a_students_own_cell_is_shown_as_it_is() -> None:
    for own in (
        graded_cell(SOURCE, solution=True),
        new_code_cell("### BEGIN HIDDEN TESTS\nprint('mine')"),
    ):
        assert page_of(own).cells[0].source == own.source


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "$\\unicode{x}$",
        "a\n\n# heading\n\n<script>b</script>",
        "</p></div><h1>",
    ],
)
def test_a_students_error_message_is_never_markup(text: str) -> None:
    feedback = ExerciseFeedback("scale", (), (FOUND,), f"It stops with ValueError: {text}", PICTURE)
    opening = page_of(result=result_with(feedback)).cells[0].source
    plain = page_of(result=result_with(WRONG)).cells[0].source
    tags = re.compile(r"<[^>]*>")
    assert tags.findall(opening) == tags.findall(plain)
    assert "$" not in opening
    assert "\n\n" not in opening


@pytest.fixture
def graded(classroom: Any) -> Any:
    """A course in which ada's submission was graded: hidden tests are back in her notebook."""
    notebook = nbformat.read(classroom.root / "source" / "sums" / "sums.ipynb", as_version=4)
    notebook.metadata[METADATA_KEY] = result_with(WRONG, RIGHT).to_metadata()
    path = classroom.root / "autograded" / "ada" / "sums" / "sums.ipynb"
    path.parent.mkdir(parents=True)
    nbformat.write(notebook, path)
    directories = classroom.course.directories
    with Gradebook(directories.db_url, directories.course_id) as gradebook:
        scores = {"scale-values": 0.0, "scale-side-effects": 1.0, "total-values": 2.0}
        scored = {"sums": NotebookScores(scores, {"scale": "Nearly."})}
        gradebook.write("sums", "ada", None, scored, classroom.course.late_penalty)
    return classroom


def test_stock_generate_feedback_makes_the_page(graded: Any) -> None:
    command = [sys.executable, "-m", "nbgrader", "generate_feedback", "sums"]
    done = subprocess.run(command, cwd=graded.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "not recognized" not in done.stderr
    page = (graded.root / "feedback" / "ada" / "sums" / "sums.html").read_text(encoding="utf-8")
    places = [page.index(text) for text in (WRONG.paragraph, f"base64,{PICTURE}", ">Sums")]
    assert places == sorted(places)
    assert "Nearly." in page  # nbgrader's own comment and scores are still there
    assert "Score: 3.0 / 12.0" in page
    assert "scale gives one number per weight" in page  # a visible test
    assert "_expected_scale" not in page
    assert "HIDDEN TESTS" not in page


class _Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


HOSTILE = [
    "<script>stolen()</script>",
    "text <img src=x onerror=stolen()> text",
    "<svg/onload=stolen()>",
    "<b onmouseover=stolen()>bold</b>",
    "`<code` <iframe srcdoc='<script>stolen()</script>'></iframe>",
    "```\n<script>stolen()\n```\n<script>stolen()</script>",
    "<!-- --><style>@import 'stolen()';</style>",
    "[a link](javascript:stolen())",
    "[a link](JaVaScRiPt:stolen())",
    "[a link](java&#115;cript&colon;stolen())",
    "[a link](java&Tab;script:stolen())",
    "[a link]\n\n[a link]: javascript\\:stolen()",
    "<javascript:stolen()>",
    '![x](x" onerror="stolen())',
    "<p\n onclick=stolen()>",
    "$<script>stolen()</script>$",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_html_of_a_students_text_is_markup_on_the_page(text: str) -> None:
    def tags(markdown: str) -> list[tuple[str, dict[str, str | None]]]:
        page = HTMLExporter().from_notebook_node(new_notebook(cells=[new_markdown_cell(markdown)]))
        parser = _Tags()
        parser.feed(page[0])
        return [
            (tag, attributes)
            for tag, attributes in parser.found
            if "stolen()" in "".join(filter(None, attributes.values()))
            and set(attributes) & {"onerror", "onload", "onmouseover", "onclick", "srcdoc", "href"}
        ]

    harmless = harmless_markdown(text)
    assert tags(harmless) == []
    assert tags(text) or re.search(r"<|onerror", text), "harmless anyway: this proves nothing"
    assert not re.search(r"<(script|img|svg|iframe|style)\b", harmless)
    assert harmless.replace("\u200b", "") == text


def test_text_that_only_looks_like_html_stays_as_it_was() -> None:
    for text in ("a < b and $x<3$", "H<sub>2</sub>O<br>", "x <- y", "<b>bold</b> &amp; `a < b`"):
        assert harmless_markdown(text) == text


def test_a_students_script_does_not_reach_what_the_instructor_opens(classroom: Any) -> None:
    classroom.hand_in("ada")
    path = classroom.root / "submitted" / "ada" / "sums" / "sums.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(new_markdown_cell("<script>stolen()</script>"))
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source += "\n<script>stolen()</script>"
    nbformat.write(notebook, path)
    grade_class(classroom.course, Plan("sums", jobs=1), ["ada"], lambda *_: None)
    sources = [cell.source for cell in classroom.graded("ada").cells]
    assert not any("<script" in source for source in sources)
    assert any("stolen" in source for source in sources), "it is shown as text"
