"""Every choice of functions and help builds a sound release, and the source answers it in full."""

from __future__ import annotations

import ast
import copy
import itertools
import random
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import nbformat
import pytest
from nbformat import NotebookNode
from traitlets import import_item

from authoring.course import Course, read_notebook
from authoring.exercises import read_exercises
from authoring.leaks import choice_secrets, find_leaks, texts_of
from authoring.markers import LEVELS, Level, read_lines, without_markers
from authoring.release import SelectExercises

COURSE = Course.at(Path(__file__).resolve().parents[2])
HOMEWORK, LAB = "rnn-bptt", "gtn-lab"
FUNCTIONS = {
    HOMEWORK: (
        "forward_propagation", "calculate_total_loss", "bptt", "sgd_step", "train_with_sgd",
    ),
    LAB: ("sgd_momentum_step", "inner_loop", "shuffled"),
}  # fmt: skip
ALWAYS_BLANK = {HOMEWORK: ["bptt_linear_time"], LAB: []}

Choice = tuple[str, tuple[str, ...], Level]


def subsets(assignment: str) -> list[tuple[str, ...]]:
    functions = FUNCTIONS[assignment]
    sizes = range(1, len(functions) + 1)
    return [names for size in sizes for names in itertools.combinations(functions, size)]


@cache
def source(assignment: str) -> NotebookNode:
    (path,) = COURSE.notebooks(assignment)
    return read_notebook(path)


def build(
    assignment: str, names: tuple[str, ...], level: Level
) -> tuple[NotebookNode, NotebookNode]:
    """The student's notebook, valid to nbgrader, and the one with all tests for the gradebook."""
    notebook: NotebookNode = copy.deepcopy(source(assignment))
    resources: dict[str, Any] = {"nbgrader": {"notebook": assignment}}
    recorded = None
    for name in COURSE.config().GenerateAssignment.preprocessors:
        if name.endswith(".SaveCells"):
            recorded = copy.deepcopy(notebook)
            continue
        step = import_item(name)
        preprocessor = step(blanks=list(names), level=level) if step is SelectExercises else step()
        notebook, resources = preprocessor(notebook, resources)
    assert recorded is not None
    return notebook, recorded


@pytest.mark.parametrize("assignment", FUNCTIONS)
def test_the_notebook_offers_its_functions_and_its_challenge(assignment: str) -> None:
    exercises = read_exercises(source(assignment), assignment)
    asked = tuple(each.name for each in exercises if not each.always_blank)
    assert asked == FUNCTIONS[assignment]
    challenges = [each.name for each in exercises if each.always_blank]
    assert challenges == ALWAYS_BLANK[assignment]


def test_bptt_is_worth_twelve_points() -> None:
    exercises = read_exercises(source(HOMEWORK), HOMEWORK)
    points = {test.grade_id: test.points for each in exercises for test in each.tests}
    assert [points[f"bptt-{part}"] for part in BPTT_PARTS] == [1, 2, 2, 3, 3, 1]


BPTT_PARTS = ("shapes", "dLdV", "dLdU", "dLdW", "truncation", "side-effects")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("assignment", FUNCTIONS)
def test_all_choices_build_valid_releases(assignment: str, level: Level) -> None:
    asked = {each.name: each for each in read_exercises(source(assignment), assignment)}
    assert len(subsets(assignment)) == {HOMEWORK: 31, LAB: 7}[assignment]
    for names in subsets(assignment):
        released, recorded = build(assignment, names, level)
        nbformat.validate(released)
        assert released.metadata.exercise == {"blanks": list(names), "level": level}
        blanks = {*names, *ALWAYS_BLANK[assignment]}
        tests = {test.grade_id for name in blanks for test in asked[name].tests}
        assert {cell.id for cell in code_cells(recorded, "grade")} == tests
        cells = {cell.id: cell for cell in released.cells}
        for name, exercise in asked.items():
            text = cells[source(assignment).cells[exercise.index].id].source
            ast.parse(text)
            assert ("raise NotImplementedError()" in text) == (name in blanks), (names, name)
        text = nbformat.writes(released)
        assert "### BEGIN" not in text
        assert "### END" not in text


