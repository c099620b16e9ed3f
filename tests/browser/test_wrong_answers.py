"""Wrong answers to `bptt` of eight kinds, worked as a student would, from the notebook alone.

Each is one slip in a right answer. What `gradient_check` says must lead to the line.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
ARTEFACTS = Path(__file__).parent / "artefacts"
CHECK = "bptt-gradient-check"
PASSED = [f"Gradient check for parameter {name} passed." for name in "UVW"]
RIGHT = """\
def bptt(self, x, y):
    T = len(y)
    o, s = self.forward_propagation(x)
    dLdU = np.zeros(self.U.shape)
    dLdV = np.zeros(self.V.shape)
    dLdW = np.zeros(self.W.shape)
    delta_o = o.copy()
    delta_o[np.arange(T), y] -= 1
    for t in range(T):
        dLdV += np.outer(delta_o[t], s[t])
        delta = self.V.T @ delta_o[t] * (1 - s[t] ** 2)
        for k in range(t, max(-1, t - self.bptt_truncate - 1), -1):
            dLdW += np.outer(delta, s[k - 1])
            dLdU[:, x[k]] += delta
            delta = self.W.T @ delta * (1 - s[k - 1] ** 2)
    return [dLdU, dLdV, dLdW]


RNN.bptt = bptt"""
# kind -> (right line, wrong line, what must be said besides the quoted line)
SLIPS = {
    "no-tanh-derivative": (
        "delta = self.V.T @ delta_o[t] * (1 - s[t] ** 2)",
        "delta = self.V.T @ delta_o[t]",
        "FAILED",
    ),
    "not-transposed": (
        "delta = self.W.T @ delta * (1 - s[k - 1] ** 2)",
        "delta = self.W @ delta * (1 - s[k - 1] ** 2)",
        "FAILED",
    ),
    "overwritten-column": ("dLdU[:, x[k]] += delta", "dLdU[:, x[k]] = delta", "FAILED"),
    "wrong-sign": (
        "dLdV += np.outer(delta_o[t], s[t])",
        "dLdV -= np.outer(delta_o[t], s[t])",
        "sign",
    ),
    "state-of-the-wrong-step": (
        "dLdW += np.outer(delta, s[k - 1])",
        "dLdW += np.outer(delta, s[k])",
        "FAILED",
    ),
    "one-hop-too-few": (
        "for k in range(t, max(-1, t - self.bptt_truncate - 1), -1):",
        "for k in range(t, max(0, t - self.bptt_truncate - 1), -1):",
        "FAILED",
    ),
    "sizes-that-differ": (
        "delta = self.V.T @ delta_o[t] * (1 - s[t] ** 2)",
        "delta = self.V @ delta_o[t] * (1 - s[t] ** 2)",
        "ValueError",
    ),
    "not-a-number": (
        "delta_o[np.arange(T), y] -= 1",
        "delta_o[np.arange(T), y] -= np.log(o - 1)[0, 0]",
        "nan",
    ),
}


def test_what_the_check_says_leads_to_the_line(
    jupyter: Any, open_notebook: Callable[..., Any], page: Page
) -> None:
    folder = jupyter.copy(ROOT / "release" / "rnn-bptt")
    homework = open_notebook(jupyter, folder / "rnn_bptt.ipynb", "lab")
    ids: list[str] = homework.do(
        """return cells.filter(cell => cell.model.type === 'code')
            .map(cell => cell.model.sharedModel.getId());"""
    )
    homework.run(*ids[: ids.index("bptt")])
    missed = {}
    ARTEFACTS.mkdir(exist_ok=True)
    for kind, (right, wrong, also) in SLIPS.items():
        assert RIGHT.count(right) == 1
        homework.write("bptt", RIGHT.replace(right, wrong))
        homework.run("bptt", CHECK)
        said = homework.text(CHECK)
        homework.cell(CHECK).scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        page.screenshot(path=ARTEFACTS / f"wrong-{kind}.png")
        if f"`{wrong}`" not in said or also not in said:
            missed[kind] = said
    assert not missed, missed
    homework.write("bptt", RIGHT)
    homework.run("bptt", CHECK)
    assert all(passed in homework.text(CHECK) for passed in PASSED)
