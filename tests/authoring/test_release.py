"""Releases go through nbgrader: its command line, formgrader's button, its gradebook."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.apps import NbGrader
from nbgrader.apps.api import NbGraderAPI
from nbgrader.nbgraderformat import MetadataValidator
from small_course import NOTEBOOK, cell, configure, edited
from traitlets.config.loader import KVArgParseConfigLoader

from authoring.course import Course
from authoring.errors import AuthoringError
from authoring.release import SelectExercises, build_release


def read_release(course: Course) -> NotebookNode:
    notebook = nbformat.read(course.release / NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    return notebook


def run_nbgrader(course: Course, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("nbgrader")), *arguments]
    environment = {**os.environ, "PATH": os.defpath}  # an environment that is not activated
    return subprocess.run(
        command, cwd=course.root, env=environment, capture_output=True, text=True, check=False
    )


def test_nbgraders_command_line_chooses_blanks_and_level(course: Course) -> None:
    (course.root / "gradebook.db").unlink()
    done = run_nbgrader(
        course,
        "generate_assignment",
        "numbers",
        "--SelectExercises.blanks=double,square",
        "--SelectExercises.level=standard",
    )
    assert done.returncode == 0, done.stderr
    released = read_release(course)
    assert released.metadata.exercise == {"blanks": ["double", "square"], "level": "standard"}
    assert "add it up" not in cell(released, "double").source

    done = run_nbgrader(
        course, "generate_assignment", "numbers", "--force", "--SelectExercises.blanks=dubble"
    )
    assert done.returncode == 1
    assert "'dubble'. Choose from: double, square." in done.stderr
    assert "Traceback" not in done.stderr
    assert read_release(course) == released, "a mistyped name cost the release"


def press_generate(course: Course, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What formgrader calls when someone presses Generate, and what it answers."""
    monkeypatch.chdir(course.root)
    app = NbGrader()
    app.initialize([], root=str(course.root))
    answer: dict[str, Any] = NbGraderAPI(app.coursedir, parent=app).generate_assignment("numbers")
    return answer


def test_formgraders_button_makes_the_configured_release(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(course.root, 'c.SelectExercises.level = "open"')
    result = press_generate(course, monkeypatch)
    assert result["success"], result
    released = read_release(course)
    assert released.metadata.exercise == {"blanks": ["double"], "level": "open"}
    assert "total = 0" not in cell(released, "double").source


def test_formgrader_is_told_the_valid_names_and_keeps_the_old_release(
    course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_release(course, "numbers")
    before = read_release(course)
    configure(course.root, 'c.SelectExercises.blanks = ["dubble"]')
    result = press_generate(course, monkeypatch)
    assert not result["success"]
    assert "Choose from: double, square" in result["log"]
    assert read_release(course) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["--SelectExercises.blanks=double,square"],
        ["--SelectExercises.blanks=['double', 'square']"],
        ["--SelectExercises.blanks=double", "--SelectExercises.blanks=square"],
    ],
)
def test_names_may_be_given_in_every_usual_form(arguments: list[str]) -> None:
    config = KVArgParseConfigLoader(log=None).load_config(arguments)
    assert SelectExercises(config=config).blanks == ["double", "square"]


@pytest.mark.parametrize(
    ("configured", "blanks"),
    [
        ('{"numbers": ["square"], "letters": ["spell"]}', ["square"]),
        ('{"letters": ["spell"]}', ["double", "square"]),
    ],
)
def test_each_assignment_has_blanks_of_its_own_and_else_all_of_them(
    course: Course, configured: str, blanks: list[str]
) -> None:
    configure(course.root, f"c.SelectExercises.default_blanks = {configured}")
    build_release(course, "numbers", output=course.release)
    assert read_release(course).metadata.exercise["blanks"] == blanks


def test_files_beside_the_notebook_are_released_except_the_secret_ones(course: Course) -> None:
    folder = build_release(course, "numbers")
    assert {path.name for path in folder.iterdir()} == {"numbers.ipynb", "table.txt"}


def test_hidden_tests_and_solutions_are_gone_and_the_gradebook_has_the_tests(
    course: Course,
) -> None:
    build_release(course, "numbers")
    released = read_release(course)
    assert cell(released, "double-values").source == "assert Model().double(2) == 4"
    assert cell(released, "why").source == "YOUR ANSWER HERE"
    with open_gradebook(course) as gradebook:
        notebook = gradebook.find_notebook("numbers", "numbers")
        assert {grade.name: grade.max_score for grade in notebook.grade_cells} == {
            "double-values": 3,
            "double-zero": 1,
            "cube-values": 5,
            "why": 2,
        }
        stored = gradebook.find_source_cell("double-values", "numbers", "numbers").source
        assert "double(7) == 14" in stored


def submit_and_grade(course: Course) -> None:
    with open_gradebook(course) as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission("numbers", "ada")
        gradebook.find_grade("double-values", "numbers", "numbers", "ada").auto_score = 3
        gradebook.db.commit()


def open_gradebook(course: Course) -> Gradebook:
    return Gradebook(f"sqlite:///{course.root}/gradebook.db")


def score(course: Course) -> float:
    with open_gradebook(course) as gradebook:
        return float(gradebook.find_submission("numbers", "ada").score)


def test_rebuilding_a_release_keeps_the_grades(course: Course) -> None:
    build_release(course, "numbers")
    submit_and_grade(course)
    build_release(course, "numbers", level="standard")
    assert score(course) == 3


def test_other_blanks_after_submissions_are_refused_and_nothing_changes(course: Course) -> None:
    build_release(course, "numbers")
    submit_and_grade(course)
    before = (course.release / NOTEBOOK).read_bytes()
    with pytest.raises(AuthoringError, match=r"numbers has been handed in.*--blanks"):
        build_release(course, "numbers", blanks=["square"])
    assert (course.release / NOTEBOOK).read_bytes() == before
    assert [path.name for path in course.release.iterdir()] == ["numbers"]
    assert score(course) == 3


def test_a_build_elsewhere_touches_neither_release_nor_gradebook(
    course: Course, tmp_path: Path
) -> None:
    gradebook = (course.root / "gradebook.db").read_bytes()
    folder = build_release(course, "numbers", blanks=["square"], output=tmp_path / "look")
    assert (folder / "numbers.ipynb").is_file()
    assert not course.release.exists()
    assert (course.root / "gradebook.db").read_bytes() == gradebook


def test_an_unknown_assignment_is_answered_with_the_known_ones(course: Course) -> None:
    with pytest.raises(AuthoringError, match=r"Assignments: numbers\."):
        build_release(course, "letters")


def test_the_release_says_where_the_students_zip_is_and_a_bad_address_costs_nothing(
    course: Course,
) -> None:
    with edited(course.source / NOTEBOOK) as notebook:
        cell(notebook, "square").source += '\nSTUDENTS_ZIP = ""  # here'
    address = "https://example.org/course-students.zip"
    configure(course.root, f"c.SelectExercises.students_zip = {address!r}")
    build_release(course, "numbers")
    released = read_release(course)
    assert f'\nSTUDENTS_ZIP = "{address}"  # here' in cell(released, "square").source
    for wrong in ("ftp://example.org/a.zip", "https://example.org/a b.zip", 'https://a/"'):
        configure(course.root, f"c.SelectExercises.students_zip = {wrong!r}")
        with pytest.raises(AuthoringError, match=r"students_zip is .*, which is no address"):
            build_release(course, "numbers")
        assert read_release(course) == released
