"""The report on a class: what the gradebook and the records say, for programs and for people."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook as NbgraderGradebook
from nbgrader.plugins import CsvExportPlugin
from rich.console import Console

from autograder.errors import AutograderError
from autograder.recording.gradebook import Gradebook
from autograder.recording.results import (
    METADATA_KEY,
    Comparison,
    DiagnosisRecord,
    ExerciseFeedback,
    Status,
    SubmissionResult,
)
from autograder.recording.scores import NotebookScores
from autograder.reporting.report import Report, score_table, write_report

TESTS = {"scale-values": 3.0, "scale-side-effects": 1.0, "total-values": 2.0, "total-parts": 4.0}
HALVED = DiagnosisRecord("halved", "sign/scale", 0.9, "Half of it is missing. Look at <total>.")
SHIFTED = DiagnosisRecord("shifted", "time index", 0.6, "It is one step late.")


def record(
    classroom: Any,
    student: str,
    scores: dict[str, float],
    *found: DiagnosisRecord,
    status: Status = "graded",
    reason: str = "",
    seconds: float = 1.0,
    timestamp: str | None = None,
    comparison: Comparison | None = None,
    inside: tuple[str, ...] = (),
) -> None:
    """Leave behind what grading a submission leaves: scored in the gradebook, and the record."""
    path = classroom.root / "autograded" / student / "sums" / "sums.ipynb"
    path.parent.mkdir(parents=True)
    result = SubmissionResult(
        student,
        "sums",
        "sums",
        status,
        reason,
        seconds,
        {name: (scores.get(name), points) for name, points in TESTS.items()},
        (ExerciseFeedback("scale", (), found, "A paragraph.", None, comparison),),
        inside=inside,
    )
    notebook = nbformat.v4.new_notebook(metadata={METADATA_KEY: result.to_metadata()})
    nbformat.write(notebook, path)
    directories = classroom.course.directories
    with Gradebook(directories.db_url, directories.course_id) as gradebook:
        scored = {"sums": NotebookScores({**dict.fromkeys(TESTS, 0.0), **scores, "why": None}, {})}
        gradebook.write("sums", student, timestamp, scored, classroom.course.late_penalty)


@pytest.fixture
def graded(classroom: Any) -> Any:
    """Four students: right, halved, halved and shifted, and one whose file could not be read."""
    record(classroom, "dora", TESTS)
    record(classroom, "abel", {"scale-side-effects": 1.0, "total-parts": 2.0}, HALVED)
    record(classroom, "cleo", {"total-values": 2.0}, HALVED, SHIFTED, seconds=9.0)
    record(classroom, "bert", {}, status="not gradable", reason="The file is cut off.", seconds=0.1)
    return classroom


@pytest.fixture
def report(graded: Any) -> Report:
    return write_report(graded.course, "sums")


def entries_of(report: Report) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads(report.grades.read_text(encoding="utf-8"))
    return loaded


# --- grades.json ----------------------------------------------------------------------------------


def test_grades_json_follows_the_contract_and_is_sorted_by_student(report: Report) -> None:
    entries = entries_of(report)
    assert report.grades.parts[-3:] == ("reports", "sums", "grades.json")
    assert [entry["student"] for entry in entries] == ["abel", "bert", "cleo", "dora"]
    keys = ["student", "score", "max_score", "status", "reason", "tests", "inside", "diagnosis"]
    keys += ["seconds"]
    assert all(list(entry) == keys for entry in entries)
    abel, bert, cleo, dora = entries
    assert (abel["score"], abel["max_score"], abel["status"]) == (3, 12, "graded")
    assert abel["tests"]["total-parts"] == [2, 4]
    assert abel["tests"]["why"] == [None, 2]  # a person has to grade it
    assert abel["diagnosis"] == [
        {"label": "halved", "family": "sign/scale", "confidence": 0.9, "message": HALVED.message}
    ]
    assert (bert["status"], bert["reason"]) == ("not gradable", "The file is cut off.")
    assert [found["label"] for found in cleo["diagnosis"]] == ["halved", "shifted"]
    assert cleo["seconds"] == 9
    assert dora["diagnosis"] == []


def test_tests_stand_in_the_order_of_the_notebook(report: Report) -> None:
    assert list(entries_of(report)[0]["tests"])[:4] == list(TESTS)


def test_scores_are_those_of_nbgraders_own_export_with_manual_grades_and_late_work(
    graded: Any, tmp_path: Path
) -> None:
    database = graded.course.directories.db_url
    with NbgraderGradebook(database) as gradebook:
        gradebook.update_or_create_assignment("sums", duedate="2026-01-01 00:00:00 UTC")
        grade = gradebook.find_grade("why", "sums", "sums", "abel")
        grade.manual_score, grade.extra_credit = 1.5, 0.25
        late = gradebook.find_submission_notebook("sums", "sums", "dora")
        late.late_submission_penalty = 2.5
        gradebook.db.commit()
        exporter = CsvExportPlugin()
        exporter.to = str(tmp_path / "grades.csv")
        exporter.export(gradebook)
    with (tmp_path / "grades.csv").open() as handle:
        exported = {row["student_id"]: float(row["score"]) for row in csv.DictReader(handle)}
    ours = {e["student"]: e["score"] for e in entries_of(write_report(graded.course, "sums"))}
    assert ours == pytest.approx(exported)
    assert ours["abel"] == 4.75
    assert ours["dora"] == 7.5


def test_a_submission_that_was_never_graded_is_listed_with_the_reason(graded: Any) -> None:
    graded.hand_in("emma")
    emma = entries_of(write_report(graded.course, "sums"))[-1]
    assert (emma["student"], emma["status"], emma["score"]) == ("emma", "not gradable", 0)
    assert "not graded yet" in emma["reason"]
    assert emma["tests"]["scale-values"] == [None, 3]


@pytest.mark.parametrize(
    ("assignment", "complaint"),
    [("sums", "Nobody has handed in"), ("adam", "no released assignment")],
)
def test_without_anything_to_report_the_error_says_what_to_do(
    classroom: Any, assignment: str, complaint: str
) -> None:
    with pytest.raises(AutograderError, match=complaint):
        write_report(classroom.course, assignment)
    assert not (classroom.root / "reports" / assignment / "grades.json").exists()


def test_a_report_that_fails_leaves_the_old_one_whole(graded: Any, report: Report) -> None:
    before = report.grades.read_bytes(), report.page.read_bytes()
    damaged = graded.root / "autograded" / "abel" / "sums" / "sums.ipynb"
    damaged.write_text(damaged.read_text().replace('"seconds"', '"second"').replace("[", "{", 1))
    with pytest.raises(AutograderError, match=r"sums\.ipynb.*--force"):
        write_report(graded.course, "sums")
    assert (report.grades.read_bytes(), report.page.read_bytes()) == before
    assert sorted(path.name for path in report.page.parent.iterdir()) == [
        "grades.json",
        "index.html",
    ]


# --- the page -------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """Every start tag of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page))


