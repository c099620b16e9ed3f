"""The student's feedback page: it opens with the diagnosis and shows no hidden test."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup
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
from autograder.reporting.formulas import mathml
from autograder.reporting.renewal import FeedbackExporter
from autograder.scheduling.batch import Plan, grade_class
from autograder.submission.presentation import harmless_markdown

COURSE = Path(__file__).parents[3]
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
    facts = {"grade": True, "solution": False, "grade_id": "total-values", "score": 0, "points": 3}
    metadata = {"nbgrader": {**facts, **kind}}
    return new_code_cell(source, metadata=metadata)


def page_of(*cells: NotebookNode) -> NotebookNode:
    """What the preprocessor makes of a graded notebook."""
    page, _ = OpenWithDiagnosis().preprocess(new_notebook(cells=list(cells)), {})
    return page


def result_with(*exercises: ExerciseFeedback, **more: Any) -> SubmissionResult:
    facts = {"status": "graded", **more}
    return SubmissionResult("ada", "sums", "sums", exercises=exercises, **facts)


def html_of(
    *cells: NotebookNode, result: SubmissionResult | None = None, waiting: tuple[str, ...] = ()
) -> str:
    """The page that nbgrader would write, without its gradebook."""
    notebook = new_notebook(cells=list(cells))
    if result is not None:
        notebook.metadata[METADATA_KEY] = result.to_metadata()
    exporter = FeedbackExporter()
    exporter.register_preprocessor(OpenWithDiagnosis, enabled=True)
    exporter._waiting["ada", "sums"] = frozenset(waiting)
    asked = {"student": "ada", "notebook": "sums", "score": 3, "max_score": 12, "late_penalty": 0}
    page, _ = exporter.from_notebook_node(notebook, {"nbgrader": asked})
    return str(page)


def text_of(page: str) -> str:
    """What a person reads above the notebook, on one line."""
    body = BeautifulSoup(page, "html.parser").body
    assert body is not None
    return " ".join(body.get_text(" ").split())


def scored(grade_id: str, source: str = "assert True", **more: Any) -> NotebookNode:
    return graded_cell(source, grade_id=grade_id, **more)


def answer(grade_id: str) -> NotebookNode:
    return graded_cell("def f(): ...", grade_id=grade_id, grade=False, solution=True)


def test_the_page_opens_with_the_score_a_paragraph_for_each_exercise_and_the_tests() -> None:
    cells = [new_markdown_cell("# Sums"), answer("scale"), scored("scale-values")]
    page = html_of(*cells, result=result_with(WRONG, RIGHT))
    told = text_of(page)
    wanted = ["3 of 12 points", WRONG.paragraph, RIGHT.paragraph, "values 0 of 3", "Sums"]
    places = [told.index(text) for text in wanted]
    assert places == sorted(places)
    (picture,) = BeautifulSoup(page, "html.parser").find_all("img")
    assert "absolute difference" in picture["alt"]
    assert picture["src"] == f"data:image/png;base64,{PICTURE}"


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ([answer("bptt"), scored("bptt-truncation")], "bptt truncation 0 of 3"),
        ([answer("bptt"), scored("bptt-one_step")], "bptt one step 0 of 3"),
        ([answer("squares"), scored("correct_squares", score=1.5)], "correct squares 1.5 of 3"),
        ([answer("cell-0a1b2c3d4e5f6071"), scored("cell-8a1b2c3d4e5f6071")], "test 1 0 of 3"),
        ([scored("a"), scored("cell-8a1b2c3d4e5f6071", points=1.0)], "test 2 0 of 1"),
        (
            [scored("steps", "# How far back\n# it looks\nassert a")],
            "steps How far back it looks 0",
        ),
        ([scored("steps", "x = 1\n# not this\nassert a")], "steps 0 of 3"),
        ([scored("steps", "### BEGIN HIDDEN TESTS\n# secret\n### END HIDDEN TESTS")], "steps 0 of"),
    ],
)
def test_a_test_is_listed_by_its_name_and_the_comment_that_it_begins_with(
    cells: list[NotebookNode], told: str
) -> None:
    page = html_of(*cells)
    assert told in text_of(page)
    assert "secret" not in page
    soup = BeautifulSoup(page, "html.parser")
    for link in soup.select("nav a"):
        assert soup.find(id=str(link["href"]).removeprefix("#")), "the link leads nowhere"


def test_an_answer_that_waits_for_a_person_is_not_shown_as_zero() -> None:
    written = NotebookNode(new_markdown_cell("Because."))
    facts = {"grade": True, "solution": True, "grade_id": "why", "score": 0.0, "points": 2.0}
    written.metadata["nbgrader"] = NotebookNode(facts)
    waiting = text_of(html_of(written, waiting=("why",)))
    assert "1 answer is still to be graded by a person" in waiting
    assert "not graded yet, 2 points" in waiting
    assert "0 of 2" not in waiting
    assert "0 of 2" in text_of(html_of(written))


def test_what_went_wrong_with_a_submission_is_said_first() -> None:
    result = result_with(RIGHT, status="partly graded", reason="A cell ran for 30 seconds.")
    told = text_of(html_of(result=result))
    assert told.index("A cell ran for 30 seconds.") < told.index(RIGHT.paragraph)


def test_a_notebook_without_a_record_keeps_its_cells() -> None:
    assert [cell.source for cell in page_of(new_markdown_cell("# Sums")).cells] == ["# Sums"]


def test_a_damaged_record_is_an_error_that_says_what_to_do() -> None:
    notebook = new_notebook(metadata={METADATA_KEY: {"status": "splendid"}})
    with pytest.raises(AutograderError, match="--force"):
        OpenWithDiagnosis().preprocess(notebook, {})


def test_the_page_asks_no_host_and_runs_no_script() -> None:
    picture = new_output("display_data", {"image/png": PICTURE})
    page = html_of(new_markdown_cell("$x^2$"), new_code_cell("plot()", outputs=[picture]))
    soup = BeautifulSoup(page, "html.parser")
    assert soup.find_all(["script", "link", "iframe"]) == []
    assert re.findall(r"(?:src|href)=[\"'](?!data:|#)", page) == []
    assert re.findall(r"@import|url\(", page) == []
    (policy,) = soup.select("meta[http-equiv=Content-Security-Policy]")
    assert str(policy["content"]).startswith("default-src 'none'; style-src")
    assert "script-src" not in policy["content"]


# --- formulas -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rnn-bptt/rnn_bptt.ipynb", "gtn-lab/gtn_lab.ipynb"])
def test_every_formula_of_our_notebooks_is_drawn(name: str) -> None:
    notebook = nbformat.read(COURSE / "source" / name, as_version=4)
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    page = html_of(*map(new_markdown_cell, texts))
    soup = BeautifulSoup(page, "html.parser")
    assert len(soup.find_all("math")) > 50
    assert soup.find_all(class_="tex") == []
    for each in soup.find_all("math"):
        assert "\\" not in each.get_text(), each


@pytest.mark.parametrize(
    "tex",
    [
        r"\text{<script>stolen()</script>}",
        r"\text{&lt;img src=x onerror=stolen()&gt;}",
        r"\href{javascript:stolen()}{x}",
        r"\style{background:url(stolen())}{x}",
        r"\class{stolen()}{x}",
        r"\frac{<script>stolen()</script>",
        "<img src=x onerror=stolen()>",
        "x" * 6_000 + "<script>stolen()</script>",
    ],
)
def test_a_formula_is_never_markup_of_its_own(tex: str) -> None:
    found = BeautifulSoup(mathml(tex, "inline"), "html.parser")
    assert found.find_all(["script", "img"]) == []
    for each in found.find_all(True):
        assert not set(each.attrs) & {"href", "style", "onerror"}
        assert each.get("class") in (None, ["tex"])


def test_tex_that_cannot_be_converted_stays_readable() -> None:
    assert mathml(r"x^2^2", "inline") == '<span class="tex">x^2^2</span>'
    assert "<p" in mathml("{" * 2_000, "block")


# --- hidden tests ---------------------------------------------------------------------------------


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
    page = html_of(result=result_with(feedback))
    tags = re.compile(r"<[^>]*>")
    assert tags.findall(page) == tags.findall(html_of(result=result_with(WRONG)))
    assert " ".join(text.split()) in text_of(page)


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
    told = ("3 of 12 points", WRONG.paragraph, f"base64,{PICTURE}", ">values</a>", ">Sums")
    places = [page.index(text) for text in told]
    assert places == sorted(places)
    assert "Nearly." in page  # a person's comment
    assert "not graded yet, 2 points" in page  # the written answer
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