ONE_OR_ALL = [
    (assignment, names)
    for assignment, functions in FUNCTIONS.items()
    for names in [*((name,) for name in functions), functions]
]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("assignment", "names"), ONE_OR_ALL, ids=str)
def test_no_release_leaks_what_it_hides(
    assignment: str, names: tuple[str, ...], level: Level
) -> None:
    released, recorded = build(assignment, names, level)
    secrets = choice_secrets(COURSE, assignment, list(names), level)
    assert len(secrets) > 15, "the check looks for too little"
    content = nbformat.writes(released).encode()
    assert find_leaks(secrets, texts_of("released.ipynb", content)) == []
    with_tests = nbformat.writes(recorded).encode()
    assert find_leaks(secrets, texts_of("recorded.ipynb", with_tests)), "the check finds nothing"


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("hiding", "other"), [(HOMEWORK, LAB), (LAB, HOMEWORK)])
def test_no_release_shows_what_the_other_assignment_hides(
    hiding: str, other: str, level: Level
) -> None:
    secrets = choice_secrets(COURSE, hiding, level=level)
    for name in FUNCTIONS[other]:
        content = nbformat.writes(build(other, (name,), "guided")[0]).encode()
        assert find_leaks(secrets, texts_of("released.ipynb", content)) == []


def run_all(recorded: NotebookNode, answers: dict[str, str]) -> dict[str, str]:
    """Run a release with all its tests, filled in with these answers; the failures by cell."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    failures = {}
    for cell in recorded.cells:
        if cell.cell_type == "code" and "demonstration" not in cell.metadata.get("tags", []):
            try:
                exec(compile(answers.get(cell.id, cell.source), cell.id, "exec"), namespace)
            except Exception as error:
                failures[cell.id] = repr(error)
    return failures


def code_cells(notebook: NotebookNode, kind: str) -> list[NotebookNode]:
    """Those that are a `solution`, or to `grade`."""
    of_code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in of_code if cell.metadata.get("nbgrader", {}).get(kind)]


SINGLES: list[Choice] = [
    (HOMEWORK, (name,), level) for name in FUNCTIONS[HOMEWORK] for level in LEVELS
]
MORE: list[Choice] = [
    (HOMEWORK, names, level) for names in subsets(HOMEWORK) if len(names) > 1 for level in LEVELS
]
OTHERS = random.Random(2).sample(MORE, 6)
OF_THE_LAB: list[Choice] = [
    (LAB, names, level) for names, level in zip(subsets(LAB), itertools.cycle(LEVELS), strict=False)
]


@pytest.mark.parametrize("choice", SINGLES + OTHERS + OF_THE_LAB, ids=str)
def test_filled_in_from_the_source_a_release_earns_full_marks(
    choice: Choice, capsys: pytest.CaptureFixture[str]
) -> None:
    mpl.use("agg")
    _, recorded = build(*choice)
    written = {cell.id: cell.source for cell in source(choice[0]).cells}
    answers = {
        cell.id: without_markers(read_lines(written[cell.id], cell.id))
        for cell in code_cells(recorded, "solution")
    }
    assert run_all(recorded, answers) == {}
    assert capsys.readouterr().err == "", "nbgrader takes a test that writes to stderr for failed"


@pytest.mark.parametrize("assignment", FUNCTIONS)
def test_left_untouched_a_release_earns_nothing(assignment: str) -> None:
    _, recorded = build(assignment, FUNCTIONS[assignment], "guided")
    failures = run_all(recorded, answers={})
    assert [cell.id for cell in code_cells(recorded, "grade") if cell.id not in failures] == []
