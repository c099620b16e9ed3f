"""The homework's cells, by id, and namespaces in which they have run."""

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

HOMEWORK = Path(__file__).parents[2] / "source" / "rnn-bptt" / "rnn_bptt.ipynb"

Namespace = dict[str, Any]
Run = Callable[..., str]


@pytest.fixture(scope="session")
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(HOMEWORK, as_version=nbformat.NO_CONVERT)


@pytest.fixture(scope="session")
def cells(notebook: nbformat.NotebookNode) -> dict[str, nbformat.NotebookNode]:
    return {cell.id: cell for cell in notebook.cells}


@pytest.fixture(scope="session")
def run(cells: dict[str, nbformat.NotebookNode]) -> Run:
    """Run cells by id in a namespace and return what they print."""

    def run_cells(namespace: Namespace, *ids: str) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            for cell_id in ids:
                exec(compile(cells[cell_id].source, cell_id, "exec"), namespace)
        return printed.getvalue()

    return run_cells


@pytest.fixture
def homework(cells: dict[str, nbformat.NotebookNode], run: Run) -> Namespace:
    """A namespace after every cell that is neither a check nor a demonstration: the reference."""
    namespace: Namespace = {}
    for cell_id, cell in cells.items():
        check = "tests" in cell.metadata.get("exercise", {})
        if cell.cell_type == "code" and not check and not is_demonstration(cell):
            run(namespace, cell_id)
    return namespace


def is_demonstration(cell: nbformat.NotebookNode) -> bool:
    return "demonstration" in cell.metadata.get("tags", [])
