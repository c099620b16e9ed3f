"""Where gradient_check says that a gradient goes wrong: by hops, by its shape, by your own line."""

from __future__ import annotations

import contextlib
import io
import linecache
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

Namespace = dict[str, Any]


@pytest.fixture
def attempt(
    homework: Namespace, cells: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Put the reference with edits in the place of bptt, as a cell of a notebook, and check it."""
    monkeypatch.setattr(plt, "show", lambda: None)

    def checked(*edits: tuple[str, str], bptt_truncate: int = 1000, T: int = 6) -> Any:
        source = cells["bptt"].source
        for before, after in edits:
            assert before in source
            source = source.replace(before, after)
        linecache.cache["answer"] = (len(source), None, source.splitlines(True), "answer")
        exec(compile(source, "answer", "exec"), homework)
        np.random.seed(1)
        model = homework["RNN"](10, 7, bptt_truncate=bptt_truncate)
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            result = model.gradient_check(np.array([2, 7, 2, 4, 0, 7])[:T], np.arange(T))
        plt.close("all")
        return result

    return checked


SLOPE, RESULT = " * (1 - s[bptt_step - 1] ** 2)", "return [dLdU, dLdV, dLdW]"
# The verdicts for 0 to 5 hops of U, V, W; W meets the zero state one hop earlier.
HOPS = {
    "the slope of tanh": ((SLOPE, ""), "rwwwww", "r", "rwwww"),
    "W for its transpose": (("self.W.T.dot", "self.W.dot"), "rwwwww", "r", "rwwww"),
    "the first delta": ((" * (1 - s[t] ** 2)", ""), "wwwwww", "r", "wwwww"),
    "the state of dLdV": (
        ("outer(delta_o[t], s[t])", "outer(delta_o[t], s[t - 1])"),
        "rrrrrr",
        "w",
        "rrrrr",
    ),
    "the state of dLdW": (
        ("(delta_t, s[bptt_step - 1])", "(delta_t, s[bptt_step])"),
        "rrrrrr",
        "r",
        "wwwwww",
    ),
    "the column of dLdU": (("x[bptt_step]] +=", "x[t]] +="), "rwwwww", "r", "rrrrr"),
}


@pytest.mark.parametrize("what", HOPS)
def test_the_table_by_hops_points_at_the_hop(attempt: Callable[..., Any], what: str) -> None:
    edit, *expected = HOPS[what]
    by_hops = attempt(edit).by_hops
    marks = {
        name: "".join(v[0] for v in verdicts).rstrip("n") for name, verdicts in by_hops.items()
    }
    assert [marks[name] for name in "UVW"] == expected


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ((SLOPE, ""), "right before 1 hop and wrong from there on"),
        ((SLOPE, ""), "`delta_t = self.W.T.dot(delta_t)`"),
        ((" * (1 - s[t] ** 2)", ""), "wrong at 0 hops"),
        ((" * (1 - s[t] ** 2)", ""), "`delta_t = self.V.T.dot(delta_o[t])`"),
        (("(delta_t, s[bptt_step - 1])", "(delta_t, s[bptt_step])"), "dLdW is wrong at 0 hops"),
        (("(delta_t, s[bptt_step - 1])", "(s[bptt_step - 1], delta_t)"), "dLdW: it is transposed"),
        (
            ("y] -= 1.0", "y] -= 1.0\n    delta_o = -delta_o"),
            "dLdU, dLdV, dLdW: the sign is flipped",
        ),
        ((RESULT, "return [dLdU, dLdV / T, dLdW]"), "everywhere it is 1/T (T = 6) times"),
        ((RESULT, "return [dLdU, dLdV, 2 * dLdW]"), "dLdW: everywhere it is 2 times"),
        ((RESULT, "return [0 * dLdU, dLdV, dLdW]"), "dLdU: it is zero everywhere"),
        (("np.arange(T)[::-1]", "np.arange(T - 1)[::-1]"), "contribution of the last output"),
        (("np.arange(T)[::-1]", "np.arange(1, T)[::-1]"), "contribution of the first output"),
        (("max(0, t - self", "max(1, t - self"), "dLdU: all is right except"),
        (("x[bptt_step]] +=", "x[bptt_step]] ="), "each column holds one contribution"),
        (("x[bptt_step]] +=", "x[t]] +="), "in the columns of other digits"),
        (("dLdV += ", "dLdV = "), "contribution of output t = 0 alone"),
    ],
)
def test_the_shape_of_an_error_is_said_in_a_sentence(
    attempt: Callable[..., Any], edit: tuple[str, str], told: str
) -> None:
    assert told in "\n".join(attempt(edit).where)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (("max(0, t - self.bptt_truncate)", "0"), "it is not used"),
        (
            ("max(0, t - self.bptt_truncate)", "min(t, self.bptt_truncate)"),
            "wrong at 0 hops",
        ),
        (
            ("max(0, t - self.bptt_truncate)", "max(0, len(y) - 1 - self.bptt_truncate)"),
            "`for bptt_step in np.arange(max(0, len(y) - 1 - self.bptt_truncate), t + 1)[::-1]:`",
        ),
        (("t - self.bptt_truncate)", "t - self.bptt_truncate - 1)"), "one hop too far: with k = 0"),
        (
            ("t - self.bptt_truncate)", "t - self.bptt_truncate + 1)"),
            "one hop too short: with k = 1",
        ),
        ((SLOPE, ""), "right before 1 hop"),
    ],
)
def test_a_wrong_truncation_is_measured(
    attempt: Callable[..., Any], edit: tuple[str, str], told: str
) -> None:
    result = attempt(edit, bptt_truncate=2)
    assert not result.passed
    assert told in "\n".join(result.where)


def test_a_right_truncated_gradient_passes_and_another_truncation_does_not(
    homework: Namespace, attempt: Callable[..., Any]
) -> None:
    for k in (0, 1, 3, 5, 9):
        result = attempt(bptt_truncate=k)
        assert result.passed
        assert result.where == ()


def test_the_smallest_failing_input_is_small_and_fails(attempt: Callable[..., Any]) -> None:
    one_step = attempt((" * (1 - s[t] ** 2)", "")).where[-1]
    assert "The smallest input that fails: T = 1, 1 hidden, 2 digits" in one_step
    two_steps = attempt((SLOPE, "")).where[-1]
    assert "T = 2, 1 hidden, 2 digits" in two_steps
    rows = attempt(("self.W.T.dot", "self.W.dot")).where[-1]
    assert "T = 2, 2 hidden, 2 digits" in rows  # with one unit, W is its own transpose
    assert "yours" in rows
    assert "measured" in rows


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (
            ("dLdV += np.outer(delta_o[t], s[t])", "dLdV += np.outer(s[t], delta_o[t])"),
            "of bptt: `dLdV += np.outer(s[t], delta_o[t])`",
        ),
        ((RESULT, "return [dLdU.T, dLdV, dLdW]"), "`dLdU[:, x[bptt_step]] += delta_t`"),
        ((RESULT, "return [dLdU, dLdV, None]"), "dLdW should be an array"),
        (
            (RESULT, "return [dLdU, dLdW, dLdV]"),
            "dLdV has shape (7, 7), but V has shape (10, 7): is it dLdW?",
        ),
        ((RESULT, ""), "None (is its last line a return?)"),
        ((" * (1 - s[t] ** 2)", " / s[-1]"), "`delta_t = self.V.T.dot(delta_o[t]) / s[-1]`"),
        (
            ("dLdV += np.outer(delta_o[t], s[t])", "raise NotImplementedError"),
            "`raise NotImplementedError`",
        ),
    ],
)
def test_what_is_no_gradient_is_told_with_the_students_own_line(
    attempt: Callable[..., Any], edit: tuple[str, str], told: str
) -> None:
    result = attempt(edit)
    assert not result.passed
    assert told in "\n".join([result.reason, *result.where])


@pytest.mark.parametrize(
    "edit",
    [
        ("self.W.T.dot(delta_t)", "self.W.dot(delta_t)"),
        ("self.V.T.dot(delta_o[t]) * (1 - s[t] ** 2)", "self.V.T.dot(delta_o[t]) * (1 - s[t])"),
        ("dLdV += np.outer(delta_o[t], s[t])", "dLdV += np.outer(o[t], s[t])"),
        ("dLdW += np.outer(delta_t, s[bptt_step - 1])", "dLdW += np.outer(delta_t, s[t - 1])"),
        ("dLdU[:, x[bptt_step]] += delta_t", "dLdU[:, y[bptt_step]] += delta_t"),
        ("delta_o[np.arange(T), y] -= 1.0", "delta_o[np.arange(T), x] -= 1.0"),
        ("o, s = self.forward_propagation(x)", "o, s = self.forward_propagation(y)"),
        ("for t in np.arange(T)[::-1]:", "for t in np.arange(T - 1)[::-1]:"),
        ("max(0, t - self.bptt_truncate), t + 1)", "max(1, t - self.bptt_truncate), t + 1)"),
    ],
)
def test_the_wrong_line_itself_is_quoted(
    attempt: Callable[..., Any], cells: dict[str, Any], edit: tuple[str, str]
) -> None:
    line = next(line for line in cells["bptt"].source.splitlines() if edit[0] in line)
    result = attempt(edit)
    assert f"`{line.replace(*edit).strip()}`" in "\n".join([result.reason, *result.where])


@pytest.mark.parametrize(
    ("addition", "told"),
    [
        ("self.bptt_truncate = 1", "changed the model's bptt_truncate (now put back)"),
        ("y[:] = 0", "changed y"),
        ("np.random.seed(0)", "touched NumPy's global random numbers (now put back)"),
        ("np.seterr(over='raise')", "changed what NumPy does about errors (now put back)"),
        (
            "out = self.__dict__.setdefault('out', np.zeros(dLdV.shape))\n"
            "    out[:] = dLdV\n    dLdV = out",
            "overwrites what an earlier one returned",
        ),
        ("dLdV += self.__dict__.setdefault('calls', 0)\n    self.calls += 1", "called again"),
    ],
)
def test_a_trace_that_bptt_leaves_is_told(
    attempt: Callable[..., Any], addition: str, told: str
) -> None:
    with np.errstate():
        errors = np.geterr()
        result = attempt((RESULT, f"{addition}\n    {RESULT}"))
        assert np.geterr() == errors
    assert not result.passed
    assert told in result.reason
