"""What the cells of a source notebook say: exercises, tests and points, help and hidden lines.

This is the one module of `authoring` that the grader reads the instructor's notebook with, so it
works on plain notebook dictionaries and needs nothing beyond the standard library.

A solution cell is marked, beside nbgrader's own metadata, with
`"exercise": {"name": "bptt", "exports": ["RNN.bptt"]}` (and `"always_blank": true` for a
challenge), its test cells with `"exercise": {"tests": "bptt"}`, and a Markdown cell of hints about
it, one `<details>` block each, with `"exercise": {"hints": "bptt"}`. The markers inside a cell are
read by `authoring.markers`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from authoring.errors import AuthoringError
from authoring.markers import read_lines, without_any_markers, without_markers

# For the grader, beside what is defined here.
__all__ = ["AuthoringError", "read_lines", "without_any_markers", "without_markers"]


@dataclass(frozen=True)
class TestCell:
    """A graded cell that tests one exercise; `index` is its place in the notebook."""

    __test__ = False  # not a pytest class

    grade_id: str
    points: float
    index: int


@dataclass(frozen=True)
class Exercise:
    """A function that students may be asked to write, with the cells that test it.

    Attributes:
        name: what the instructor calls it, e.g. in `--SelectExercises.blanks`.
        grade_id: nbgrader's id of its solution cell.
        exports: what tests call, e.g. `RNN.bptt` or `train_with_sgd`.
        always_blank: a challenge: blank in every release, with no help.
        index: place of the solution cell in the notebook.
        tests: its test cells, in the order of the notebook.
        hints: place of the cell with its hints, if there is one.
    """

    name: str
    grade_id: str
    exports: tuple[str, ...]
    always_blank: bool
    index: int
    tests: tuple[TestCell, ...] = ()
    hints: int | None = None


def source_of(cell: Mapping[str, Any]) -> str:
    """The cell's source as one string (a notebook file may store a list of lines)."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def cell_label(cell: Mapping[str, Any], index: int) -> str:
    """How error messages name a cell: its grade_id, else its id, else its place."""
    metadata = cell.get("metadata", {})
    name = metadata.get("nbgrader", {}).get("grade_id") or cell.get("id")
    return f"cell '{name}'" if name else f"cell number {index + 1}"


def read_exercises(notebook: Mapping[str, Any], where: str) -> tuple[Exercise, ...]:
    """The exercises of a notebook, as nbformat or `json` reads it, checked and in its order.

    Raises:
        AuthoringError: what a cell says is inconsistent; the message names it and `where`.
    """
    if not any("exercise" in cell.get("metadata", {}) for cell in notebook["cells"]):
        return ()  # an assignment in the plain nbgrader way: its markers are nbgrader's affair
    solutions: dict[str, Exercise] = {}
    tests: dict[str, list[TestCell]] = {}
    hints: dict[str, int] = {}
    seen: set[str] = set()
    for index, cell in enumerate(notebook["cells"]):
        here = f"{where}, {cell_label(cell, index)}"
        nbgrader = cell.get("metadata", {}).get("nbgrader", {})
        if (grade_id := nbgrader.get("grade_id")) is not None:
            if grade_id in seen:
                raise AuthoringError(f"{here}: the grade_id '{grade_id}' is used twice.")
            seen.add(grade_id)
        said = cell.get("metadata", {}).get("exercise")
        _check_regions(cell, nbgrader, said, here)
        if said is None:
            continue
        if not isinstance(said, Mapping):
            raise AuthoringError(
                f"{here}: the metadata 'exercise' must be an object, not {said!r}."
            )
        if "tests" in said:
            name = _tested(said, here)
            tests.setdefault(name, []).append(_read_test(cell, nbgrader, index, here))
        elif "hints" in said:
            hints[_hinted(cell, said, here)] = index
        else:
            exercise = _read_solution(cell, nbgrader, said, index, here)
            if exercise.name in solutions:
                raise AuthoringError(f"{here}: the exercise '{exercise.name}' is declared twice.")
            solutions[exercise.name] = exercise
    for name in hints.keys() - solutions.keys():
        here = cell_label(notebook["cells"][hints[name]], hints[name])
        raise AuthoringError(f"{where}, {here}: hints about '{name}', which is no exercise.")
    for name in tests:
        if name not in solutions:
            known = ", ".join(solutions) or "none"
            raise AuthoringError(
                f"{where}, cell '{tests[name][0].grade_id}': tests the exercise '{name}', which no "
                f"solution cell declares (declared: {known})."
            )
    return tuple(
        replace(each, tests=_tests_of(each, tests, where), hints=hints.get(each.name))
        for each in solutions.values()
    )


