"""What the probes showed about one student's function, beside the reference answer."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from autograder.diagnosis.probes import QUANTITIES, Array, Observation, Probe

__all__ = ["CLOSE", "EXACT", "RIGHT", "SINGLE", "UNKNOWN", "Evidence", "Finding", "agree", "merged"]

# Relative to the largest entry: what counts as right (as strict as the notebook's tests); as what a
# mutant computes (another order of summation passes, finite differences do not); as that in single
# precision; as right but for its precision.
RIGHT = 1e-9
EXACT = 1e-11
SINGLE = 1e-5
CLOSE = 1e-2

# Label of a finding that admits that there is none.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """One explanation of wrong values, for some of the quantities.

    Attributes:
        label, family: its names, as in the misconceptions.
        says: what was probably done, as half a sentence.
        hint: where to look.
        confidence: between 0 and 1.
        quantities: what it explains; empty when it is about the whole function.
    """

    label: str
    family: str
    says: str
    hint: str
    confidence: float
    quantities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Observations of the student's function and of the reference, probe by probe."""

    exercise: str
    probes: tuple[Probe, ...]
    student: tuple[Observation, ...]
    reference: tuple[Observation, ...]

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of what the function computes."""
        return QUANTITIES[self.exercise]

    @functools.cached_property
    def wrong(self) -> tuple[str, ...]:
        """Quantities that came back and were wrong on at least one probe."""
        return tuple(name for name in self.quantities if not all(self.verdicts(name)))

    @property
    def right(self) -> tuple[str, ...]:
        """Quantities that were right on every probe."""
        return tuple(name for name in self.quantities if name not in self.wrong)

    @property
    def changed(self) -> tuple[str, ...]:
        """What the function changed and should not have, over all probes."""
        return tuple(dict.fromkeys(name for seen in self.student for name in seen.changed))

    @property
    def repeats(self) -> bool:
        """Whether a second call always gave what the first one gave."""
        return all(seen.repeats for seen in self.student)

    @property
    def is_right(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.wrong and not self.changed and self.repeats

    @property
    def is_untouched(self) -> bool:
        """Whether the function is still the release's stub."""
        return all(seen.problem == "NotImplementedError" for seen in self.student)

    def verdicts(self, name: str) -> list[bool]:
        """Probe by probe, whether the quantity was right."""
        return [
            name in mine.values and agree(mine.values[name], theirs.values[name], RIGHT)
            for mine, theirs in zip(self.student, self.reference, strict=True)
        ]

    def telling_verdicts(self, name: str) -> list[tuple[Probe, bool]]:
        """Probe and verdict, without the probes on which the right value is zero anyway."""
        return [
            (probe, right)
            for probe, right, theirs in zip(
                self.probes, self.verdicts(name), self.reference, strict=True
            )
            if theirs.values[name].any()
        ]

    def pairs(self, name: str) -> Iterator[tuple[Probe, Array, Array]]:
        """Probe, the student's and the reference's value, wherever a value came back."""
        for probe, mine, theirs in zip(self.probes, self.student, self.reference, strict=True):
            if name in mine.values:
                yield probe, mine.values[name], theirs.values[name]


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, those that say the same of several quantities made one; surest first."""
    found: dict[tuple[str, str], Finding] = {}
    for finding in findings:
        key = finding.label, finding.says
        if key in found:
            quantities = tuple(dict.fromkeys(found[key].quantities + finding.quantities))
            finding = replace(finding, quantities=quantities)
        found[key] = finding
    return sorted(found.values(), key=lambda finding: -finding.confidence)


def agree(got: Array, want: Array, tolerance: float) -> bool:
    """Whether shapes are equal and entries differ by less than the tolerance of the largest."""
    if got.shape != want.shape:
        return False
    if np.isfinite(want).all():
        # a quantity that should be zero, such as dLdW of one digit, must be zero but for rounding
        scale = max(float(np.abs(want).max(initial=0)), 1e-3)
        return bool((np.abs(got - want) <= tolerance * scale).all())
    return bool(np.allclose(got, want, rtol=tolerance, equal_nan=True))
