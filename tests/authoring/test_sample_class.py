"""Short text answers become submissions that nbgrader grades."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from small_course import NOTEBOOK

from authoring.course import Course
from authoring.errors import AuthoringError
from authoring.release import build_release
from authoring.sample_class import read_class, submit_class

RIGHT = """\
# cell: double
def double(self, x):
    return x + x


Model.double = double
# cell: cube
def cube(x):
    return x**3
"""

WRONG = """\
# cell: double
def double(self, x):
    return x * x


Model.double = double
"""

CLASS = """\
[[submission]]
student = "ada"
first_name = "Ada"
last_name = "Lovelace"
answer = "right.txt"
what = "right"
expected = { double-values = 3 }

[[submission]]
student = "bob"
first_name = "Bob"
last_name = "Noyce"
answer = "squares.txt"
what = "squares instead of doubling"

[[submission]]
student = "cleo"
first_name = "Cleo"
last_name = "Patra"
answer = "torn.ipynb"
what = "a truncated file"
raw = true
"""


@pytest.fixture
def answers(course: Course) -> Path:
    """The folder of the sample class, filled."""
    folder = course.root / "data" / "sample-class" / "numbers"
    folder.mkdir(parents=True)
    (folder / "class.toml").write_text(CLASS)
    (folder / "right.txt").write_text(RIGHT)
    (folder / "squares.txt").write_text(WRONG)
    (folder / "torn.ipynb").write_bytes(b'{"cells": [')
    return folder


def test_answers_become_submissions_and_the_gradebook_knows_the_class(
    course: Course, answers: Path
) -> None:
    build_release(course, "numbers", output=course.release)
    submitted = submit_class(course, "numbers")
    assert [each.student for each in submitted] == ["ada", "bob", "cleo"]
    assert submitted[0].expected == {"double-values": 3}
    notebook = nbformat.read(course.submitted / "ada" / NOTEBOOK, as_version=4)
    sources = {each.id: each.source for each in notebook.cells}
    assert sources["double"].startswith("def double(self, x):\n    return x + x")
    assert sources["cube"] == "def cube(x):\n    return x**3"
    torn = course.submitted / "cleo" / NOTEBOOK
    assert torn.read_bytes() == b'{"cells": ['
    assert (course.submitted / "ada" / "numbers" / "table.txt").is_file()
    with Gradebook(f"sqlite:///{course.root}/gradebook.db") as gradebook:
        assert gradebook.find_student("ada").last_name == "Lovelace"


def test_submissions_of_others_are_left_alone(course: Course, answers: Path) -> None:
    build_release(course, "numbers", output=course.release)
    other = course.submitted / "zoe" / NOTEBOOK
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    submit_class(course, "numbers")
    submit_class(course, "numbers")
    assert other.read_text() == "mine"


def test_nbgrader_grades_the_class_made_from_a_release(course: Course, answers: Path) -> None:
    build_release(course, "numbers")
    submit_class(course, "numbers")
    config = course.config()
    # nbgrader's own kernel: how the course runs students' code is another room's matter.
    config.Autograde.autograde_preprocessors = Autograde.autograde_preprocessors.default()
    config.Autograde.sanitize_preprocessors = Autograde.sanitize_preprocessors.default()
    coursedir = CourseDirectory(config=config, assignment_id="numbers", student_id="[ab]*")
    Autograde(coursedir=coursedir, config=config).start()
    with Gradebook(coursedir.db_url) as gradebook:
        scores = {
            name: {grade.name: grade.auto_score for grade in notebook.grades}
            for name in ("ada", "bob")
            for notebook in [gradebook.find_submission_notebook("numbers", "numbers", name)]
        }
    assert scores["ada"] == {"double-values": 3, "double-zero": 1, "cube-values": 5, "why": 0}
    assert scores["bob"] == {"double-values": 0, "double-zero": 1, "cube-values": 0, "why": 0}


def test_without_a_release_the_command_to_run_is_named(course: Course, answers: Path) -> None:
    with pytest.raises(AuthoringError, match="Build it with 'authoring release numbers'"):
        submit_class(course, "numbers")
    assert not course.submitted.exists()


def test_an_answer_to_what_the_release_does_not_ask_is_refused_before_anything_is_written(
    course: Course, answers: Path
) -> None:
    (answers / "squares.txt").write_text("# cell: square\ndef square(x):\n    return x * x\n")
    build_release(course, "numbers", output=course.release)
    with pytest.raises(AuthoringError, match=r"squares\.txt.*'square'.*asks for: double, cube"):
        submit_class(course, "numbers")
    assert not course.submitted.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[submission]", "not valid TOML"),
        ("", r"no \[\[submission\]\] table"),
        (CLASS.replace('what = "right"', ""), "submission 1: 'what' is missing"),
        (CLASS.replace("right.txt", "lost.txt"), "lost.txt does not exist"),
        (CLASS.replace('"bob"', '"ada"'), "two submissions of the student ada"),
        (CLASS.replace('"bob"', '"../bob"'), "cannot name a folder"),
        (CLASS.replace("raw = true", "torn = true"), "unknown entries: torn"),
    ],
)
def test_a_wrong_list_is_a_clear_error(
    course: Course, answers: Path, text: str, complaint: str
) -> None:
    (answers / "class.toml").write_text(text)
    with pytest.raises(AuthoringError, match=rf"class\.toml.*{complaint}"):
        read_class(answers)