def test_the_page_shows_everything_that_was_asked_for(report: Report) -> None:
    page = text_of(report.page.read_text(encoding="utf-8"))
    for heading in (
        "Look at by hand",
        "What to say in class",
        "Score distribution",
        "Points per test",
        "All that the answers look like",
        "Students",
    ):
        assert heading in page
    assert "cleo (9.0 s)" in page
    assert "1.0 of 2 · 2 of 4 full" in page  # total-values: two of four have both points
    assert "2 points, not graded yet" in page


def test_misconceptions_are_listed_by_how_many_students_show_them(report: Report) -> None:
    page = text_of(report.page.read_text(encoding="utf-8"))
    halved, shifted = page.index("2 halved"), page.index("1 shifted")
    assert halved < shifted
    assert "abel, cleo" in page[halved:shifted]


def test_who_is_to_be_looked_at_by_hand_is_listed_with_the_reason(graded: Any) -> None:
    record(graded, "finn", TESTS, reason="The cell total was renamed.")
    record(graded, "gwen", TESTS, inside=("total-values",))
    page = text_of(write_report(graded.course, "sums").page.read_text(encoding="utf-8"))
    listed = page[page.rindex("Look at by hand") : page.rindex("What to say in class")]
    assert "Not graded, or only in part (1)" in listed
    assert "bert: The file is cut off." in listed
    assert "cleo: perhaps shifted (60 % sure)" in listed
    assert "finn: The cell total was renamed." in listed
    assert "gwen: total-values" in listed
    assert "Answers wait for a person (6)" in listed
    assert "abel, bert, cleo, dora, finn, gwen: why" in listed
    assert "6 to look at by hand" in page
    assert "halved (" not in listed  # it is sure of that one


