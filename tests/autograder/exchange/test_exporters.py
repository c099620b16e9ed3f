"""`nbgrader export` fills in what Canvas and Moodle exported, and nothing else."""

from __future__ import annotations

import csv
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
from nbgrader import api
from nbgrader.apps import ExportApp
from traitlets.config import Config

POINTS = {"zoe": 9.0, "orjan": 7.5, "participant-5": 6.0}


@pytest.fixture(scope="module")
def gradebook_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gradebook with two assignments; Zoë and Ørjan handed in, and Li still is to be graded."""
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with api.Gradebook(f"sqlite:///{path}") as gradebook:
        for name in ("sums", "essay"):
            gradebook.add_assignment(name)
            gradebook.add_notebook("main", name)
            most = {"sums": 10, "essay": 5}[name]
            gradebook.add_grade_cell("test", "main", name, max_score=most, cell_type="code")
        for student in ("zoe", "orjan", "long", "ada", "participant-5"):
            gradebook.add_student(student)
        for student in ("zoe", "orjan", "long", "participant-5"):
            gradebook.add_submission("sums", student)
            grade = gradebook.find_grade("test", "main", "sums", student)
            grade.needs_manual_grade = student == "long"
            grade.auto_score = POINTS.get(student)
            if student == "zoe":
                late = gradebook.find_submission_notebook("main", "sums", student)
                late.late_submission_penalty = 1.0
        gradebook.db.commit()
    return path


@pytest.fixture
def graded(gradebook_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the gradebook."""
    shutil.copy(gradebook_file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def export(platform: str, template: Path, assignment: str = "sums", **options: Any) -> None:
    """Runs `nbgrader export` with one of our exporters, in the working directory."""
    config = Config()
    config[platform].update({"template": str(template), **options})
    if assignment:
        config.ExportPlugin.assignment = [assignment]
    config.CourseDirectory.db_url = f"sqlite:///{Path.cwd()}/gradebook.db"
    app = ExportApp(config=config)
    app.initialize([f"--exporter=autograder.exchange.exporters.{platform}"])
    logging.getLogger(app.log.name).propagate = True
    app.start()


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_canvas_gets_one_assignment_with_its_own_ids(graded: Path, canvas_book: Path) -> None:
    export("CanvasExport", canvas_book)
    assert table(graded / "canvas-grades.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Sums (501)"],
        ["", "", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "", "10.00"],
        ["Núñez, Zoë", "31", "s31", "zoe", "A", "8.00"],  # 9 less 1 for being late
        ["Łoś-Berg, Ørjan", "32", "s32", "orjan", "A", "7.50"],
        ["Vogel, Ada", "33", "s33", "ada", "B", ""],  # handed in nothing: not nbgrader's to say
        ["Student, Test", "99", "", "testlogin", "A", "", ],
    ]  # fmt: skip


def test_every_assignment_with_a_column_is_exported_if_none_is_asked_for(
    graded: Path, canvas_book: Path
) -> None:
    export("CanvasExport", canvas_book, assignment="")
    assert table(graded / "canvas-grades.csv")[0][-2:] == ["Sums (501)", "Essay (502)"]


def test_a_column_of_another_name_is_named(graded: Path, canvas_book: Path) -> None:
    canvas_book.write_text(canvas_book.read_text().replace("Sums (501)", "Week 3: adding (501)"))
    with pytest.raises(SystemExit):
        export("CanvasExport", canvas_book)
    export("CanvasExport", canvas_book, column="501")
    assert table(graded / "canvas-grades.csv")[3][-1] == "8.00"


def test_moodles_worksheet_comes_back_whole(
    graded: Path, worksheet: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = table(worksheet)
    export("MoodleExport", worksheet)
    after = table(graded / "moodle-grades.csv")
    assert [row[6] for row in after] == ["Grade", "8.00", "7.50", "", ""]
    for row in (*before, *after):
        row[6] = ""
    before[0][0] = "Identifier"  # without the byte order mark
    assert after == before
    assert "long: to be graded by hand first" in caplog.text


def test_in_blind_marking_the_participants_number_is_enough(graded: Path, listed: Any) -> None:
    row = ["Participant 5", "Submitted", "", "10.00", "-"]
    columns = "Identifier,Status,Grade,Maximum Grade,Last modified (grade)"
    export("MoodleExport", listed("blind.csv", columns, row))
    assert table(graded / "moodle-grades.csv")[1][2] == "6.00"


def test_only_the_students_that_are_asked_for_change(graded: Path, worksheet: Path) -> None:
    export("MoodleExport", worksheet, student=["orjan"])
    assert [row[6] for row in table(graded / "moodle-grades.csv")] == ["Grade", "", "7.50", "", ""]


def test_a_dry_run_shows_who_would_change_and_writes_nothing(
    graded: Path, canvas_book: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    export("CanvasExport", canvas_book, dry_run=True)
    assert "orjan: sums: none -> 7.50" in caplog.text
    assert "zoe: sums" not in caplog.text  # has these points already
    assert "Grades that would change: 1." in caplog.text
    assert not (graded / "canvas-grades.csv").exists()


def test_a_student_without_a_row_is_told(
    graded: Path, canvas_book: Path, caplog: pytest.LogCaptureFixture
) -> None:
    export("CanvasExport", canvas_book)
    assert "long: no row of" in caplog.text


def test_another_maximum_is_refused_or_converted(
    graded: Path, worksheet: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worksheet.write_text(worksheet.read_text().replace("10.00", '"100,00"'))
    with pytest.raises(SystemExit) as ended:
        export("MoodleExport", worksheet)
    assert ended.value.code == 1
    assert "100 points for what has 10" in caplog.text
    export("MoodleExport", worksheet, scale=True)
    assert table(graded / "moodle-grades.csv")[1][6] == "80,00"


def test_a_grade_that_moodle_has_locked_stays(graded: Path, worksheet: Path) -> None:
    worksheet.write_text(worksheet.read_text().replace(",Yes,", ",No,"))
    export("MoodleExport", worksheet)
    assert {row[6] for row in table(graded / "moodle-grades.csv")[1:]} == {""}


@pytest.mark.parametrize(
    ("platform", "said"),
    [("CanvasExport", "no column that is called"), ("MoodleExport", "not Moodle's grading")],
)
def test_a_template_of_something_else_is_refused(
    platform: str, said: str, graded: Path, listed: Any, caplog: pytest.LogCaptureFixture
) -> None:
    template = listed("other.csv", "id,first_name,last_name,email")
    with pytest.raises(SystemExit):
        export(platform, template, assignment="" if platform == "CanvasExport" else "sums")
    assert said in caplog.text
