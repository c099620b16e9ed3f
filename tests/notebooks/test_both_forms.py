"""The form that the homework and the lab share."""

from __future__ import annotations

import re
from typing import Any

import pytest

NOTEBOOKS = ("notebook", "lab_notebook")
IDS = {"notebook": r"[A-Za-z]+(-[A-Za-z]+)*", "lab_notebook": r"[a-z]+(-[a-z]+)*"}
ALLOWED = {
    "notebook": {
        "sys", "contextlib", "dataclasses", "io", "timeit",
        "ast", "copy", "inspect", "itertools", "linecache", "re", "textwrap", "traceback",
        "ipywidgets", "matplotlib", "numpy", "IPython", "tqdm",
    },
    "lab_notebook": {
        "os", "warnings", "dataclasses", "io",
        "importlib", "pathlib", "subprocess", "sys", "urllib", "zipfile",
        "gtnlab", "higher", "matplotlib", "numpy", "torch", "IPython",
    },
}  # fmt: skip


@pytest.fixture(params=NOTEBOOKS)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def cells(name: str, request: pytest.FixtureRequest) -> Any:
    found = request.getfixturevalue(name)
    assert (found.nbformat, found.nbformat_minor) == (4, 5)
    return found.cells


def test_every_cell_has_a_readable_id_of_its_own_and_no_output(name: str, cells: Any) -> None:
    ids = [cell.id for cell in cells]
    assert len(set(ids)) == len(ids)
    for cell in cells:
        assert re.fullmatch(IDS[name], cell.id)
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None


def test_it_needs_only_what_a_student_has(name: str, cells: Any) -> None:
    for cell in cells:
        if cell.cell_type == "code":
            imported = re.findall(r"^\s*(?:import|from)\s+(\w+)", cell.source, re.MULTILINE)
            assert set(imported) <= ALLOWED[name]


def test_no_picture_is_fetched_from_elsewhere(cells: Any) -> None:
    for cell in cells:
        assert not re.search(r"!\[[^\]]*\]\(|<img|<iframe", cell.source)
