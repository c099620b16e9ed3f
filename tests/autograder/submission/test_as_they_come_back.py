"""A right answer keeps its points whatever browsers, editors and platforms did to the notebook."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from autograder.submission.reading import parse_notebook, plain_cell
from autograder.submission.restore import restore

BIN = Path(sys.executable).parent


def grade(classroom: Any) -> subprocess.CompletedProcess[str]:
    command = [BIN / "autograder", "grade", "sums"]
    return subprocess.run(command, cwd=classroom.root, capture_output=True, text=True, timeout=120)


def handed_in(classroom: Any, student: str, **answers: str) -> Any:
    """The notebook of a right submission, to be damaged."""
    path = classroom.hand_in(student, **answers)
    notebook = nbformat.read(path, as_version=4)
    path.unlink()
    return notebook


def without_metadata(notebook: Any) -> None:
    for cell in notebook.cells:
        cell.metadata = {}
        cell.id = nbformat.v4.new_code_cell().id


def with_a_copy_of_the_blank(notebook: Any) -> None:
    at = next(i for i, cell in enumerate(notebook.cells) if cell.id == "total")
    blank = copy.deepcopy(notebook.cells[at])
    blank.source = "def total(numbers):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    blank.id = "copy"
    notebook.cells.insert(at + 1, blank)


def with_huge_outputs(notebook: Any) -> None:
    picture = nbformat.v4.new_output("display_data", {"image/png": "A" * 30_000_000})
    next(cell for cell in notebook.cells if cell.id == "look").outputs = [picture]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (without_metadata, "recognised by their contents"),
        (with_a_copy_of_the_blank, "the one that was changed counts"),
        (with_huge_outputs, ""),
    ],
)
def test_a_damaged_notebook_keeps_its_points(
    classroom: Any, damage: Callable[[Any], None], says: str
) -> None:
    notebook = handed_in(classroom, "ada")
    damage(notebook)
    classroom.hand_in_file("ada", nbformat.writes(notebook).encode())
    done = grade(classroom)
    assert done.returncode == 0, done.stderr
    result = classroom.result("ada")
    assert result.status == "graded"
    assert says in result.reason
    scores = classroom.scores()["ada"]
    assert sum(score or 0 for score in scores.values()) == classroom.points


@pytest.mark.parametrize(
    "name",
    [
        "sums-Copy1.ipynb",
        "sums (1).ipynb",
        "Sums.IPYNB",
        " sums .ipynb",
        "lovelace_12345_678_sums.ipynb",
        "sums.ipynb.json",
        "sums.json",
        "sums.ipynb.txt",
        "übung/meine Lösung.ipynb",
    ],
)
def test_a_renamed_notebook_keeps_its_points_and_the_remark_says_so(
    classroom: Any, name: str
) -> None:
    data = nbformat.writes(handed_in(classroom, "ada")).encode()
    path = classroom.folder("ada") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    done = grade(classroom)
    assert done.returncode == 0, done.stderr
    assert "was graded as sums.ipynb" in classroom.result("ada").reason
    assert sum(score or 0 for score in classroom.scores()["ada"].values()) == classroom.points


def test_of_two_renamed_notebooks_the_one_with_answers_counts(classroom: Any) -> None:
    answered = nbformat.writes(handed_in(classroom, "ada")).encode()
    classroom.hand_in_file("ada", answered, "sums-Copy1.ipynb")
    untouched = (classroom.root / "release" / "sums" / "sums.ipynb").read_bytes()
    classroom.hand_in_file("ada", untouched, "sums (1).ipynb")
    classroom.hand_in_file("bob", answered, "sums-Copy1.ipynb")
    classroom.hand_in_file("bob", answered, "sums (1).ipynb")
    done = grade(classroom)
    assert classroom.result("ada").status == "graded"
    assert "bob: not graded. There is no sums.ipynb, and sums (1).ipynb, sums-Copy1.ipynb all" in (
        done.stderr
    )


def test_an_answered_copy_beside_the_untouched_notebook_is_named(classroom: Any) -> None:
    answered = nbformat.writes(handed_in(classroom, "ada")).encode()
    classroom.hand_in_file("ada", answered, "sums-Copy1.ipynb")
    untouched = (classroom.root / "release" / "sums" / "sums.ipynb").read_bytes()
    classroom.hand_in_file("ada", untouched)
    assert grade(classroom).returncode == 0
    assert "sums-Copy1.ipynb beside it does" in classroom.result("ada").reason
    assert classroom.scores()["ada"]["total-values"] == 0


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def total(numbers):\n    return\u00a0sum(numbers)", "line 2: .*no-break space.*U\\+00A0"),
        ("def total(numbers):\n    return \u201ca\u201d", "line 2: .*left double quotation mark"),
        ("def total(numbers):\nreturn 1", "line 2: expected an indented block"),
    ],
)
def test_what_python_cannot_read_is_pointed_at(
    instructor: Any, released: list[dict[str, Any]], source: str, says: str
) -> None:
    cells = [
        cell | {"source": source} if cell.get("grade_id") == "total" else cell for cell in released
    ]
    _, remarks = restore(cells, instructor)
    assert len(remarks) == 1
    import re

    assert re.search(f"cell total, {says}", remarks[0]), remarks


def test_cells_are_recognised_among_the_students_own(
    instructor: Any, released: list[dict[str, Any]]
) -> None:
    bare = [{"cell_type": cell["cell_type"], "source": cell["source"]} for cell in released]
    place = next(i for i, cell in enumerate(released) if cell.get("grade_id") == "total")
    bare[place]["source"] = "def total(numbers):\n    return sum(numbers)"
    mine = plain_cell(new_code_cell("print(total([1, 2]))"))
    notebook, remarks = restore([mine, *bare[: place + 1], mine, *bare[place + 1 :]], instructor)
    answers = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell["source"]
        for cell in notebook["cells"]
        if "nbgrader" in cell["metadata"]
    }
    assert answers["total"] == bare[place]["source"]
    assert answers["scale"] == released[2]["source"] or "def scale" in answers["scale"]
    assert [cell["source"] for cell in notebook["cells"]].count(mine["source"]) == 2
    assert not any("missing" in remark for remark in remarks)


def test_a_file_that_only_ends_like_a_notebook_is_no_notebook(classroom: Any) -> None:
    classroom.hand_in("ada")
    classroom.hand_in_file("ada", json.dumps({"a": 1}).encode(), "settings.json")
    assert grade(classroom).returncode == 0
    assert classroom.result("ada").reason == ""
    assert parse_notebook(classroom.folder("ada").joinpath("sums.ipynb").read_bytes(), "sums")
