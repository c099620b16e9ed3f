"""What to say in class: the most frequent misconceptions, each with a picture."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.recording.results import Comparison, DiagnosisRecord
from autograder.reporting.class_list import Entry

__all__ = ["Misconception", "misconceptions", "worth_a_word"]

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
        label, family, message: as in `DiagnosisRecord`.
        entries: the students.
        comparison: what such an answer returns beside the right values, or None.
        effects: what it costs, test by test.
    """

    label: str
    family: str
    message: str
    entries: tuple[Entry, ...]
    comparison: Comparison | None
    effects: tuple[Effect, ...]

    @property
    def title(self) -> str:
        """The label as words."""
        return self.label.replace("-", " ")

    @property
    def scale(self) -> float:
        """The largest absolute value in the comparison."""
        assert self.comparison is not None
        both = (self.comparison.right, self.comparison.returned)
        return max(abs(value) for matrix in both for row in matrix for value in row) or 1.0

    @property
    def worst(self) -> tuple[int, int]:
        """Row and column where the comparison differs most."""
        assert self.comparison is not None
        right, returned = self.comparison.right, self.comparison.returned
        places = [(row, column) for row in range(len(right)) for column in range(len(right[0]))]
        return max(places, key=lambda at: abs(right[at[0]][at[1]] - returned[at[0]][at[1]]))

    @property
    def widest(self) -> Effect | None:
        """The test on which those who show it are furthest behind the rest."""
        known = [effect for effect in self.effects if effect.rest is not None]
        return max(known, key=lambda each: (each.rest or 0) - each.shown, default=None)


def misconceptions(entries: Sequence[Entry]) -> list[Misconception]:
    """Labels by how many students they were found at, most first, then by the points they lost."""
    found: dict[str, dict[str, Entry]] = {}
    first: dict[str, DiagnosisRecord] = {}
    for entry in entries:
        for each in entry.diagnosis:
            first.setdefault(each.label, each)
            found.setdefault(each.label, {})[entry.student] = entry
    rows = [
        Misconception(
            label,
            first[label].family,
            first[label].message,
            tuple(students.values()),
            next((e.comparisons[label] for e in students.values() if label in e.comparisons), None),
            tuple(_effects(entries, students)),
        )
        for label, students in found.items()
    ]
    return sorted(rows, key=lambda row: (-len(row.entries), _mean_score(row.entries), row.label))


def worth_a_word(rows: Sequence[Misconception]) -> list[Misconception]:
    """The first three that say something of how students think."""
    return [row for row in rows if row.family not in _NO_IDEA][:_MOST]


def colour(level: float) -> str:
    """A colour for -1 … 1: blue below zero, brown above; told apart without red and green."""
    end = _HIGH if level > 0 else _LOW
    share = min(1.0, abs(level))
    mixed = [round(m + share * (e - m)) for m, e in zip(_MIDDLE, end, strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)


def _mean_score(entries: Sequence[Entry]) -> float:
    return statistics.fmean(entry.score for entry in entries)


def _effects(entries: Sequence[Entry], students: dict[str, Entry]) -> list[Effect]:
    rest = [entry for entry in entries if entry.student not in students]
    effects = []
    for name in dict.fromkeys(name for entry in students.values() for name in entry.tests):
        shown = _share(name, list(students.values()))
        if shown is not None:
            effects.append(Effect(name, shown, _share(name, rest)))
    return effects


def _share(test: str, entries: Sequence[Entry]) -> float | None:
    """Mean share of the test's points, of those who have any decided."""
    found = [entry.tests[test] for entry in entries if test in entry.tests]
    shares = [got / most for got, most in found if got is not None and most]
    return statistics.fmean(shares) if shares else None
