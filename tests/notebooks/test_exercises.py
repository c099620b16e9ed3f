"""The exercises: what their cells declare, and that each check catches what it is there for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from nbgrader.nbgraderformat import MetadataValidator

Namespace = dict[str, Any]
Run = Callable[..., str]
Attempt = Callable[..., Any]

EXPORTS = {
    "forward_propagation": "RNN.forward_propagation",
    "calculate_total_loss": "RNN.calculate_total_loss",
    "bptt": "RNN.bptt",
    "sgd_step": "RNN.sgd_step",
    "train_with_sgd": "train_with_sgd",
    "bptt_linear_time": "RNN.bptt_linear_time",
}
POINTS = {
    "forward-propagation-shapes": 1,
    "forward-propagation-values": 3,
    "calculate-total-loss-values": 2,
    "bptt-shapes": 1,
    "bptt-dLdV": 2,
    "bptt-dLdU": 2,
    "bptt-dLdW": 3,
    "bptt-truncation": 3,
    "bptt-side-effects": 1,
    "sgd-step-update": 2,
    "train-with-sgd-losses": 2,
    "train-with-sgd-learning-rate": 1,
    "bptt-linear-time-values": 2,
    "written-truncation": 2,
    "written-reading-order": 2,
}
CHECKS = {
    name: [i for i in POINTS if re.fullmatch(name.replace("_", "-") + "-(?!linear).*", i)]
    for name in EXPORTS
}


def test_the_cells_declare_what_nbgrader_and_the_release_need(
    notebook: Any, cells: dict[str, Any]
) -> None:
    MetadataValidator().validate_nb(notebook)
    declared, points = {}, {}
    for cell in notebook.cells:
        grader, exercise = cell.metadata.get("nbgrader"), cell.metadata.get("exercise", {})
        if grader is None:
            assert not exercise
            continue
        assert grader["grade_id"] == cell.id
        assert grader["cell_type"] == cell.cell_type
        if grader["grade"]:
            points[cell.id] = grader["points"]
        if "name" in exercise:
            assert grader["solution"]
            assert not grader["grade"]
            declared[exercise["name"]] = exercise["exports"]
            assert exercise.get("always_blank", False) == (exercise["name"] == "bptt_linear_time")
        elif "tests" in exercise:
            assert grader["grade"]
            assert grader["locked"]
            assert cell.id in CHECKS[exercise["tests"]]
        elif cell.cell_type == "code":
            assert grader["locked"]
            assert not grader["grade"]
    assert declared == {name: [export] for name, export in EXPORTS.items()}
    assert points == POINTS


def test_graded_cells_and_what_they_need_are_no_demonstrations(notebook: Any) -> None:
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            assert "demonstration" not in cell.metadata.get("tags", [])


def test_every_exercise_is_followed_by_its_checks(notebook: Any) -> None:
    order = [cell.id for cell in notebook.cells]
    for name, checks in CHECKS.items():
        start = order.index(name.replace("_", "-"))
        positions = [order.index(check) for check in checks]
        assert positions == list(range(positions[0], positions[0] + len(checks)))
        between = order[start + 1 : positions[0]]
        assert len(between) <= 3, f"{between} stand between {name} and its checks"


@pytest.mark.parametrize("seed", [0, 1, 2026])
def test_the_reference_passes_every_check_whatever_the_seed(
    failing: Any, homework: Namespace, run: Run, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = [check for group in CHECKS.values() for check in group]
    assert failing(homework, run, checks, seed) == set()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", EXPORTS)
def test_an_untouched_stub_passes_none_of_its_checks(
    failing: Any, homework: Namespace, run: Run, name: str
) -> None:
    def stub(*inputs: Any, **options: Any) -> Any:
        raise NotImplementedError

    put(homework, name, stub)
    assert failing(homework, run, CHECKS[name]) == set(CHECKS[name])


def put(namespace: Namespace, name: str, attempt: Attempt) -> None:
    """Set the attempt in the place of the reference."""
    if name == "train_with_sgd":
        namespace[name] = attempt
    else:
        setattr(namespace["RNN"], name, attempt)


def edited(homework: Namespace, cells: dict[str, Any], name: str, before: str, after: str) -> None:
    """Set the reference with one edit in the place of the reference."""
    source = cells[name.replace("_", "-")].source
    assert before in source
    exec(source.replace(before, after), homework)


RETURNED = "[dLdU, dLdV, dLdW]"
GRADIENTS = "dLdU dLdV dLdW truncation"
HALF = "[g.astype(np.float16) for g in (dLdU, dLdV, dLdW)]"
MEAN = "[g / T for g in (dLdU, dLdV, dLdW)]"
WRONG = [
    # exercise, before, after, the checks that must fail (and no others)
    ("forward_propagation", "s[t - 1]))", "s[t]))", "values"),
    ("forward_propagation", "np.tanh", "np.sin", "values"),
    ("forward_propagation", "T + 1,", "T,", "shapes values"),
    ("calculate_total_loss", "L += -np.sum", "L += -np.mean", "values"),
    ("calculate_total_loss", "L += -np", "L = -np", "values"),
    ("calculate_total_loss", "arange(len(y)):", "arange(1):", "values"),
    ("bptt", "np.outer(delta_o[t], s[t])", "np.outer(delta_o[t], s[t - 1])", "dLdV"),
    ("bptt", "x[bptt_step]] += delta_t", "x[t]] += delta_t", "dLdU truncation"),
    ("bptt", "x[bptt_step]] += delta_t", "x[bptt_step]] = delta_t", "dLdU truncation"),
    ("bptt", "(delta_t, s[bptt_step - 1])", "(s[bptt_step - 1], delta_t)", "dLdW truncation"),
    ("bptt", "t - self.bptt_truncate)", "t - self.bptt_truncate + 1)", "truncation"),
    ("bptt", "t - self.bptt_truncate)", "t - self.bptt_truncate - 1)", "truncation"),
    ("bptt", "max(0, t - self.bptt_truncate)", "0", "truncation"),
    ("bptt", "    return [", "    self.bptt_truncate = 1000\n    return [", "side-effects"),
    (
        "bptt",
        "[dLdU, dLdV, dLdW]\n    ###",
        "[dLdU, dLdW, dLdV]\n    ###",
        "shapes dLdV dLdW truncation",
    ),
    ("bptt", "[dLdU, dLdV, dLdW]\n    ###", HALF + "\n    ###", GRADIENTS),
    ("bptt", "[dLdU, dLdV, dLdW]\n    ###", MEAN + "\n    ###", GRADIENTS),
    ("sgd_step", "self.U -=", "self.U +=", "update"),
    ("sgd_step", "self.W -= learning_rate * dLdW", "pass", "update"),
    ("train_with_sgd", "or epoch == nepoch:", "and epoch < nepoch:", "losses learning-rate"),
    ("train_with_sgd", "return losses", "return None", "losses learning-rate"),
    ("train_with_sgd", "* 0.5", "* 0.9", "learning-rate"),
    ("train_with_sgd", "losses[-1][1] > losses[-2][1]", "False", "learning-rate"),
    ("bptt_linear_time", "np.add.at(dLdU.T, x, delta)", "dLdU.T[x] += delta", "values"),
    ("bptt_linear_time", "delta[1:].T.dot(s[: T - 1])", "delta.T.dot(s[:T])", "values"),
]


@pytest.mark.parametrize(("name", "before", "after", "caught_by"), WRONG)
def test_a_wrong_answer_loses_the_points_of_what_is_wrong_and_no_others(
    failing: Any,
    homework: Namespace,
    cells: dict[str, Any],
    run: Run,
    name: str,
    before: str,
    after: str,
    caught_by: str,
) -> None:
    edited(homework, cells, name, before, after)
    expected = {f"{name.replace('_', '-')}-{check}" for check in caught_by.split()}
    assert failing(homework, run, CHECKS[name]) == expected


@pytest.mark.parametrize("h", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_finite_differences_do_not_pass_as_backpropagation(
    failing: Any, homework: Namespace, run: Run, h: float, kind: Any
) -> None:
    measured = homework["textbook_slopes"]

    def differences(self: Any, x: np.ndarray, y: np.ndarray) -> Any:
        return [measured(self, x, y, name, h).astype(kind) for name in "UVW"]

    put(homework, "bptt", differences)
    failed = failing(homework, run, CHECKS["bptt"])
    assert {"bptt-dLdU", "bptt-dLdV", "bptt-dLdW", "bptt-truncation"} <= failed


OTHER_PRECISION = {
    "float32 results": [(RETURNED, "[g.astype(np.float32) for g in (dLdU, dLdV, dLdW)]")],
    "longdouble results": [(RETURNED, "[g.astype(np.longdouble) for g in (dLdU, dLdV, dLdW)]")],
    "float32 sums": [
        (f"dLd{name} = np.zeros(self.{name}.shape)",
         f"dLd{name} = np.zeros(self.{name}.shape, dtype=np.float32)")
        for name in "UVW"
    ],
    "float32 error": [("o.copy()", "o.astype(np.float32)")],
    "float32 states": [
        ("    # the gradients are acc", "    s = np.float32(s)\n    # the gradients are acc")
    ],
    "longdouble delta": [("delta_t = self.V.T", "delta_t = self.V.T.astype(np.longdouble)")],
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER_PRECISION)
@pytest.mark.parametrize("seed", [0, 1, 2026])
def test_right_equations_in_another_precision_keep_all_points(
    failing: Any, homework: Namespace, cells: dict[str, Any], run: Run, what: str, seed: int
) -> None:
    source = cells["bptt"].source
    for before, after in OTHER_PRECISION[what]:
        assert before in source
        source = source.replace(before, after)
    exec(source, homework)
    assert failing(homework, run, CHECKS["bptt"], seed) == set()


def test_the_challenge_accepts_single_precision_and_no_finite_differences(
    failing: Any, homework: Namespace, run: Run
) -> None:
    right, measured = homework["RNN"].bptt_linear_time, homework["textbook_slopes"]

    def single(self: Any, x: np.ndarray, y: np.ndarray) -> Any:
        return [g.astype(np.float32) for g in right(self, x, y)]

    def differences(self: Any, x: np.ndarray, y: np.ndarray) -> Any:
        if len(x) > 100:  # as if a clever one were fast enough
            return right(self, x, y)
        return [measured(self, x, y, name, 1e-4) for name in "UVW"]

    put(homework, "bptt_linear_time", single)
    assert failing(homework, run, CHECKS["bptt_linear_time"]) == set()
    put(homework, "bptt_linear_time", differences)
    assert failing(homework, run, CHECKS["bptt_linear_time"]) == {"bptt-linear-time-values"}


@pytest.mark.parametrize("limit", [1, 5, 10])
def test_clipped_gradients_are_caught(
    failing: Any, homework: Namespace, cells: dict[str, Any], run: Run, limit: int
) -> None:
    clipped = f"[np.clip(g, -{limit}, {limit}) for g in (dLdU, dLdV, dLdW)]"
    edited(homework, cells, "bptt", f"{RETURNED}\n    ###", f"{clipped}\n    ###")
    failed = failing(homework, run, CHECKS["bptt"])
    assert {"bptt-dLdU", "bptt-dLdV", "bptt-dLdW"} <= failed


def test_gradients_kept_from_call_to_call_are_caught(
    failing: Any, homework: Namespace, run: Run
) -> None:
    right, kept = homework["RNN"].bptt, {}

    def accumulate(self: Any, x: np.ndarray, y: np.ndarray) -> Any:
        gradients = right(self, x, y)
        totals = kept.setdefault(id(self), [np.zeros(g.shape) for g in gradients])
        for total, gradient in zip(totals, gradients, strict=True):
            total += gradient
        return totals

    put(homework, "bptt", accumulate)
    assert "bptt-side-effects" in failing(homework, run, CHECKS["bptt"])


def test_a_quadratic_answer_does_not_pass_as_linear_time(
    failing: Any, homework: Namespace, run: Run
) -> None:
    class Clock:
        """Each recurrent hop of the stand-in takes a millisecond of this clock."""

        now = 0.0

    def quadratic(self: Any, x: np.ndarray, y: np.ndarray) -> Any:
        Clock.now += 0.001 * len(x) * (len(x) + 1) / 2
        return right(self, x, y)

    right = homework["RNN"].bptt_linear_time
    homework["default_timer"] = lambda: Clock.now
    assert failing(homework, run, CHECKS["bptt_linear_time"]) == set()
    put(homework, "bptt_linear_time", quadratic)
    assert failing(homework, run, CHECKS["bptt_linear_time"]) == {"bptt-linear-time-values"}
