"""What others reached, to be drawn beside our own runs: read off their charts, in per cent."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PUBLISHED", "PUBLISHED_STEPS", "Published"]

PUBLISHED_STEPS = 5000


@dataclass(frozen=True)
class Published:
    """Test accuracies by batch statistics after 5000 outer steps with a 103 M-parameter teacher.

    Attributes:
        experiment: its letter in the replication.
        ordered: by variant, per cent.
        shuffled: median over shuffled steps, by variant; where it was said.
    """

    experiment: str
    ordered: dict[str, float]
    shuffled: dict[str, float]


# GoodAI/GTN, README: A's numbers stand in its charts; of B and C it says how far below A's
# learned they are (B 1 %, C 2 %, C's random 6 %).
_A = Published(
    "A",
    {"learned": 97.3, "random_fixed": 97.3, "random": 92.8},
    {"learned": 76.0, "random_fixed": 70.0, "random": 92.8},
)
PUBLISHED: dict[str, Published] = {
    "A": _A,
    "B": Published("B", {"learned": 96.3, "random_fixed": 96.3}, {}),
    "C": Published("C", {"learned": 95.3, "random_fixed": 95.3, "random": 91.3}, {}),
}
"""By experiment, as our presets name them."""
PUBLISHED |= {
    name: found
    for letter, found in PUBLISHED.items()
    for name in (f"{letter}_pixels", f"seed_{letter}", f"seed_{letter}_lean")
}
