"""A test that the assignment's own solution fails costs no student a point, and says so."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from authoring.course import Course as AuthoringCourse
from authoring.release import build_release

BIN = Path(sys.executable).parent
TESTS = {"scale-values", "scale-side-effects", "total-values", "total-parts"}


def release_again(classroom: Any, change: Callable[[Any], None]) -> None:
    """Release the assignment after a change of its source notebook."""
    path = classroom.root / "source" / "sums" / "sums.ipynb"
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)
    build_release(AuthoringCourse.at(classroom.root), "sums")


def run(classroom: Any, *command: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = command
    return subprocess.run(
        [BIN / program, *arguments], cwd=classroom.root, capture_output=True, text=True, timeout=120
    )


def without_exercises(notebook: Any) -> None:
    """As plain nbgrader assignments are: no cell says what it exports."""
    for cell in notebook.cells:
        cell.metadata.pop("exercise", None)


def with_a_wrong_test(notebook: Any) -> None:
    cell = next(cell for cell in notebook.cells if cell.id == "total-values")
    cell.source = "assert total([1, 2]) == 4"


def with_too_few_points(notebook: Any) -> None:
    cell = next(cell for cell in notebook.cells if cell.id == "total-parts")
    cell.source = "2 * (total([1]) == 1)"


def test_an_assignment_without_exports_is_not_scored_zero(classroom: Any) -> None:
    release_again(classroom, without_exercises)
    classroom.hand_in("ada")
    done = run(classroom, "autograder", "grade", "sums")
    assert done.returncode == 1
    assert "ada: not graded. Not scored: scale-values" in done.stderr
    assert "own solution does not pass" in done.stderr
    scores = classroom.scores()["ada"]
    assert {scores[name] for name in TESTS} == {None}
    assert classroom.result("ada").status == "not gradable"
    assert set(classroom.result("ada").unfair) == TESTS


@pytest.mark.parametrize(
    ("change", "name", "why"),
    [
        (with_a_wrong_test, "total-values", "AssertionError"),
        (with_too_few_points, "total-parts", "it gives 2.0 of 4 points"),
    ],
)
def test_one_wrong_test_is_left_to_a_person_and_the_others_count(
    classroom: Any, change: Callable[[Any], None], name: str, why: str
) -> None:
    release_again(classroom, change)
    classroom.hand_in("ada")
    classroom.hand_in("bob", total="def total(numbers):\n    return 0")
    done = run(classroom, "autograder", "grade", "sums")
    assert done.returncode == 0, done.stderr
    result = classroom.result("ada")
    assert result.status == "partly graded"
    assert f"Not scored: {name}." in result.reason
    assert why in result.reason
    scores = classroom.scores()
    assert scores["ada"][name] is None
    assert scores["bob"][name] is None
    assert scores["ada"]["scale-values"] == 3
    other = next(each for each in ("total-values", "total-parts") if each != name)
    assert scores["ada"][other] == result.tests[other][1]
    assert scores["bob"][other] < result.tests[other][1]


def test_nbgraders_own_command_refuses_instead_of_scoring_zero(classroom: Any) -> None:
    release_again(classroom, with_a_wrong_test)
    classroom.hand_in("ada")
    done = run(classroom, "nbgrader", "autograde", "sums")
    assert done.returncode != 0
    assert "own solution does not pass" in done.stderr
    assert classroom.scores()["ada"]["total-values"] is None


def test_a_right_assignment_has_no_unfair_test(classroom: Any) -> None:
    classroom.hand_in("ada")
    assert run(classroom, "autograder", "grade", "sums").returncode == 0
    assert classroom.result("ada").unfair == ()
