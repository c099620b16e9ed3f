"""The lab graded: PyTorch in the sandbox, only numbers come back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config, PyFileConfigLoader

from authoring.course import Course as AuthoringCourse
from authoring.release import build_release
from authoring.sample_class import Submission, read_class, submit_class
from autograder.course import Course
from autograder.recording.gradebook import Gradebook
from autograder.scheduling.batch import Plan, grade_class

ROOT = Path(__file__).parents[2]
CLASS = read_class(ROOT / "data" / "sample-class" / "gtn-lab")
STUDENTS = [each.student for each in CLASS]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with the lab released and its sample class handed in."""
    root = tmp_path_factory.mktemp("lab") / "course"
    for part in ("source/gtn-lab", "data/sample-class/gtn-lab"):
        shutil.copytree(ROOT / part, root / part)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    build_release(AuthoringCourse.at(root), "gtn-lab")
    submit_class(AuthoringCourse.at(root), "gtn-lab")
    return root


@pytest.fixture(scope="module")
def graded(course: Path) -> dict[str, Any]:
    """Student to result."""
    found: dict[str, Any] = {}

    def keep(student: str, results: Any) -> None:
        (found[student],) = results

    grade_class(Course.at(course), Plan("gtn-lab", jobs=1), STUDENTS, keep)
    return found


def points(course: Path, student: str) -> dict[str, float]:
    """What each automatic test gave, as the gradebook has it, without the zeros."""
    with Gradebook.of(Course.at(course)) as gradebook:
        recorded = gradebook.recorded("gtn-lab")[student]
    return {name: score for (_, name), score in recorded.items() if score}


@pytest.mark.parametrize("submission", CLASS, ids=STUDENTS)
def test_each_submission_earns_what_its_answer_deserves(
    course: Path, graded: dict[str, Any], submission: Submission
) -> None:
    assert graded[submission.student].status == "graded", graded[submission.student].reason
    assert points(course, submission.student) == submission.expected


def test_the_class_shows_every_point_of_every_test_won_and_lost() -> None:
    full = CLASS[0].expected
    assert sum(full.values()) == 17
    for test in full:
        assert any(test not in each.expected for each in CLASS)


def test_formgraders_button_gives_the_same_grades(
    course: Path, graded: dict[str, Any], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "course"
    shutil.copytree(course, elsewhere, ignore=shutil.ignore_patterns("autograded", "gradebook.db"))
    build_release(AuthoringCourse.at(elsewhere), "gtn-lab")
    answer = NbGraderAPI(config=_config(elsewhere)).autograde("gtn-lab", "emil")
    assert answer["success"], answer.get("log")
    assert points(elsewhere, "emil") == points(course, "emil")


def _config(root: Path) -> Config:
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    return config
