"""gradient_check: it never accuses a right answer, misses no wrong one, and speaks to people."""

from __future__ import annotations

import contextlib
import dataclasses
import io
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Namespace = dict[str, Any]
Bptt = Callable[..., Any]


def model_and_sums(homework: Namespace, hidden_dim: int = 6, T: int = 5) -> tuple[Any, Any, Any]:
    np.random.seed(hidden_dim)
    model = homework["RNN"](10, hidden_dim, bptt_truncate=1000)
    x, y = np.random.randint(10, size=(2, T))
    return model, x, y


def quietly_checked(model: Any, x: np.ndarray, y: np.ndarray, **options: float) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        result = model.gradient_check(x, y, **options)
    plt.close("all")
    return result


def test_it_passes_the_reference_with_the_published_messages(
    homework: Namespace, capsys: pytest.CaptureFixture[str]
) -> None:
    model, x, y = model_and_sums(homework)
    result = model.gradient_check(x, y)
    printed = capsys.readouterr()
    for name, size in [("U", 60), ("V", 60), ("W", 36)]:
        assert f"Performing gradient check for parameter {name} with size {size}." in printed.out
        assert f"Gradient check for parameter {name} passed." in printed.out
    assert printed.err == ""
    assert result.passed
    assert result.first_offending is None
    assert all(0 < error < 0.01 for error in result.max_relative_error.values())
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.passed = False


def test_it_never_accuses_a_right_answer(homework: Namespace) -> None:
    RNN = homework["RNN"]

    @settings(max_examples=150, deadline=None)
    @given(
        seed=st.integers(0, 10**6),
        hidden_dim=st.integers(1, 12),
        input_dim=st.integers(2, 10),
        T=st.integers(1, 12),
        scales=st.tuples(*[st.sampled_from([0.01, 0.3, 1.0, 3.0, 10.0])] * 3),
        h=st.sampled_from([1e-2, 1e-3, 1e-4]),
    )
    def check(seed: int, hidden_dim: int, input_dim: int, T: int, scales: Any, h: float) -> None:
        np.random.seed(seed)
        model = RNN(input_dim, hidden_dim, bptt_truncate=T - 1)
        model.U, model.V, model.W = (
            scale * p for scale, p in zip(scales, (model.U, model.V, model.W), strict=True)
        )
        x, y = np.random.randint(input_dim, size=(2, T))
        assert quietly_checked(model, x, y, h=h).passed

    check()


