"""A blank shows its level's help and hides the rest; what is given is complete and ungraded."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from nbgrader.preprocessors import ClearSolutions
from small_course import cell

from authoring.blanks import blank, select
from authoring.errors import AuthoringError
from authoring.markers import LEVELS, Level, read_lines


def cleared(notebook: NotebookNode) -> NotebookNode:
    return ClearSolutions().preprocess(notebook, {})[0]


TOTAL = "    total = 0\n"
RETURN = "\n    return total\n"
STUB = '''\
def double(self, x):
    """Twice x."""
{}    # YOUR CODE HERE
    raise NotImplementedError()
{}

Model.double = double'''
STUBS: dict[Level, str] = {
    "guided": STUB.format("    # add it up, as often as it takes\n" + TOTAL, RETURN),
    "standard": STUB.format(TOTAL, RETURN),
    "open": STUB.format("", ""),
}


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_leaves_one_stub_and_its_own_help(homework: NotebookNode, level: Level) -> None:
    released = cleared(select(homework, ["double"], level, "hw"))
    assert cell(released, "double").source == STUBS[level]


def test_a_stub_stands_where_the_first_hidden_code_stood() -> None:
    source = (
        "for t in steps:\n    ### BEGIN SOLUTION\n    a\n\n    b\n    ### END SOLUTION\n"
        "    c\n### BEGIN SOLUTION\nd\n### END SOLUTION"
    )
    assert blank(read_lines(source, "here"), "open") == source


@pytest.mark.parametrize("level", LEVELS)
def test_a_challenge_is_blank_in_every_release_and_never_helps(
    homework: NotebookNode, level: Level
) -> None:
    released = cleared(select(homework, ["square"], level, "hw"))
    stub = "def cube(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    assert cell(released, "cube").source == stub
    assert cell(released, "cube-values").metadata.nbgrader.points == 5


def test_a_function_not_chosen_is_complete_locked_and_ungraded(homework: NotebookNode) -> None:
    released = select(homework, ["square"], "guided", "hw")
    given = cell(released, "double")
    namespace: dict[str, type] = {}
    exec("class Model:\n    pass\n" + given.source, namespace)
    assert namespace["Model"]().double(21) == 42
    assert "###" not in given.source
    kind = given.metadata.nbgrader
    assert (kind.solution, kind.grade, kind.locked) == (False, False, True)
    assert "exercise" not in given.metadata


def test_the_tests_of_a_given_function_keep_what_is_visible_and_lose_the_rest(
    homework: NotebookNode,
) -> None:
    released = select(homework, ["square"], "guided", "hw")
    visible = cell(released, "double-values")
    assert visible.source == "assert Model().double(2) == 4"
    assert set(visible.metadata) == set()
    assert "double-zero" not in [each.id for each in released.cells]


@pytest.mark.parametrize(("level", "hints"), [("guided", 3), ("standard", 2), ("open", 1)])
def test_the_level_says_how_many_hints_a_blank_gets_and_what_is_given_gets_none(
    homework: NotebookNode, level: Level, hints: int
) -> None:
    for at, name in ((2, "double"), (6, "square")):
        homework.cells.insert(at, hints_about(name))
    released = select(homework, ["double"], level, "hw")
    shown = cell(released, "double-hints")
    assert "exercise" not in shown.metadata
    numbers = [n for n in "123" if f"<summary>Hint {n}</summary>" in shown.source]
    assert numbers == list("123"[:hints])
    assert shown.source.count("</details>") == hints
    assert "square-hints" not in [each.id for each in released.cells]


def hints_about(name: str) -> NotebookNode:
    source = "\n\n".join(
        f"<details>\n<summary>Hint {n}</summary>\n\nThink.\n\n</details>" for n in "123"
    )
    return new_markdown_cell(source, id=f"{name}-hints", metadata={"exercise": {"hints": name}})


def test_the_choice_is_recorded_in_the_order_of_the_notebook(homework: NotebookNode) -> None:
    released = select(homework, ["square", "double", "square"], "open", "hw")
    assert released.metadata.exercise == {"blanks": ["double", "square"], "level": "open"}


def test_an_unknown_name_is_answered_with_the_valid_ones(homework: NotebookNode) -> None:
    with pytest.raises(AuthoringError, match=r"'dubble'.*Choose from: double, square\. .*cube"):
        select(homework, ["square", "dubble"], "guided", "hw")


def test_nothing_blank_is_refused(homework: NotebookNode) -> None:
    with pytest.raises(AuthoringError, match="at least one of: double, square"):
        select(homework, [], "guided", "hw")


def test_help_that_breaks_the_blank_is_refused_with_its_level(homework: NotebookNode) -> None:
    cell(homework, "square").source = (
        "def square(x):\n    ### BEGIN SOLUTION\n    if x:\n    ### END SOLUTION\n"
        "    ### BEGIN HELP guided\n        x = -x\n    ### END HELP\n    return x * x"
    )
    with pytest.raises(AuthoringError, match=r"cell 'square'.*at level guided.*indent"):
        select(homework, ["square"], "guided", "hw")


def test_a_solution_that_is_not_python_is_refused(homework: NotebookNode) -> None:
    cell(
        homework, "square"
    ).source = "def square(x):\n    ### BEGIN SOLUTION\n    return x *\n    ### END SOLUTION"
    with pytest.raises(AuthoringError, match=r"cell 'square'.*not valid Python"):
        select(homework, ["square"], "guided", "hw")


def test_a_notebook_without_exercises_passes_unchanged(homework: NotebookNode) -> None:
    homework.cells = [each for each in homework.cells if "exercise" not in each.metadata]
    before = repr(homework)
    assert repr(select(homework, ["whatever"], "guided", "lab")) == before