def test_a_misconception_is_shown_with_the_right_matrix_beside_the_returned_one(
    graded: Any,
) -> None:
    wrong = Comparison("total", "row", "column", ((1.0, 2.0),), ((1.0, -0.5),))
    record(graded, "finn", {}, HALVED, comparison=wrong)
    page = write_report(graded.course, "sums").page.read_text(encoding="utf-8")
    told = text_of(page)
    assert "1. halved: 3 students of 5" in told
    assert "furthest off (row 0, column 1): -0.5, and 2 is right." in told
    assert page.count("<title>-0.5</title>") == 1  # the entry as returned
    # without recorded values: what it costs
    assert "2. shifted: 1 student of 5" in told
    assert "It costs most at scale-side-effects: 0 % of the points" in told


def test_labels_that_say_nothing_of_how_students_think_are_not_for_the_class(graded: Any) -> None:
    untouched = DiagnosisRecord("not-attempted", "not-backprop", 0.99, "It is as it was.")
    for student in ("finn", "gwen", "hugo"):
        record(graded, student, {}, untouched)
    page = text_of(write_report(graded.course, "sums").page.read_text(encoding="utf-8"))
    assert "1. halved: 2 students of 7" in page
    assert "3 not-attempted" in page  # in the table of all


def test_only_the_pages_own_script_may_run(report: Report) -> None:
    page = report.page.read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in page


def test_the_page_loads_nothing_and_says_its_charts_in_words(report: Report) -> None:
    elements = Elements(report.page.read_text(encoding="utf-8"))
    assert not elements.all("link") + elements.all("img")
    assert [script.get("src") for script in elements.all("script")] == [None]
    assert "url(" not in report.page.read_text(encoding="utf-8")
    charts = elements.all("svg")
    assert len(charts) >= 3
    assert all(chart["role"] == "img" for chart in charts)
    assert all("aria-labelledby" in chart or chart.get("aria-label") for chart in charts)
    page = report.page.read_text(encoding="utf-8")
    assert "1 submissions from 10 to 11 points" in re.sub(r"\s+", " ", page)


def test_text_of_students_and_misconceptions_is_not_markup(report: Report) -> None:
    assert "Look at &lt;total&gt;." in report.page.read_text(encoding="utf-8")


def test_students_lead_to_their_feedback_pages_where_there_are_any(graded: Any) -> None:
    feedback = graded.root / "feedback" / "abel" / "sums" / "sums.html"
    feedback.parent.mkdir(parents=True)
    feedback.write_text("<p>Feedback</p>")
    report = write_report(graded.course, "sums")
    links = Elements(report.page.read_text(encoding="utf-8")).all("a")
    leading = [str(link["href"]) for link in links if not str(link["href"]).startswith("#")]
    targets = {(report.page.parent / address).resolve() for address in leading}
    assert targets == {feedback.resolve()}


def test_the_table_for_the_terminal_names_scores_and_misconceptions(report: Report) -> None:
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(score_table(report.entries))
    shown = console.export_text()
    assert re.search(r"cleo\W+2 / 12\W+graded\W+halved, shifted", shown)
    assert re.search(r"bert\W+0 / 12\W+not gradable\W+The file is cut off\.", shown)


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def autograder(graded: Any) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from autograder.cli import app; app()", *arguments]
        return subprocess.run(command, cwd=graded.root, capture_output=True, text=True, check=False)

    return run


def test_the_command_writes_the_report_and_says_where(
    autograder: Callable[..., subprocess.CompletedProcess[str]], graded: Any
) -> None:
    done = autograder("report", "sums")
    assert done.returncode == 0, done.stderr
    assert "reports/sums/index.html" in done.stdout
    assert (graded.root / "reports" / "sums" / "grades.json").is_file()


def test_the_command_fails_with_one_line_for_an_unknown_assignment(
    autograder: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = autograder("report", "adam")
    assert done.returncode == 1
    assert "no released assignment 'adam'" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