def _check_regions(
    cell: Mapping[str, Any], nbgrader: Mapping[str, Any], said: object, here: str
) -> None:
    if cell["cell_type"] != "code":
        return
    regions = {line.region for line in read_lines(source_of(cell), here)}
    if "hidden tests" in regions and not nbgrader.get("grade"):
        raise AuthoringError(f"{here}: hidden tests are in a cell that is not graded.")
    if "solution" in regions and not nbgrader.get("solution"):
        raise AuthoringError(f"{here}: a solution region is in a cell that is not a solution.")
    if regions & {"guided", "standard"} and said is None:
        raise AuthoringError(
            f"{here}: help regions need the metadata 'exercise' that says whose help this is."
        )


def _hinted(cell: Mapping[str, Any], said: Mapping[str, Any], here: str) -> str:
    name = said["hints"]
    if set(said) != {"hints"} or not isinstance(name, str) or cell["cell_type"] != "markdown":
        raise AuthoringError(
            f'{here}: a cell of hints is Markdown, and says {{"hints": NAME}} and nothing else.'
        )
    if not hints_in(source_of(cell)):
        raise AuthoringError(f"{here}: a hint is a <details> block, and this cell holds none.")
    return name


def hints_in(source: str) -> list[str]:
    """The hints of a cell: its `<details>` blocks, in order."""
    return re.findall(r"<details>.*?</details>", source, re.DOTALL)


def _tested(said: Mapping[str, Any], here: str) -> str:
    if set(said) != {"tests"} or not isinstance(said["tests"], str):
        raise AuthoringError(f'{here}: a test cell says {{"tests": NAME}} and nothing else.')
    return said["tests"]


def _read_test(
    cell: Mapping[str, Any], nbgrader: Mapping[str, Any], index: int, here: str
) -> TestCell:
    if (
        cell["cell_type"] != "code"
        or not nbgrader.get("grade")
        or nbgrader.get("solution")
        or not nbgrader.get("locked")
    ):
        raise AuthoringError(f"{here}: a test cell is a code cell that is graded and locked.")
    points = nbgrader.get("points")
    if isinstance(points, bool) or not isinstance(points, int | float) or points < 0:
        raise AuthoringError(f"{here}: the test cell has no points (found {points!r}).")
    return TestCell(nbgrader["grade_id"], float(points), index)


def _read_solution(
    cell: Mapping[str, Any],
    nbgrader: Mapping[str, Any],
    said: Mapping[str, Any],
    index: int,
    here: str,
) -> Exercise:
    name, exports = said.get("name"), said.get("exports")
    if set(said) - {"name", "exports", "always_blank"} or not isinstance(name, str) or not name:
        raise AuthoringError(
            f"{here}: a solution cell says its exercise's name and exports "
            f"(and always_blank), but this one says {dict(said)!r}."
        )
    if (
        not isinstance(exports, Sequence)
        or isinstance(exports, str)
        or not exports
        or not all(isinstance(export, str) for export in exports)
    ):
        raise AuthoringError(f"{here}: exercise '{name}' exports nothing; name what tests call.")
    if cell["cell_type"] != "code" or not nbgrader.get("solution") or nbgrader.get("grade"):
        raise AuthoringError(
            f"{here}: exercise '{name}' must be an ungraded solution code cell of nbgrader."
        )
    if not any(line.region == "solution" for line in read_lines(source_of(cell), here)):
        raise AuthoringError(
            f"{here}: exercise '{name}' has no '### BEGIN SOLUTION' region, so nothing is asked."
        )
    return Exercise(
        name=name,
        grade_id=nbgrader["grade_id"],
        exports=tuple(exports),
        always_blank=bool(said.get("always_blank", False)),
        index=index,
    )


def _tests_of(
    exercise: Exercise, tests: Mapping[str, Sequence[TestCell]], where: str
) -> tuple[TestCell, ...]:
    name, grade_id = exercise.name, exercise.grade_id
    if name not in tests:
        raise AuthoringError(
            f"{where}, cell '{grade_id}': exercise '{name}' has no test cell. "
            f'Mark its tests with the metadata {{"tests": "{name}"}}.'
        )
    for test in tests[name]:
        if not test.grade_id.startswith(f"{grade_id}-"):
            raise AuthoringError(
                f"{where}, cell '{test.grade_id}': a test of '{name}' has a grade_id that starts "
                f"with '{grade_id}-'."
            )
    return tuple(tests[name])
