"""A submission whose cells were deleted, copied or retagged is graded as if they had not been."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets import import_item
from traitlets.config import Config, PyFileConfigLoader

CONFIG = Path(__file__).resolve().parents[2] / "nbgrader_config.py"


def graded_cell(name: str, source: str, **kind: Any) -> NotebookNode:
    base = {"grade": False, "solution": False, "locked": True, "task": False, "schema_version": 3}
    metadata = {**base, "grade_id": name, "cell_type": "code", **kind}
    return new_code_cell(source, id=name, metadata={"nbgrader": metadata})


CELLS = [
    new_code_cell("# Numbers", id="title"),
    graded_cell("setup", "base = 1"),
    graded_cell(
        "one", "### BEGIN SOLUTION\none = 1\n### END SOLUTION", solution=True, locked=False
    ),
    graded_cell("one-value", "assert one == base", grade=True, points=1),
    graded_cell("given", "other = 2"),
    graded_cell("given-value", "assert one + one == other", grade=True, points=2),
]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A released assignment in a course of its own; the course's configuration but for Execute."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(CONFIG, root)
    (root / "source" / "numbers").mkdir(parents=True)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = new_notebook(cells=CELLS, metadata={"kernelspec": kernel})
    nbformat.write(notebook, root / "source" / "numbers" / "numbers.ipynb")
    config = PyFileConfigLoader(CONFIG.name, path=str(root)).load_config()
    config.Autograde.autograde_preprocessors = Autograde.autograde_preprocessors.default()
    config.CourseDirectory.assignment_id = "numbers"
    GenerateAssignment(coursedir=CourseDirectory(config=config), config=config).start()
    return config


def find(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


def delete_a_test(notebook: NotebookNode) -> None:
    notebook.cells.remove(find(notebook, "one-value"))


def delete_a_test_and_the_given_cell_before_it(notebook: NotebookNode) -> None:
    for name in ("setup", "given", "given-value"):
        notebook.cells.remove(find(notebook, name))


def copy_the_test(notebook: NotebookNode) -> None:
    twin = nbformat.from_dict(find(notebook, "one-value"))
    twin.id = "twin"
    notebook.cells.append(twin)


def tag_the_tests_so_that_they_are_skipped(notebook: NotebookNode) -> None:
    for name in ("one", "one-value", "given-value"):
        find(notebook, name).metadata["tags"] = ["demonstration", "mine"]


def claim_an_unknown_grade(notebook: NotebookNode) -> None:
    notebook.cells.append(graded_cell("bonus", "pass", grade=True, points=100))


def raise_the_points(notebook: NotebookNode) -> None:
    find(notebook, "one-value").metadata.nbgrader.points = 50


def rewrite_the_test(notebook: NotebookNode) -> None:
    find(notebook, "one-value").source = "pass"


def garble_the_metadata(notebook: NotebookNode) -> None:
    find(notebook, "one-value").metadata["nbgrader"] = "mine"
    find(notebook, "given-value").metadata["nbgrader"] = {"grade_id": "given-value"}


def turn_the_test_into_an_answer(notebook: NotebookNode) -> None:
    find(notebook, "one-value").metadata.nbgrader.update(grade=False, solution=True, locked=False)
    find(notebook, "one-value").source = "pass"


SPOILS = [
    delete_a_test,
    delete_a_test_and_the_given_cell_before_it,
    copy_the_test,
    tag_the_tests_so_that_they_are_skipped,
    claim_an_unknown_grade,
    raise_the_points,
    rewrite_the_test,
    garble_the_metadata,
    turn_the_test_into_an_answer,
]


def spoiled(config: Config, answer: str, spoil: Callable[[Any], None]) -> NotebookNode:
    released = Path(config.CourseDirectory.root) / "release" / "numbers" / "numbers.ipynb"
    notebook = nbformat.read(released, as_version=4)
    find(notebook, "one").source = answer
    spoil(notebook)
    return notebook


def points_after_sanitizing(config: Config, notebook: NotebookNode) -> dict[str, float]:
    """What the graded cells of nbgrader's copy earn when nobody skips them."""
    coursedir = CourseDirectory(config=config)
    names = {"notebook": "numbers", "assignment": "numbers", "db_url": coursedir.db_url}
    resources: Any = {"nbgrader": names}
    for name in config.Autograde.sanitize_preprocessors:
        notebook, resources = import_item(name)(config=config)(notebook, resources)
    earned, namespace = {}, {}
    for cell in notebook.cells:
        if cell.cell_type != "code" or "demonstration" in cell.metadata.get("tags", []):
            continue
        kind = cell.metadata.get("nbgrader", {})
        try:
            exec(cell.source, namespace)
            points = kind.get("points")
        except Exception:
            points = 0
        if kind.get("grade"):
            earned[kind["grade_id"]] = points
    return earned


FULL, NOTHING = {"one-value": 1, "given-value": 2}, {"one-value": 0, "given-value": 0}


@pytest.mark.parametrize("spoil", SPOILS)
def test_however_the_cells_are_spoiled_the_tests_decide(
    config: Config, spoil: Callable[[Any], None]
) -> None:
    assert points_after_sanitizing(config, spoiled(config, "one = 1", spoil)) == FULL
    assert points_after_sanitizing(config, spoiled(config, "one = 3", spoil)) == NOTHING


def test_tags_of_a_students_own_stay(config: Config) -> None:
    notebook = spoiled(config, "one = 1", tag_the_tests_so_that_they_are_skipped)
    points_after_sanitizing(config, notebook)
    assert find(notebook, "one-value").metadata.tags == ["mine"]


def test_a_spoiled_submission_stops_neither_itself_nor_the_batch(config: Config) -> None:
    students = {"ada": copy_the_test, "bob": delete_a_test_and_the_given_cell_before_it}
    for student, spoil in students.items():
        folder = Path(config.CourseDirectory.root) / "submitted" / student / "numbers"
        folder.mkdir(parents=True)
        nbformat.write(spoiled(config, "one = 1", spoil), folder / "numbers.ipynb")
    Autograde(coursedir=CourseDirectory(config=config), config=config).start()
    with Gradebook(CourseDirectory(config=config).db_url) as gradebook:
        for student in students:
            notebook = gradebook.find_submission_notebook("numbers", "numbers", student)
            assert {grade.name: grade.auto_score for grade in notebook.grades} == FULL
