"""What the diagnosis is tested with: the instructor's names, and the bank of the course."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from authoring.exercises import read_lines, source_of, without_markers
from autograder.bank import Bank, load_bank

COURSE = Path(__file__).parents[2]
HOMEWORK = COURSE / "source" / "rnn-bptt"


@pytest.fixture(scope="session")
def bank() -> Bank:
    """The bank of the homework."""
    return load_bank(HOMEWORK / "misconceptions.py")


@pytest.fixture(scope="session")
def instructor_names() -> Mapping[str, Any]:
    """What the homework's locked cells and reference answers define."""
    names: dict[str, Any] = {"__name__": "__main__"}
    notebook = json.loads((HOMEWORK / "rnn_bptt.ipynb").read_bytes())
    for cell in notebook["cells"]:
        metadata = cell["metadata"]
        graded = metadata.get("nbgrader", {}).get("grade", False)
        needed = metadata.get("editable") is False or "exercise" in metadata
        shown = "demonstration" in metadata.get("tags", [])
        if cell["cell_type"] == "code" and needed and not graded and not shown:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(without_markers(read_lines(source_of(cell), "cell")), names)
    return names


@pytest.fixture(scope="session")
def written(instructor_names: Mapping[str, Any]) -> Callable[[str, str], Callable[..., Any]]:
    """Turns the source of an answer into a function, as a student's kernel would."""

    def define(source: str, name: str = "bptt") -> Callable[..., Any]:
        names = dict(instructor_names)
        exec(source, names)
        function: Callable[..., Any] = names[name]
        return function

    return define
