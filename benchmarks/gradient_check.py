"""How much faster the homework's gradient_check is than the textbook loop it replaces.

Both check every entry of the same model (100 hidden units, 14 steps) in one run, alternating,
on one thread; the loop is the one students know, two forward passes per entry.

    python benchmarks/gradient_check.py
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from autograder.diagnosis.mutants import instructor_names

HOMEWORK = Path(__file__).parents[1] / "source" / "rnn-bptt" / "rnn_bptt.ipynb"
ROUNDS = 3


def loop_check(model: Any, x: np.ndarray, y: np.ndarray, h: float = 0.001) -> float:
    """The textbook loop over U, V and W; returns the largest relative error."""
    worst = 0.0
    for name, gradient in zip("UVW", model.bptt(x, y), strict=True):
        parameter = getattr(model, name)
        entries = np.nditer(parameter, flags=["multi_index"], op_flags=[["readwrite"]])
        while not entries.finished:
            index = entries.multi_index
            original = parameter[index]
            parameter[index] = original + h
            loss_plus = model.calculate_total_loss([x], [y])
            parameter[index] = original - h
            loss_minus = model.calculate_total_loss([x], [y])
            parameter[index] = original
            estimated = (loss_plus - loss_minus) / (2 * h)
            scale = np.abs(gradient[index]) + np.abs(estimated)
            if scale > 0:
                worst = max(worst, np.abs(gradient[index] - estimated) / scale)
            entries.iternext()
    return worst


def main() -> None:
    names = instructor_names(HOMEWORK)
    x, y = names["X_train"][0], names["y_train"][0]
    np.random.seed(10)
    model = names["RNN"](10, 100, bptt_truncate=1000)
    seconds: dict[str, list[float]] = {"loop": [], "gradient_check": []}
    for _ in range(ROUNDS):
        start = perf_counter()
        loop_worst = loop_check(model, x, y)
        seconds["loop"].append(perf_counter() - start)
        start = perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            result = model.gradient_check(x, y)
        seconds["gradient_check"].append(perf_counter() - start)
    loop, check = (min(seconds[name]) for name in ("loop", "gradient_check"))
    print(f"textbook loop   {loop:7.3f} s, largest relative error {loop_worst:.1e}")
    print(f"gradient_check  {check:7.3f} s, {result}")
    print(f"ratio           {loop / check:7.1f} (best of {ROUNDS} rounds each, alternating)")


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
