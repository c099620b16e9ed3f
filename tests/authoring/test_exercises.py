"""What cells say about exercises is read in full, and contradictions are named."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from nbformat import NotebookNode
from small_course import cell

from authoring.errors import AuthoringError
from authoring.exercises import read_exercises
from authoring.markers import read_lines


def test_exercises_are_read_in_order_with_their_tests_and_points(homework: NotebookNode) -> None:
    double, square, cube = read_exercises(homework, "numbers.ipynb")
    assert [each.name for each in (double, square, cube)] == ["double", "square", "cube"]
    assert [test.grade_id for test in double.tests] == ["double-values", "double-zero"]
    points = [[test.points for test in each.tests] for each in (double, square, cube)]
    assert points == [[3, 1], [2], [5]]
    assert double.exports == ("double",)
    assert cube.always_blank
    assert not double.always_blank


def test_a_notebook_without_exercises_has_none(homework: NotebookNode) -> None:
    for each in homework.cells:
        each.metadata.pop("exercise", None)
        each.source = "x = 1"
    assert read_exercises(homework, "lab.ipynb") == ()


def test_the_shown_lines_grow_with_the_help() -> None:
    source = (
        "a\n### BEGIN HELP standard\nb\n### END HELP\n### BEGIN HELP guided\nc\n### END HELP\n"
        "### BEGIN SOLUTION\nd\n### END SOLUTION"
    )
    lines = read_lines(source, "here")
    shown = {
        level: "".join(line.text for line in lines if line.is_shown_at(level))
        for level in ("open", "standard", "guided")
    }
    assert shown == {"open": "a", "standard": "ab", "guided": "abc"}


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("### BEGIN SOLUTION\nx", "never closed"),
        ("x\n### END SOLUTION", "not open"),
        ("### BEGIN SOLUTION\n### BEGIN HELP guided\n### END HELP", "inside another region"),
        ("### BEGIN SOLUTION\n### END HELP", "not open"),
        ("### BEGIN HELP expert\n### END HELP", "guided"),
        ("### BEGIN HELP\n### END HELP", "no help level"),
        ("# BEGIN SOLUTION\nx\n# END SOLUTION", "not a marker"),
        ("x = 1  ### BEGIN SOLUTION", "not a marker"),
        ("### BEGIN SOLUTION now", "takes no level"),
    ],
)
def test_a_wrong_marker_is_named_with_its_place(source: str, complaint: str) -> None:
    with pytest.raises(AuthoringError, match=rf"hw.ipynb, cell 'a'.*{complaint}"):
        read_lines(source, "hw.ipynb, cell 'a'")


HINT = "<details>\n<summary>Hint</summary>\n\nThink.\n\n</details>"
HELP = "### BEGIN HELP guided\nx = 1\n### END HELP"
HIDDEN = "### BEGIN HIDDEN TESTS\nx = 1\n### END HIDDEN TESTS"
SQUARE = {"name": "square", "exports": ["square"]}


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        (
            "square-values",
            {"exercise": {"tests": "sqare"}},
            "'square-values'.*tests the exercise 'sqare'.*declared: double, square",
        ),
        ("square-values", {"exercise": None}, "'square'.*no test cell"),
        ("square-values", {"grade_id": "double-values"}, "'double-values'.*used twice"),
        (
            "square-values",
            {"grade_id": "values-of-square"},
            "'values-of-square'.*starts with 'square-'",
        ),
        ("square-values", {"points": None}, "'square-values'.*no points"),
        ("square-values", {"locked": False}, "'square-values'.*locked"),
        (
            "square",
            {"exercise": SQUARE | {"name": "double"}},
            "'square'.*'double' is declared twice",
        ),
        ("square", {"exercise": SQUARE | {"exports": []}}, "'square'.*exports nothing"),
        ("square", {"exercise": SQUARE | {"level": "open"}}, "'square'.*level"),
        (
            "square",
            {"source": "def square(x):\n    return x * x"},
            "'square'.*no '### BEGIN SOLUTION'",
        ),
        ("setup", {"source": HELP}, "'setup'.*help regions"),
        ("setup", {"source": HIDDEN}, "'setup'.*not graded"),
        (
            "title",
            {"exercise": {"hints": "sqare"}, "source": HINT},
            "'title'.*'sqare', which is no exercise",
        ),
        ("title", {"exercise": {"hints": "square"}}, "'title'.*holds none"),
        (
            "title",
            {"exercise": {"hints": "square", "level": "open"}, "source": HINT},
            "'title'.*nothing else",
        ),
    ],
)
def test_a_contradiction_names_notebook_and_cell(
    homework: NotebookNode, name: str, change: dict[str, Any], complaint: str
) -> None:
    spoilt = cell(homework, name)
    for key, value in change.items():
        if key == "source":
            spoilt.source = value
        else:
            kind = spoilt.metadata if key == "exercise" else spoilt.metadata.nbgrader
            kind[key] = value
    with pytest.raises(AuthoringError, match=rf"numbers.ipynb, cell {complaint}"):
        read_exercises(homework, "numbers.ipynb")


def test_reading_exercises_imports_neither_nbgrader_nor_nbformat() -> None:
    code = (
        "import sys, authoring.exercises; "
        "sys.exit(any(name in sys.modules for name in ('nbgrader', 'nbformat', 'traitlets')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
