"""What must stay secret is found when it gets out, under other names and spacing too."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from small_course import NOTEBOOK, add_code, cell, edited

from authoring.check import release_leaks, wheel_leaks
from authoring.course import Course
from authoring.errors import AuthoringError
from authoring.leaks import course_secrets, find_leaks
from authoring.release import build_release
from authoring.wheel import wheel_files


@pytest.fixture
def released(course: Course) -> Course:
    """The course with its default release: `double` blank, `square` given."""
    build_release(course, "numbers", output=course.release)
    return course


def found_in(course: Course, *texts: str) -> list[str]:
    return find_leaks(course_secrets(course), [("f", text) for text in texts])


def test_a_release_as_built_leaks_nothing(released: Course) -> None:
    assert release_leaks(released) == []
    assert wheel_leaks(released) == []


@pytest.mark.parametrize(
    "source",
    [
        "for amount in (x, x):",
        "        for   amount in (x,x):   # twice",
        "print('for amount in (x, x):')",
        "total+=amount",
    ],
)
def test_a_solution_line_is_found_whatever_its_spaces(released: Course, source: str) -> None:
    add_code(released.release / NOTEBOOK, source, "planted")
    (fault,) = release_leaks(released)
    assert "release/numbers/numbers.ipynb, cell 'planted'" in fault
    assert "solution line of numbers.ipynb, cell 'double'" in fault


@pytest.mark.parametrize("place", ["metadata", "cell metadata", "output"])
def test_a_solution_line_is_found_wherever_it_hides(released: Course, place: str) -> None:
    line = "total += amount"
    with edited(released.release / NOTEBOOK) as notebook:
        if place == "metadata":
            notebook.metadata["note"] = line
        elif place == "cell metadata":
            cell(notebook, "title").metadata["note"] = [line, "and more"]
        else:
            output = nbformat.v4.new_output("stream", text=line)
            notebook.cells.append(new_code_cell("x", id="planted", outputs=[output]))
    assert len(release_leaks(released)) == 1


def test_a_hidden_test_is_found(released: Course) -> None:
    add_code(released.release / NOTEBOOK, "assert Model().double(7) == 14")
    assert "hidden test of numbers.ipynb, cell 'double-values'" in release_leaks(released)[0]


def test_a_reference_answer_is_found(released: Course) -> None:
    answer = new_markdown_cell("Because sums of equal terms are products.", id="planted")
    with edited(released.release / NOTEBOOK) as notebook:
        notebook.cells.append(answer)
    assert "reference answer" in release_leaks(released)[0]


def test_a_misconception_is_found_in_any_file(released: Course) -> None:
    note = released.release / "numbers" / "note.md"
    note.write_text("You squared the number\ninstead of doubling it.\n")
    (fault, *_) = release_leaks(released)
    assert "release/numbers/note.md" in fault
    assert "message of misconceptions.toml" in fault


def test_the_secret_file_itself_is_found(released: Course) -> None:
    (released.release / "numbers" / "misconceptions.toml").write_text("")
    assert release_leaks(released) == [
        "release/numbers/misconceptions.toml: this file must stay in source/."
    ]


def test_a_copy_under_other_names_is_found(course: Course) -> None:
    with edited(course.source / NOTEBOOK) as notebook:
        cell(notebook, "double").source = (
            "def double(self, x):\n    ### BEGIN SOLUTION\n"
            "    parts = [piece for piece in (x, x) if piece]\n"
            "    total = sum(parts) if parts else 0\n"
            "    return total if total is not None else parts\n"
            "    ### END SOLUTION\n\n\nModel.double = double"
        )
    copied = (
        "def f(a):\n"
        "        b = [c for c in (a, a) if c]\n\n"
        "        # a remark of no use\n"
        "        d = sum(b) if b else 0\n"
        "        return d if d is not None else b\n"
    )
    assert any("other names" in fault for fault in found_in(course, copied))
    assert found_in(course, copied.replace("is not None", "> 0")) == []


def test_what_students_see_anyway_is_no_leak(released: Course) -> None:
    assert found_in(released, "product_of_both = x * x") == [], "square is given in this release"
    assert found_in(released, "assert Model().double(2) == 4") == []
    assert found_in(released, "total = 0", "import math") == []


def test_the_choice_of_the_release_decides_what_is_secret(course: Course) -> None:
    build_release(course, "numbers", blanks=["square"], output=course.release)
    assert found_in(course, "total += amount") == []
    assert len(found_in(course, "product_of_both = x * x")) == 1


def test_a_leak_into_the_labs_wheel_is_found(released: Course) -> None:
    (released.root / "gtnlab" / "helper.py").write_text(
        "def twice(x):\n    total = 0\n    for amount in (x, x):\n        total += amount\n"
    )
    faults = wheel_leaks(released)
    assert faults
    assert all("gtnlab wheel/gtnlab/helper.py" in fault for fault in faults)


def test_building_the_wheel_leaves_nothing_behind(course: Course) -> None:
    before = sorted(path for path in course.root.rglob("*"))
    assert "gtnlab/__init__.py" in wheel_files(course.root)
    assert sorted(path for path in course.root.rglob("*")) == before


def test_a_wheel_that_does_not_build_is_a_clear_error(course: Course) -> None:
    (course.root / "gtnlab" / "pyproject.toml").write_text("[project]\nname = 'gtnlab'\n")
    with pytest.raises(AuthoringError, match="does not build"):
        wheel_files(course.root)


def test_a_damaged_release_is_a_clear_error(released: Course) -> None:
    path = released.release / NOTEBOOK
    path.write_text(path.read_text()[:200])
    with pytest.raises(AuthoringError, match=r"numbers\.ipynb is not a notebook .*Build it again"):
        release_leaks(released)
