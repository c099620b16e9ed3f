"""The reference gradients against PyTorch's autograd, truncation included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

Namespace = dict[str, Any]


def autograd_bptt(model: Any, x: np.ndarray, y: np.ndarray, k: int) -> list[np.ndarray]:
    """The gradient of the summed loss; each output's own unrolling is cut k hops back by detach."""
    U, V, W = (torch.tensor(p, requires_grad=True) for p in (model.U, model.V, model.W))
    states = [torch.zeros(len(W), dtype=torch.float64)]  # states[t] is the state before step t
    for digit in x:
        states.append(torch.tanh(U[:, digit] + W @ states[-1]).detach())
    loss = torch.zeros((), dtype=torch.float64)
    for t, target in enumerate(y):
        first = max(0, t - k)
        s = states[first]
        for step in range(first, t + 1):
            s = torch.tanh(U[:, x[step]] + W @ s)
        loss = loss - torch.log_softmax(V @ s, dim=0)[target]
    loss.backward()
    return [p.grad.numpy() for p in (U, V, W) if p.grad is not None]


def agree(got: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    return all(
        np.allclose(g, e, rtol=1e-10, atol=1e-12) for g, e in zip(got, expected, strict=True)
    )


@pytest.mark.parametrize("k", [0, 1, 2, 5, 1000])
@pytest.mark.parametrize(("hidden_dim", "T"), [(1, 1), (7, 1), (12, 9), (5, 14)])
def test_bptt_is_autograds_truncated_gradient(
    homework: Namespace, hidden_dim: int, T: int, k: int
) -> None:
    np.random.seed(hidden_dim + T)
    model = homework["RNN"](10, hidden_dim, bptt_truncate=k)
    x, y = np.random.randint(10, size=(2, T))
    assert agree(model.bptt(x, y), autograd_bptt(model, x, y, k))


@pytest.mark.parametrize("T", [1, 2, 14, 60])
def test_the_linear_time_version_is_autograds_whole_gradient(homework: Namespace, T: int) -> None:
    np.random.seed(T)
    model = homework["RNN"](10, 8, bptt_truncate=0)
    x, y = np.random.randint(10, size=(2, T))
    assert agree(model.bptt_linear_time(x, y), autograd_bptt(model, x, y, T))


def test_truncation_has_an_effect_exactly_while_it_cuts_something_off(homework: Namespace) -> None:
    RNN = homework["RNN"]

    @settings(max_examples=60, deadline=None)
    @given(T=st.integers(1, 10), k=st.integers(0, 12), seed=st.integers(0, 10_000))
    def check(T: int, k: int, seed: int) -> None:
        np.random.seed(seed)
        model = RNN(10, 6, bptt_truncate=k)
        x, y = np.random.randint(10, size=(2, T))
        cut = model.bptt(x, y)
        model.bptt_truncate = 1000
        whole = model.bptt(x, y)
        assert np.array_equal(cut[1], whole[1])
        assert np.allclose(cut[0], whole[0], rtol=1e-12, atol=0) == (k >= T - 1)

    check()


def test_the_exploding_gradient_of_one_output_grows_by_one_hop_per_k(homework: Namespace) -> None:
    """Only the last output is off target, so each further hop adds one outer product to dLdW."""
    model = homework["RNN"](10, 6)
    x = np.arange(6)
    o, s = model.forward_propagation(x)
    ranks = []
    for k in range(6):
        model.bptt_truncate = k
        model.forward_propagation = lambda _: [o, s]
        scores = o.copy()
        scores[:-1] = 0
        model.forward_propagation = lambda _, scores=scores: [with_only_the_last(scores), s]
        ranks.append(np.linalg.matrix_rank(model.bptt(x, x)[2], tol=1e-14))
    assert ranks == [1, 2, 3, 4, 5, 5]  # the sixth meets the zero state


def with_only_the_last(scores: np.ndarray) -> np.ndarray:
    """Outputs that hit their targets 0, 1, 2, … exactly at every step but the last."""
    sure = np.eye(10)[: len(scores)]
    sure[-1] = scores[-1]
    return sure
