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
from authoring.exercises import LEVELS, Level, read_exercises, read_lines, without_markers
from authoring.leaks import choice_secrets, find_leaks, texts_of
from authoring.release import SelectExercises

COURSE = Course.at(Path(__file__).resolve().parents[2])
SOURCE = COURSE.source / "rnn-bptt" / "rnn_bptt.ipynb"
FUNCTIONS = ("forward_propagation", "calculate_total_loss", "bptt", "sgd_step", "train_with_sgd")
SUBSETS = [names for size in range(1, 6) for names in itertools.combinations(FUNCTIONS, size)]
CHOICES = [(names, level) for names in SUBSETS for level in LEVELS]
assert len(CHOICES) == 31 * 3

Choice = tuple[tuple[str, ...], Level]


@cache
def source() -> NotebookNode:
    return read_notebook(SOURCE)


def build(names: tuple[str, ...], level: Level) -> tuple[NotebookNode, NotebookNode]:
    """The student's notebook, valid to nbgrader, and the one with all tests for the gradebook."""
    notebook, resources = copy.deepcopy(source()), {"nbgrader": {"notebook": SOURCE.name}}
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


def test_the_notebook_offers_the_five_functions_and_the_challenge() -> None:
    exercises = read_exercises(source(), SOURCE.name)
    assert tuple(each.name for each in exercises if not each.always_blank) == FUNCTIONS
    assert [each.name for each in exercises if each.always_blank] == ["bptt_linear_time"]
    points = {test.grade_id: test.points for each in exercises for test in each.tests}
    assert [points[f"bptt-{part}"] for part in BPTT_PARTS] == [1, 2, 2, 3, 3, 1]


BPTT_PARTS = ("shapes", "dLdV", "dLdU", "dLdW", "truncation", "side-effects")


@pytest.mark.parametrize("level", LEVELS)
def test_all_31_choices_build_valid_releases(level: Level) -> None:
    asked = {each.name: each for each in read_exercises(source(), SOURCE.name)}
    for names in SUBSETS:
        released, recorded = build(names, level)
        nbformat.validate(released)
        assert released.metadata.exercise == {"blanks": list(names), "level": level}
        blanks = {*names, "bptt_linear_time"}
        _assert_graded(recorded, {test.grade_id for name in blanks for test in asked[name].tests})
        cells = {cell.id: cell for cell in released.cells}
        for name, exercise in asked.items():
            text = cells[source().cells[exercise.index].id].source
            ast.parse(text)
            assert ("raise NotImplementedError()" in text) == (name in blanks), (names, name)
        text = nbformat.writes(released)
        assert "### BEGIN" not in text
        assert "### END" not in text


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("names", [*((name,) for name in FUNCTIONS), FUNCTIONS], ids=str)
def test_no_release_leaks_what_it_hides(names: tuple[str, ...], level: Level) -> None:
    released, recorded = build(names, level)
    secrets = choice_secrets(COURSE, "rnn-bptt", list(names), level)
    assert len(secrets) > 30, "the check looks for too little"
    content = nbformat.writes(released).encode()
    assert find_leaks(secrets, texts_of("rnn_bptt.ipynb", content)) == []
    with_tests = nbformat.writes(recorded).encode()
    assert find_leaks(secrets, texts_of("rnn_bptt.ipynb", with_tests)), "the check finds nothing"


def _assert_graded(recorded: NotebookNode, tests: set[str]) -> None:
    kinds = [cell.metadata.get("nbgrader", {}) for cell in recorded.cells]
    graded = {kind["grade_id"] for kind in kinds if kind.get("grade") and not kind["solution"]}
    assert graded == tests


def grade_with_the_sources_answers(choice: Choice) -> dict[str, str]:
    """Fill the release in from the source and run it with all tests; the failures by grade_id."""
    _, recorded = build(*choice)
    answers = {cell.id: cell.source for cell in source().cells}
    namespace: dict[str, Any] = {"__name__": "__main__"}
    failures = {}
    for cell in recorded.cells:
        kind = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or "demonstration" in cell.metadata.get("tags", []):
            continue
        text = cell.source
        if kind.get("solution"):
            text = without_markers(read_lines(answers[cell.id], cell.id))
        try:
            exec(compile(text, cell.id, "exec"), namespace)
        except Exception as error:
            failures[kind.get("grade_id", cell.id)] = repr(error)
    return failures


SINGLES: list[Choice] = [((name,), level) for name in FUNCTIONS for level in LEVELS]
OTHERS: list[Choice] = random.Random(2).sample([c for c in CHOICES if c not in SINGLES], 6)


@pytest.mark.parametrize("choice", SINGLES + OTHERS, ids=str)
def test_filled_in_from_the_source_a_release_earns_full_marks(
    choice: Choice, capsys: pytest.CaptureFixture[str]
) -> None:
    mpl.use("agg")
    assert grade_with_the_sources_answers(choice) == {}
    assert capsys.readouterr().err == "", "nbgrader takes a test that writes to stderr for failed"


def test_left_untouched_a_release_earns_nothing() -> None:
    _, recorded = build(FUNCTIONS, "guided")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    passed = []
    for cell in recorded.cells:
        kind = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or "demonstration" in cell.metadata.get("tags", []):
            continue
        try:
            exec(compile(cell.source, cell.id, "exec"), namespace)
        except Exception:
            continue
        if kind.get("grade"):
            passed.append(kind["grade_id"])
    assert passed == []
