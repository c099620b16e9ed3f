"""A small homework built in code, and a course of its own around it, for `tests/authoring`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from authoring.course import Course

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = "numbers/numbers.ipynb"

DOUBLE = '''\
def double(self, x):
    """Twice x."""
    ### BEGIN HELP guided
    # add it up, as often as it takes
    ### END HELP
    ### BEGIN HELP standard
    total = 0
    ### END HELP
    ### BEGIN SOLUTION
    for amount in (x, x):
        total += amount
    ### END SOLUTION

    ### BEGIN HELP standard
    return total
    ### END HELP


Model.double = double'''

SQUARE = """\
def square(x):
    ### BEGIN SOLUTION
    product_of_both = x * x
    return product_of_both
    ### END SOLUTION"""

CHALLENGE = """\
def cube(x):
    ### BEGIN HELP guided
    # one more factor than a square
    ### END HELP
    ### BEGIN SOLUTION
    third_power = x * x * x
    return third_power
    ### END SOLUTION"""


def graded(grade_id: str, **kind: Any) -> dict[str, Any]:
    """nbgrader's metadata of a locked read-only cell, unless `kind` says otherwise."""
    base = {"grade": False, "solution": False, "locked": True, "task": False, "schema_version": 3}
    return {**base, "grade_id": grade_id, "cell_type": "code", **kind}


def solution(grade_id: str, source: str, name: str, **more: Any) -> NotebookNode:
    said = {"name": name, "exports": [name], **more}
    nbgrader = graded(grade_id, solution=True, locked=False)
    return new_code_cell(source, id=grade_id, metadata={"nbgrader": nbgrader, "exercise": said})


def tests_of(name: str, grade_id: str, source: str, points: float) -> NotebookNode:
    nbgrader = graded(grade_id, grade=True, points=points)
    metadata = {"nbgrader": nbgrader, "exercise": {"tests": name}}
    return new_code_cell(source, id=grade_id, metadata=metadata)


HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"


def build_homework() -> NotebookNode:
    """Two choosable exercises, one challenge and one written question."""
    written = graded("why", grade=True, solution=True, locked=False, points=2, cell_type="markdown")
    cells = [
        new_markdown_cell("# Numbers", id="title"),
        new_code_cell("class Model:\n    pass", id="setup", metadata={"nbgrader": graded("setup")}),
        solution("double", DOUBLE, "double"),
        tests_of(
            "double",
            "double-values",
            "assert Model().double(2) == 4\n" + HIDDEN.format("assert Model().double(7) == 14"),
            3,
        ),
        tests_of("double", "double-zero", HIDDEN.format("assert Model().double(0) == 0"), 1),
        solution("square", SQUARE, "square"),
        tests_of("square", "square-values", "assert square(3) == 9", 2),
        solution("cube", CHALLENGE, "cube", always_blank=True),
        tests_of("cube", "cube-values", "assert cube(3) == 27", 5),
        new_code_cell("print(square(12))", id="ending", metadata={"tags": ["demonstration"]}),
        new_markdown_cell(
            "### BEGIN SOLUTION\nBecause sums of equal terms are products.\n### END SOLUTION",
            id="why",
            metadata={"nbgrader": written},
        ),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """The cell with this id."""
    return next(each for each in notebook.cells if each.get("id") == name)


@contextmanager
def edited(path: Path) -> Iterator[NotebookNode]:
    """A notebook to change; it is written back after the block."""
    notebook = nbformat.read(path, as_version=4)
    yield notebook
    nbformat.write(notebook, path)


def add_code(path: Path, source: str, name: str = "added") -> None:
    """A new last cell."""
    with edited(path) as notebook:
        notebook.cells.append(new_code_cell(source, id=name))


def configure(root: Path, line: str) -> None:
    """One more line of nbgrader_config.py."""
    with (root / "nbgrader_config.py").open("a") as config:
        config.write(f"\n{line}\n")


def make_course(root: Path, notebook: NotebookNode) -> Course:
    """A course with the real configuration, the small homework and a lab package of two lines."""
    folder = root / "source" / "numbers"
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / "numbers.ipynb")
    (folder / "misconceptions.toml").write_text(
        '[double."sign/scale".squared]\n'
        'says = "You squared the number instead of doubling it."\n'
        'hint = "the docstring"\n'
        'variants = [["x", "math.pow(x, 2.0)"]]\n'
    )
    (folder / "table.txt").write_text("2 4\n")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    configure(root, 'c.SelectExercises.default_blanks = {"numbers": ["double"]}')
    lab = root / "gtnlab"
    lab.mkdir()
    (lab / "__init__.py").write_text('"""The lab."""\n')
    (lab / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "gtnlab"\nversion = "1"\n'
        '[tool.setuptools]\npackages = ["gtnlab"]\npackage-dir = { gtnlab = "." }\n'
    )
    return Course.at(root)
