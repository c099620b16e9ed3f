"""What cells say about exercises is read in full, and contradictions are named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from authoring.errors import AuthoringError
from authoring.exercises import read_exercises, read_lines

Find = Callable[[NotebookNode, str], NotebookNode]


def test_exercises_are_read_in_order_with_their_tests_and_points(homework: NotebookNode) -> None:
    double, square, cube = read_exercises(homework, "numbers.ipynb")
    assert [each.name for each in (double, square, cube)] == ["double", "square", "cube"]
    assert [test.grade_id for test in double.tests] == ["double-values", "double-zero"]
    assert (double.points, square.points, cube.points) == (4, 2, 5)
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


def spoil_unknown(nb: NotebookNode, find: Find) -> None:
    find(nb, "square-values").metadata.exercise = {"tests": "sqare"}


def spoil_duplicate(nb: NotebookNode, find: Find) -> None:
    find(nb, "square-values").metadata.nbgrader.grade_id = "double-values"


def spoil_same_name(nb: NotebookNode, find: Find) -> None:
    find(nb, "square").metadata.exercise = {"name": "double", "exports": ["double"]}


def spoil_points(nb: NotebookNode, find: Find) -> None:
    del find(nb, "square-values").metadata.nbgrader["points"]


def spoil_no_tests(nb: NotebookNode, find: Find) -> None:
    nb.cells.remove(find(nb, "square-values"))


def spoil_no_exports(nb: NotebookNode, find: Find) -> None:
    find(nb, "square").metadata.exercise = {"name": "square", "exports": []}


def spoil_extra_key(nb: NotebookNode, find: Find) -> None:
    find(nb, "square").metadata.exercise.update(level="open")


def spoil_no_region(nb: NotebookNode, find: Find) -> None:
    find(nb, "square").source = "def square(x):\n    return x * x"


def spoil_prefix(nb: NotebookNode, find: Find) -> None:
    find(nb, "square-values").metadata.nbgrader.grade_id = "values-of-square"


def spoil_help_outside(nb: NotebookNode, find: Find) -> None:
    find(nb, "setup").source = "### BEGIN HELP guided\nx = 1\n### END HELP"


def spoil_hidden_outside(nb: NotebookNode, find: Find) -> None:
    find(nb, "setup").source = "### BEGIN HIDDEN TESTS\nx = 1\n### END HIDDEN TESTS"


def spoil_unlocked(nb: NotebookNode, find: Find) -> None:
    find(nb, "square-values").metadata.nbgrader.locked = False


def hint_about(said: dict[str, str], source: str) -> Callable[[NotebookNode, Find], None]:
    def spoil(nb: NotebookNode, find: Find) -> None:
        nb.cells.insert(0, new_markdown_cell(source, id="hints", metadata={"exercise": said}))

    return spoil


HINT = "<details>\n<summary>Hint</summary>\n\nThink.\n\n</details>"


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (spoil_unknown, "'square-values'.*tests the exercise 'sqare'.*declared: double, square"),
        (spoil_duplicate, "'double-values'.*used twice"),
        (spoil_same_name, "'square'.*'double' is declared twice"),
        (spoil_points, "'square-values'.*no points"),
        (spoil_no_tests, "'square'.*no test cell"),
        (spoil_no_exports, "'square'.*exports nothing"),
        (spoil_extra_key, "'square'.*level"),
        (spoil_no_region, "'square'.*no '### BEGIN SOLUTION'"),
        (spoil_prefix, "'values-of-square'.*starts with 'square-'"),
        (spoil_help_outside, "'setup'.*help regions"),
        (spoil_hidden_outside, "'setup'.*not graded"),
        (spoil_unlocked, "'square-values'.*locked"),
        (hint_about({"hints": "sqare"}, HINT), "'hints'.*'sqare', which is no exercise"),
        (hint_about({"hints": "square"}, "Think."), "'hints'.*holds none"),
        (hint_about({"hints": "square", "level": "open"}, HINT), "'hints'.*nothing else"),
    ],
)
def test_a_contradiction_names_notebook_and_cell(
    homework: NotebookNode, cell: Find, spoil: Callable[[NotebookNode, Find], None], complaint: str
) -> None:
    spoil(homework, cell)
    with pytest.raises(AuthoringError, match=rf"numbers.ipynb, cell {complaint}"):
        read_exercises(homework, "numbers.ipynb")


def test_reading_exercises_imports_neither_nbgrader_nor_nbformat() -> None:
    code = (
        "import sys, authoring.exercises; "
        "sys.exit(any(name in sys.modules for name in ('nbgrader', 'nbformat', 'traitlets')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
