"""The cells of both notebooks, by id, and namespaces in which they have run."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import nbformat
import pytest

matplotlib.use("Agg")

SOURCE = Path(__file__).parents[2] / "source"
HOMEWORK = SOURCE / "rnn-bptt" / "rnn_bptt.ipynb"
LAB = SOURCE / "gtn-lab" / "gtn_lab.ipynb"

Namespace = dict[str, Any]
Run = Callable[..., str]
Cells = dict[str, nbformat.NotebookNode]


@pytest.fixture(scope="session")
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(HOMEWORK, as_version=nbformat.NO_CONVERT)


@pytest.fixture(scope="session")
def cells(notebook: nbformat.NotebookNode) -> Cells:
    return {cell.id: cell for cell in notebook.cells}


@pytest.fixture(scope="session")
def run(cells: Cells) -> Run:
    """Run cells of the homework by id in a namespace and return what they print."""
    return runner(cells)


@pytest.fixture
def homework(cells: Cells) -> Namespace:
    """A namespace after every cell that is neither a check nor a demonstration: the reference."""
    return reference(cells)


@pytest.fixture(scope="session")
def lab_notebook() -> nbformat.NotebookNode:
    return nbformat.read(LAB, as_version=nbformat.NO_CONVERT)


@pytest.fixture(scope="session")
def lab_cells(lab_notebook: nbformat.NotebookNode) -> Cells:
    return {cell.id: cell for cell in lab_notebook.cells}


@pytest.fixture(scope="session")
def run_lab(lab_cells: Cells) -> Run:
    """Run cells of the lab by id in a namespace and return what they print."""
    return runner(lab_cells)


@pytest.fixture
def lab(lab_cells: Cells) -> Namespace:
    """The same of the lab: the reference answers and what they stand on."""
    return reference(lab_cells)


@pytest.fixture(scope="session")
def failing() -> Callable[..., set[str]]:
    """The checks that do not pass, each run as the grader does: alone, with its own seed."""

    def found(namespace: Namespace, run: Run, checks: list[str], seed: int = 0) -> set[str]:
        failed = set()
        for check in checks:
            namespace["grading_seed"] = seed
            try:
                run(namespace, check)
            except Exception:
                failed.add(check)
        return failed

    return found


def runner(cells: Cells) -> Run:
    def run_cells(namespace: Namespace, *ids: str) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            for cell_id in ids:
                exec(compile(cells[cell_id].source, cell_id, "exec"), namespace)
        return printed.getvalue()

    return run_cells


def reference(cells: Cells) -> Namespace:
    namespace: Namespace = {}
    for cell_id, cell in cells.items():
        check = "tests" in cell.metadata.get("exercise", {})
        if cell.cell_type == "code" and not check and not is_demonstration(cell):
            runner(cells)(namespace, cell_id)
    return namespace


def is_demonstration(cell: nbformat.NotebookNode) -> bool:
    return "demonstration" in cell.metadata.get("tags", [])
