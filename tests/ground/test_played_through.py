"""The sample class, played through with the commands that an instructor types."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CLASS = tomllib.loads((ROOT / "data/sample-class/rnn-bptt/class.toml").read_text())["submission"]
STUDENTS = [submission["student"] for submission in CLASS]
# Right and wrong answers, a death and a damaged file: enough to compare two ways of grading.
SOME = ["ada", "emil", "mona", "otto"]

Grades = dict[str, dict[str, Any]]


def run(course: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=course,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def new_course(folder: Path) -> Path:
    for name in ("source", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("MNIST"))
    # A shorter call limit than a class would have: the endless loop should not hold up the tests.
    configuration = (ROOT / "nbgrader_config.py").read_text()
    (folder / "nbgrader_config.py").write_text(
        configuration + "\nc.TrustedExecute.call_seconds = 3\n"
    )
    for command in ("release", "sample-class"):
        done = run(folder, "authoring", command, "rnn-bptt")
        assert done.returncode == 0, done.stderr
    return folder


def exported_scores(course: Path) -> dict[str, float]:
    assert run(course, "nbgrader", "export").returncode == 0
    with (course / "grades.csv").open() as table:
        return {row["student_id"]: float(row["score"]) for row in csv.DictReader(table)}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def graded(course: Path) -> subprocess.CompletedProcess[str]:
    return run(course, "autograder", "grade", "rnn-bptt")


@pytest.fixture(scope="module")
def grades(course: Path, graded: subprocess.CompletedProcess[str]) -> Grades:
    done = run(course, "autograder", "report", "rnn-bptt")
    assert done.returncode == 0, done.stderr
    entries = json.loads((course / "reports/rnn-bptt/grades.json").read_text())
    return {entry["student"]: entry for entry in entries}


def test_the_one_damaged_file_is_named_and_sets_the_exit_status(
    graded: subprocess.CompletedProcess[str],
) -> None:
    assert graded.returncode == 1
    assert "otto" in graded.stdout + graded.stderr


def test_every_submission_ends_with_a_score_or_a_reason(
    grades: Grades,
) -> None:
    assert sorted(grades) == sorted(STUDENTS)
    assert {s for s, entry in grades.items() if entry["status"] == "not gradable"} == {"otto"}
    assert all(entry["reason"] for entry in grades.values() if entry["status"] != "graded")


@pytest.mark.parametrize("submission", CLASS, ids=STUDENTS)
def test_each_submission_earns_what_its_answer_deserves(
    submission: dict[str, Any], grades: Grades
) -> None:
    tests = grades[submission["student"]]["tests"]
    earned = {name: points for name, (points, _) in tests.items() if points}
    assert earned == submission["expected"]
    assert grades[submission["student"]]["score"] == sum(submission["expected"].values())


def test_feedback_pages_and_the_grades_table_come_out(course: Path, grades: Grades) -> None:
    done = run(course, "nbgrader", "generate_feedback", "rnn-bptt")
    assert done.returncode == 0, done.stderr
    pages = {path.parts[-3] for path in course.glob("feedback/*/rnn-bptt/rnn_bptt.html")}
    assert pages >= set(STUDENTS) - {"otto"}
    assert exported_scores(course) == {student: entry["score"] for student, entry in grades.items()}


def test_nbgrader_autograde_gives_the_same_grades(tmp_path: Path, grades: Grades) -> None:
    course = new_course(tmp_path)
    for folder in (course / "submitted").iterdir():
        if folder.name not in SOME:
            shutil.rmtree(folder)
    run(course, "nbgrader", "autograde", "rnn-bptt")  # exits 1: it cannot read otto's file either
    scores = exported_scores(course)
    assert {s: scores[s] for s in SOME} == {s: grades[s]["score"] for s in SOME}
