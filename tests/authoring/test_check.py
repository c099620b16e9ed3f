"""`authoring check` rebuilds elsewhere and names what differs."""

from __future__ import annotations

import nbformat
import pytest
from small_course import NOTEBOOK, cell, edited

from authoring.check import check_course
from authoring.course import Course
from authoring.release import build_release
from authoring.solutions import build_solution


@pytest.fixture
def built(course: Course) -> Course:
    """The course with release and (unexecuted) solution."""
    build_release(course, "numbers", output=course.release)
    build_solution(course, "numbers", run=False)
    return course


def test_what_was_just_built_is_up_to_date(built: Course) -> None:
    assert check_course(built) == []


def test_a_release_with_another_choice_is_compared_with_that_choice(course: Course) -> None:
    build_release(course, "numbers", blanks=["square"], level="open", output=course.release)
    build_solution(course, "numbers", run=False)
    assert check_course(course) == []


def test_outputs_and_widgets_of_a_solution_may_differ(built: Course) -> None:
    with edited(built.solutions / NOTEBOOK) as notebook:
        notebook.metadata["widgets"] = {"state": {}}
        ending = cell(notebook, "ending")
        ending.outputs = [nbformat.v4.new_output("stream", text="144\n")]
        ending.execution_count = 3
    assert check_course(built) == []


def test_an_edited_release_is_named_to_the_cell(built: Course) -> None:
    with edited(built.release / NOTEBOOK) as notebook:
        cell(notebook, "title").source = "# Figures"
    (fault,) = check_course(built)
    assert "release/numbers/numbers.ipynb, cell 'title'" in fault
    assert "Run 'authoring release numbers'" in fault


def test_a_source_changed_since_is_named_in_release_and_solution(built: Course) -> None:
    with edited(built.source / NOTEBOOK) as notebook:
        cell(notebook, "title").source = "# Figures"
    release, solution = check_course(built)
    assert release.startswith("release/numbers/numbers.ipynb, cell 'title'")
    assert solution.startswith("solutions/numbers/numbers.ipynb, cell 'title'")


def test_missing_and_stray_files_are_named(built: Course) -> None:
    (built.release / "numbers" / "table.txt").unlink()
    (built.solutions / "numbers" / "stray.txt").write_text("?")
    missing, stray = check_course(built)
    assert missing.startswith("release/numbers/table.txt is missing")
    assert stray.startswith("solutions/numbers/stray.txt is not made from any source")


def test_without_a_release_the_check_says_so_instead_of_failing(course: Course) -> None:
    faults = check_course(course)
    assert any(fault.startswith("release/numbers/numbers.ipynb is missing") for fault in faults)
    assert any(fault.startswith("solutions/numbers/numbers.ipynb is missing") for fault in faults)
