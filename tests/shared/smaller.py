"""What makes the notebooks' demonstrations short enough for a test: pieces of source, replaced."""

from __future__ import annotations

from collections.abc import Mapping

LAB = {
    "seconds=150": "seconds=0.5",
    "inner_steps = [4, 8, 16, 32, 64]": "inner_steps = [2, 4]",
    "(64, 0)": "(4, 0)",
    "(64, 8)": "(4, 2)",
    "UNSEEN[::2]": "UNSEEN[::6]",
    "learners=2": "learners=1",
}
HOMEWORK = {
    # The notebook measures after every 1000 examples.
    "random_sums(rng, 3000, n_digits)": "random_sums(rng, 200, n_digits)",
    "stages = [(0.03, 5), (0.01, 2), (0.003, 1)]": "stages = [(0.03, 5)]",
    "random_sums(rng, 500, n_digits)": "random_sums(rng, 20, n_digits)",
    "[(7, 500), (20, 500), (50, 500), (500, 50)]": "[(7, 5), (20, 5)]",
}


def smaller(source: str, replacements: Mapping[str, str]) -> str:
    """A cell's source with every replacement that fits."""
    for before, after in replacements.items():
        source = source.replace(before, after)
    return source
