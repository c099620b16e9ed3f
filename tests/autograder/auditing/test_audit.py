"""How each test is to be run is found out once; a test that is at fault costs nobody a point."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from authoring.course import Course as AuthoringCourse
from authoring.release import build_release
from autograder.auditing.record import record_file, with_verdicts
from autograder.testing.runner import student_seed

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


def with_lenient_tests(notebook: Any) -> None:
    for cell in notebook.cells:
        if cell.id == "total-values":
            cell.source = "assert callable(total)"
        elif cell.id == "total-parts":
            cell.source = "4 if total([1]) == 1 else 0"


def with_an_unsteady_test(notebook: Any) -> None:
    cell = next(cell for cell in notebook.cells if cell.id == "total-values")
    # outside it has no get_ipython; inside, its second run fails
    second = np.random.RandomState(student_seed("audit 2")).random_sample()
    cell.source = f"get_ipython()\ntotal([1])\nassert np.random.random() != {second!r}"


def with_a_warning(notebook: Any) -> None:
    cell = next(cell for cell in notebook.cells if cell.id == "total-values")
    cell.source = "import sys\nprint('odd', file=sys.stderr)\nassert total([1]) == 1"


def verdicts_of(classroom: Any) -> Any:
    """What the release's audit found, as grading will read it."""
    audited = with_verdicts(classroom.course, "sums", [classroom.instructor()])
    assert audited is not None
    return audited[0].verdicts.tests


def test_an_assignment_without_exports_is_graded_as_safely(classroom: Any) -> None:
    release_again(classroom, without_exercises)
    classroom.hand_in("ada")
    classroom.hand_in("bob", total="def total(numbers):\n    return 0")
    done = run(classroom, "autograder", "grade", "sums")
    assert done.returncode == 0, done.stderr
    assert {name: verdict.mode for name, verdict in verdicts_of(classroom).items()} == (
        dict.fromkeys(TESTS, "outside")
    )
    scores = classroom.scores()
    assert {scores["ada"][name] for name in TESTS} == {3, 1, 2, 4}
    assert scores["bob"]["total-values"] == 0
    assert classroom.result("ada").status == "graded"
    assert classroom.result("ada").inside == ()


def test_the_untouched_release_gets_nothing_or_the_audit_says_so(classroom: Any) -> None:
    release_again(classroom, lambda notebook: None)
    assert not any(verdict.faults for verdict in verdicts_of(classroom).values())
    release_again(classroom, with_lenient_tests)
    found = verdicts_of(classroom)
    assert found["total-values"].faults == ("the untouched stub gets 2 points for it",)
    assert not found["total-parts"].faults


def test_a_test_that_changes_its_mind_is_nobodys_fault(classroom: Any) -> None:
    release_again(classroom, with_an_unsteady_test)
    verdict = verdicts_of(classroom)["total-values"]
    assert verdict.mode == "neither"
    assert "its verdict changes from run to run" in verdict.faults


def test_a_test_that_warns_is_named(classroom: Any) -> None:
    release_again(classroom, with_a_warning)
    verdict = verdicts_of(classroom)["total-values"]
    assert verdict.mode == "outside"
    assert "writes to stderr" in verdict.faults[0]


def test_the_command_shows_a_table_and_names_every_fault(classroom: Any) -> None:
    done = run(classroom, "authoring", "audit", "sums")
    assert done.returncode == 0, done.stderr
    assert "scale-values" in done.stdout
    assert "audit/sums.json" in done.stdout
    release_again(classroom, with_a_wrong_test)
    failed = run(classroom, "authoring", "audit", "sums")
    assert failed.returncode == 1
    assert "sums.ipynb, test total-values: the assignment's own solution" in failed.stderr
    unknown = run(classroom, "authoring", "audit", "nothing")
    assert unknown.returncode == 1
    assert "no released assignment 'nothing'" in unknown.stderr


def test_what_was_never_audited_is_audited_before_grading(classroom: Any) -> None:
    record = record_file(classroom.course, "sums")
    record.unlink()
    classroom.hand_in("ada")
    assert run(classroom, "autograder", "grade", "sums").returncode == 0
    assert set(verdicts_of(classroom)) == TESTS
    record.write_text("{")
    damaged = run(classroom, "autograder", "grade", "sums")
    assert damaged.returncode == 1
    assert f"{record} cannot be read" in damaged.stderr
    assert "Remove it" in damaged.stderr


@pytest.mark.parametrize(
    ("change", "name", "why"),
    [
        (with_a_wrong_test, "total-values", "AssertionError"),
        (with_too_few_points, "total-parts", "it gives 2 of 4 points"),
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
