"""What to say in class: the most frequent misconceptions, each with a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from autograder.recording.results import Comparison, DiagnosisRecord
from autograder.reporting.class_list import Entry, decided

_MOST = 3
# Labels that say nothing of how somebody thinks: not attempted, does not run, single precision.
_NO_IDEA = ("not-backprop", "precision", "unknown")
_LOW, _MIDDLE, _HIGH = (33, 102, 172), (247, 247, 247), (179, 88, 6)


@dataclass(frozen=True)
class Effect:
    """Mean share of a test's points, 0 … 1: of those who show a misconception, and of the rest."""

    test: str
    shown: float
    rest: float | None


@dataclass(frozen=True)
class Misconception:
    """One label and the students whose answers look like it.

    Attributes:
        found: the label, its family and message.
        comparison: what such an answer returns beside the right values, or None.
        effects: what it costs, test by test.
    """

    found: DiagnosisRecord
    entries: Sequence[Entry]
    comparison: Comparison | None
    effects: Sequence[Effect]

    @property
    def scale(self) -> float:
        """The largest absolute value in the comparison."""
        assert self.comparison is not None
        return float(np.abs([self.comparison.right, self.comparison.returned]).max()) or 1.0

    @property
    def worst(self) -> tuple[int, int]:
        """Row and column where the comparison differs most."""
        assert self.comparison is not None
        off = np.abs(np.subtract(self.comparison.right, self.comparison.returned))
        row, column = divmod(int(off.argmax()), off.shape[1])
        return row, column

    @property
    def widest(self) -> Effect | None:
        """The test on which those who show it are furthest behind the rest."""
        known = [effect for effect in self.effects if effect.rest is not None]
        return max(known, key=lambda each: (each.rest or 0) - each.shown, default=None)


def misconceptions(entries: Sequence[Entry]) -> list[Misconception]:
    """Labels by how many students they were found at, most first, then by the points they lost."""
    first: dict[str, DiagnosisRecord] = {}
    for entry in entries:
        for found in entry.diagnosis:
            first.setdefault(found.label, found)
    rows = [_misconception(found, entries) for found in first.values()]
    return sorted(
        rows,
        key=lambda row: (-len(row.entries), fmean(e.score for e in row.entries), row.found.label),
    )


def _misconception(found: DiagnosisRecord, entries: Sequence[Entry]) -> Misconception:
    label = found.label
    shown = [entry for entry in entries if label in entry.labels]
    rest = [entry for entry in entries if label not in entry.labels]
    comparisons = (e.comparisons[label] for e in shown if label in e.comparisons)
    return Misconception(found, shown, next(comparisons, None), [*_effects(shown, rest)])


def _effects(shown: Sequence[Entry], rest: Sequence[Entry]) -> Iterator[Effect]:
    for name, (_, most) in shown[0].tests.items():
        theirs, others = decided(name, shown), decided(name, rest)
        if theirs and most:
            yield Effect(name, fmean(theirs) / most, fmean(others) / most if others else None)


def worth_a_word(rows: Sequence[Misconception]) -> list[Misconception]:
    """The first three that say something of how students think."""
    return [row for row in rows if row.found.family not in _NO_IDEA][:_MOST]


def colour(level: float) -> str:
    """A colour for -1 … 1: blue below zero, brown above; told apart without red and green."""
    end = _HIGH if level > 0 else _LOW
    share = min(1.0, abs(level))
    mixed = [round(m + share * (e - m)) for m, e in zip(_MIDDLE, end, strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)
