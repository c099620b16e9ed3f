"""What the probes showed about one student's function, beside the reference answer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autograder.diagnosis.lab_probes import LAB_QUANTITIES
from autograder.diagnosis.probes import QUANTITIES, Array, Observation, Probe

__all__ = ["CLOSE", "EXACT", "RIGHT", "SINGLE", "Evidence", "Trial", "agree"]

# Relative to the largest entry: what counts as right (as strict as the notebook's tests); as what a
# mutant computes (another order of summation passes, finite differences do not); as that in single
# precision; as right but for its precision.
RIGHT = 1e-9
EXACT = 1e-11
SINGLE = 1e-5
CLOSE = 1e-2


class Trial(NamedTuple):
    """A probe, and what the student's function and the reference answer did on it."""

    probe: Probe
    student: Observation
    reference: Observation

    def is_right(self, name: str) -> bool:
        """Whether a quantity came back and was right."""
        got = self.student.values.get(name)
        return got is not None and agree(got, self.reference.values[name], RIGHT)


@dataclass(frozen=True)
class Evidence:
    """All trials of one student's function.

    Attributes:
        exercise: its name.
        trials: at least one.
        truncated: what the reference does on a probe under another truncation.
    """

    exercise: str
    trials: tuple[Trial, ...]
    truncated: Callable[[Probe, int], Observation]

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of what the function computes."""
        return {**QUANTITIES, **LAB_QUANTITIES}[self.exercise]

    @functools.cached_property
    def wrong(self) -> tuple[str, ...]:
        """Quantities that were wrong, or did not come back, on at least one probe."""
        return tuple(
            name
            for name in self.quantities
            if not all(trial.is_right(name) for trial in self.trials)
        )

    @property
    def right(self) -> tuple[str, ...]:
        """Quantities that were right on every probe."""
        return tuple(name for name in self.quantities if name not in self.wrong)

    @property
    def changed(self) -> tuple[str, ...]:
        """What the function changed and should not have, over all probes."""
        return tuple(dict.fromkeys(name for trial in self.trials for name in trial.student.changed))

    @property
    def repeats(self) -> bool:
        """Whether a second call always gave what the first one gave."""
        return all(trial.student.repeats for trial in self.trials)

    @property
    def is_right(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.wrong and not self.changed and self.repeats

    @property
    def is_extended(self) -> bool:
        """Whether something came back in more than double precision."""
        return any(
            value.dtype.kind == "f" and value.dtype.itemsize > 8
            for trial in self.trials
            for value in trial.student.values.values()
        )

    @property
    def is_untouched(self) -> bool:
        """Whether the function is still the release's stub."""
        return all(trial.student.problem == "NotImplementedError" for trial in self.trials)

    @functools.cached_property
    def telling_first(self) -> list[int]:
        """Numbers of the trials: those where most went wrong first, and of these the cheap ones."""

        def key(number: int) -> tuple[int, bool, int]:
            trial = self.trials[number]
            right = sum(trial.is_right(name) for name in self.quantities)
            return right, trial.probe.twice, trial.probe.T

        return sorted(range(len(self.trials)), key=key)

    def verdicts(self, name: str) -> list[tuple[Probe, bool]]:
        """Whether a quantity was right, on each probe where the right value is not zero anyway."""
        return [
            (trial.probe, trial.is_right(name))
            for trial in self.trials
            if trial.reference.values[name].any()
        ]

    def pairs(self, name: str) -> list[tuple[Probe, Array, Array]]:
        """Probe, the student's and the reference's value; only where no trial had a problem."""
        return [
            (probe, mine.values[name], theirs.values[name]) for probe, mine, theirs in self.trials
        ]


def agree(got: Array, want: Array, tolerance: float) -> bool:
    """Whether shapes are equal and entries differ by less than the tolerance of the largest."""
    if got.shape != want.shape:
        return False
    if np.isfinite(want).all():
        # a quantity that should be zero, such as dLdW of one digit, must be zero but for rounding
        scale = max(float(np.abs(want).max(initial=0)), 1e-3)
        return bool((np.abs(got - want) <= tolerance * scale).all())
    return bool(np.allclose(got, want, rtol=tolerance, equal_nan=True))
