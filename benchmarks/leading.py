"""How often the homework's gradient_check quotes the wrong line itself, over all known mistakes.

Each is put into the reference answer to `bptt`; the check runs whole and, if it passes, truncated.

    python benchmarks/leading.py
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import io
import linecache
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from autograder.diagnosis.misconceptions import apply_edits, load_misconceptions
from autograder.diagnosis.mutants import instructor_names

HOMEWORK = Path(__file__).parents[1] / "source" / "rnn-bptt"


def said_of(names: dict[str, Any], source: str) -> str | None:
    """What gradient_check says of an answer; None where it passes."""
    linecache.cache["answer"] = (len(source), None, source.splitlines(True), "answer")
    exec(compile(source, "answer", "exec"), names)
    names["RNN"].bptt = names["bptt"]
    for truncate in (1000, 2):
        np.random.seed(1)
        model = names["RNN"](10, 7, bptt_truncate=truncate)
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            result = model.gradient_check(np.array([2, 7, 2, 4, 0, 7]), np.arange(6))
        plt.close("all")
        if not result.passed:
            return "\n".join([result.reason, *result.where])
    return None


def main() -> None:
    plt.switch_backend("agg")
    known = load_misconceptions(HOMEWORK / "misconceptions.toml")
    names = instructor_names(HOMEWORK / "rnn_bptt.ipynb")
    reference = known.references["bptt"].function
    counts = dict.fromkeys(["quoted", "told without the line", "passed"], 0)
    for mistake in (entry for entry in known.entries if entry.exercise == "bptt"):
        for edits in mistake.variants:
            source = ast.unparse(ast.parse(apply_edits(reference, edits)))
            changed = difflib.ndiff(reference.split("\n"), source.split("\n"))
            wrong = [line[2:].strip() for line in changed if line.startswith("+ ")]
            said = said_of(names, source)
            if said is None:
                counts["passed"] += 1
            elif any(f"`{line}`" in said for line in wrong):
                counts["quoted"] += 1
            else:
                counts["told without the line"] += 1
                print(f"without the line: {mistake.label}")
    print(counts)


if __name__ == "__main__":
    main()
