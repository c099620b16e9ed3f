"""Attacks on the notebook file: other tests, points, tags, cells and names than the instructor's.

The open build grades the notebook as it was handed in.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import nbformat
import pytest

WRONG = "def gradient(self, x):\n    return np.zeros_like(self.W)\n\n\nModel.gradient = gradient"
Notebook = dict[str, Any]


def cell(notebook: Notebook, name: str) -> Any:
    return next(c for c in notebook["cells"] if c["metadata"]["nbgrader"]["grade_id"] == name)


def empty_test(notebook: Notebook) -> None:
    cell(notebook, "gradient-values")["source"] = "pass"


def about_something_else(notebook: Notebook) -> None:
    cell(notebook, "gradient-values")["source"] = "assert 1 + 1 == 2"


def more_points(notebook: Notebook) -> None:
    cell(notebook, "gradient-values")["source"] = "pass"
    cell(notebook, "gradient-values")["metadata"]["nbgrader"]["points"] = 1000


def points_for_the_easy_one(notebook: Notebook) -> None:
    cell(notebook, "norm-values")["metadata"]["nbgrader"]["points"] = 1000


def partial_credit_by_display(notebook: Notebook) -> None:
    cell(notebook, "gradient-values")["source"] = "3.0"


def answer_tagged_as_test(notebook: Notebook) -> None:
    answer = cell(notebook, "norm")["metadata"]["nbgrader"]
    answer |= {"grade": True, "points": 50, "locked": True, "solution": False}


def exchanged_names(notebook: Notebook) -> None:
    one, other = (cell(notebook, name) for name in ("gradient-values", "norm-values"))
    one["metadata"], other["metadata"] = other["metadata"], one["metadata"]


def second_test_of_the_same_name(notebook: Notebook) -> None:
    twin = copy.deepcopy(cell(notebook, "gradient-values"))
    twin["source"], twin["id"] = "pass", "twin"
    notebook["cells"].append(twin)


def commented_out(notebook: Notebook) -> None:
    test = cell(notebook, "gradient-values")
    test["source"] = "# " + test["source"].replace("\n", "\n# ")


def model_of_zeros_in_a_locked_cell(notebook: Notebook) -> None:
    model = cell(notebook, "model")
    model["source"] = model["source"].replace("standard_normal(", "normal(0, 0, ")


def setup_that_disarms_numpy(notebook: Notebook) -> None:
    cell(notebook, "setup")["source"] += (
        "\nnp.testing.assert_allclose = np.allclose = np.all = lambda *a, **k: True"
    )


def cell_before_everything(notebook: Notebook) -> None:
    patch = "import numpy as np\nnp.outer = lambda a, b: np.zeros((len(a), len(b)))"
    first = nbformat.v4.new_code_cell(patch)
    first["metadata"]["nbgrader"] = {"grade_id": "none", "grade": False}
    notebook["cells"].insert(0, first)


def cell_between_answer_and_test(notebook: Notebook) -> None:
    patch = nbformat.v4.new_code_cell("np.allclose = np.all = lambda *a, **k: True")
    patch["source"] += "\nnp.testing.assert_allclose = np.all"
    patch["metadata"]["nbgrader"] = {"grade_id": "none", "grade": False}
    notebook["cells"].insert(3, patch)


def names_of_the_tests_taken(notebook: Notebook) -> None:
    """Nothing can fail in a test whose names a cell of one's own has defined."""
    own = nbformat.v4.new_code_cell("class Model:\n    def __init__(self, n): self.W = np.eye(n)")
    own["source"] += "\n    def gradient(self, x): return np.outer(self.W @ x, x) * 0"
    own["source"] += "\n_expected_gradient = Model.gradient\nnp.outer = lambda a, b: 0"
    own["source"] += "\nnp.testing.assert_allclose = np.allclose = np.all = lambda *a, **k: True"
    own["metadata"]["nbgrader"] = {"grade_id": "none", "grade": False}
    notebook["cells"].insert(2, own)


EARNING = [
    empty_test,
    about_something_else,
    more_points,
    points_for_the_easy_one,
    partial_credit_by_display,
    answer_tagged_as_test,
    exchanged_names,
    second_test_of_the_same_name,
    commented_out,
    model_of_zeros_in_a_locked_cell,
    setup_that_disarms_numpy,
    cell_before_everything,
    cell_between_answer_and_test,
    names_of_the_tests_taken,
]


def saved_full_marks(notebook: Notebook) -> None:
    test = cell(notebook, "gradient-values")
    test["outputs"] = [nbformat.v4.new_output("execute_result", {"text/plain": "3.0"})]
    test["execution_count"] = 1


def another_kernel(notebook: Notebook) -> None:
    kernel = {"name": "mine", "display_name": "mine", "argv": ["touch", "/tmp/ran"]}
    notebook["metadata"]["kernelspec"] = kernel


def exports_of_its_own(notebook: Notebook) -> None:
    cell(notebook, "norm")["metadata"]["exercise"] = {"name": "gradient", "exports": ["norm"]}


def missing_test(notebook: Notebook) -> None:
    notebook["cells"].remove(cell(notebook, "gradient-values"))


def demonstrations_only(notebook: Notebook) -> None:
    for one in notebook["cells"]:
        one["metadata"]["tags"] = ["demonstration", "skip-execution"]


FUTILE = [saved_full_marks, another_kernel, exports_of_its_own, missing_test, demonstrations_only]


def wrong_by(trick: Callable[[Notebook], None], submission: Any) -> Notebook:
    notebook: Notebook = submission(gradient=WRONG)
    trick(notebook)
    return notebook


@pytest.mark.parametrize("trick", EARNING)
def test_it_pays_where_the_submitted_notebook_is_what_is_graded(
    trick: Callable[[Notebook], None], submission: Any, grade_openly: Any
) -> None:
    honest = sum(grade_openly(submission(gradient=WRONG)).values())
    assert sum(grade_openly(wrong_by(trick, submission)).values()) > honest


@pytest.mark.parametrize("trick", [*EARNING, *FUTILE])
def test_it_earns_nothing_from_the_autograder(
    trick: Callable[[Notebook], None], submission: Any, grade: Any
) -> None:
    points = grade(wrong_by(trick, submission))
    assert points == {"gradient-values": 0, "norm-values": 2}