def test_it_finds_one_wrong_entry_wherever_it_is(
    homework: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    RNN = homework["RNN"]
    right: Bptt = RNN.bptt
    monkeypatch.setattr(homework["GradientCheck"], "heatmap", lambda self: None)

    @settings(max_examples=60, deadline=None)
    @given(seed=st.integers(0, 10**6), which=st.integers(0, 2), data=st.data())
    def check(seed: int, which: int, data: st.DataObject) -> None:
        np.random.seed(seed)
        model = RNN(4, 5, bptt_truncate=1000)
        x, y = np.random.randint(4, size=(2, 6))
        shape = [(5, 4), (4, 5), (5, 5)][which]
        index = tuple(data.draw(st.integers(0, n - 1)) for n in shape)

        def wrong(self: Any, x: np.ndarray, y: np.ndarray) -> Any:
            gradients = right(self, x, y)
            gradients[which][index] += 0.05 * np.abs(gradients[which]).max()
            return gradients

        monkeypatch.setattr(RNN, "bptt", wrong)
        result = quietly_checked(model, x, y)
        assert not result.passed
        assert result.first_offending == ("UVW"[which], index)
        assert result.errors["UVW"[which]][index] == result.errors["UVW"[which]].max()

    check()


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_a_number_fails(
    homework: Namespace, monkeypatch: pytest.MonkeyPatch, poison: float
) -> None:
    model, x, y = model_and_sums(homework)
    shapes = model.U.shape, model.V.shape, model.W.shape
    monkeypatch.setattr(
        type(model), "bptt", lambda self, x, y: [np.full(shape, poison) for shape in shapes]
    )
    result = quietly_checked(model, x, y)
    assert not result.passed
    assert result.first_offending == ("U", (0, 0))


def test_columns_of_digits_never_read_count_as_agreeing(homework: Namespace) -> None:
    model, _, _ = model_and_sums(homework)
    result = quietly_checked(model, np.array([3, 3, 3]), np.array([1, 2, 3]))
    assert result.passed
    assert not result.errors["U"][:, [0, 1, 2, 4, 5, 6, 7, 8, 9]].any()


def test_a_failure_reports_the_first_offender_both_losses_and_a_labelled_heatmap(
    homework: Namespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, x, y = model_and_sums(homework)
    right: Bptt = type(model).bptt

    def without_recurrence(self: Any, x: np.ndarray, y: np.ndarray) -> Any:
        dLdU, dLdV, dLdW = right(self, x, y)
        return [dLdU, dLdV, 0 * dLdW]

    monkeypatch.setattr(type(model), "bptt", without_recurrence)
    monkeypatch.setattr(plt, "show", lambda: None)
    result = model.gradient_check(x, y)
    printed = capsys.readouterr().out
    assert result.first_offending == ("W", (0, 0))
    losses = []
    for step in (0.001, -0.001):
        model.W[0, 0] += step
        losses.append(model.calculate_total_loss([x], [y]))
        model.W[0, 0] -= step
    assert result.losses == pytest.approx(losses, rel=1e-12)
    assert f"Gradient Check ERROR: parameter=W ix=(0, 0)\n+h Loss: {losses[0]:f}\n" in printed
    assert "Backpropagation gradient: 0.000000\nRelative Error: 1.000000" in printed
    assert "dLdW differ" in repr(result)
    panels = [ax for ax in plt.gcf().axes if ax.get_title()]
    assert [ax.get_title() for ax in panels] == [
        "|error| of dLdU",
        "|error| of dLdV",
        "|error| of dLdW",
    ]
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in panels)
    plt.close("all")


def test_it_uses_no_global_model(homework: Namespace) -> None:
    model, x, y = model_and_sums(homework)
    homework["model"] = None
    assert quietly_checked(model, x, y).passed


def test_it_neither_contains_nor_needs_the_answer(
    homework: Namespace, cells: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = [i for i in cells if i.startswith(("nudged-losses", "gradient-check"))]
    assert len(tool) > 8
    for cell_id in tool:
        assert "outer" not in cells[cell_id].source
        assert "** 2" not in cells[cell_id].source
    model, x, y = model_and_sums(homework)
    expected = quietly_checked(model, x, y).estimated
    zeros = [np.zeros(p.shape) for p in (model.U, model.V, model.W)]
    monkeypatch.setattr(type(model), "bptt", lambda self, x, y: zeros)
    measured = quietly_checked(model, x, y).estimated
    assert all(np.allclose(measured[name], expected[name], atol=1e-5) for name in "UVW")


@pytest.mark.parametrize(
    ("bptt", "told"),
    [
        (lambda self, x, y: [self.U.T, self.V, self.W], "dLdU has shape"),
        (lambda self, x, y: None, "three arrays"),
        (lambda self, x, y: [self.U, self.V], "three arrays"),
        (lambda self, x, y: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_malformed_answer_gets_a_sentence_instead_of_a_traceback(
    homework: Namespace, monkeypatch: pytest.MonkeyPatch, bptt: Bptt, told: str
) -> None:
    model, x, y = model_and_sums(homework)
    monkeypatch.setattr(type(model), "bptt", bptt)
    result = quietly_checked(model, x, y)
    assert not result.passed
    assert told in result.reason


@pytest.mark.parametrize("function", ["forward_propagation", "calculate_total_loss", "bptt"])
def test_a_function_still_to_be_written_is_named(
    homework: Namespace, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    model, x, y = model_and_sums(homework)

    def blank(self: Any, *inputs: Any) -> Any:
        raise NotImplementedError

    monkeypatch.setattr(type(model), function, blank)
    result = quietly_checked(model, x, y)
    assert not result.passed
    assert function in result.reason


def test_a_wrong_forward_pass_is_told_before_bptt_is_blamed(
    homework: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x, y = model_and_sums(homework)
    right: Bptt = type(model).forward_propagation
    monkeypatch.setattr(type(model), "forward_propagation", lambda self, x: right(self, x[::-1]))
    assert "forward_propagation disagrees" in quietly_checked(model, x, y).reason


def test_a_bptt_that_changes_the_model_is_told_and_the_model_is_put_back(
    homework: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x, y = model_and_sums(homework)
    before = model.W.copy()
    right: Bptt = type(model).bptt

    def spoil(self: Any, x: np.ndarray, y: np.ndarray) -> Any:
        gradients = right(self, x, y)
        self.W *= 2
        return gradients

    monkeypatch.setattr(type(model), "bptt", spoil)
    assert "changed the model's W" in quietly_checked(model, x, y).reason
    assert np.array_equal(model.W, before)


def test_the_textbook_loop_and_the_batched_nudges_measure_the_same_slopes(
    homework: Namespace, run: Callable[..., str]
) -> None:
    assert run(homework, "nudged-losses-try") == "same slopes as the loop: True\n"


def test_the_contributions_add_up_to_the_measured_gradient(homework: Namespace) -> None:
    model, x, y = model_and_sums(homework)
    for name in "UVW":
        rows, cols = np.indices(getattr(model, name).shape).reshape(2, -1)
        parts = homework["measured_contributions"](model, x, y, name, rows, cols)
        slopes = homework["textbook_slopes"](model, x, y, name)
        assert np.allclose(parts.sum((0, 1)), slopes.ravel(), atol=1e-5)
        assert not parts[np.triu_indices(len(x), 1)].any()  # a step cannot move earlier outputs


def test_the_search_leaves_the_model_and_the_random_numbers_alone(
    homework: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x, y = model_and_sums(homework)
    right: Bptt = type(model).bptt
    monkeypatch.setattr(type(model), "bptt", lambda self, x, y: [2 * g for g in right(self, x, y)])
    before = [model.U.copy(), model.V.copy(), model.W.copy(), model.bptt_truncate]
    np.random.seed(5)
    expected = np.random.rand()
    np.random.seed(5)
    assert not quietly_checked(model, x, y).passed
    assert np.random.rand() == expected
    for now, then in zip([model.U, model.V, model.W, model.bptt_truncate], before, strict=True):
        assert np.array_equal(now, then)
