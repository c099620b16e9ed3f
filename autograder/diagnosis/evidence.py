"""What the probes showed about one student's function, beside the reference answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from autograder.diagnosis.lab_probes import ALL_QUANTITIES
from autograder.diagnosis.mutants import Function, MutantRunner
from autograder.diagnosis.probes import Array, Observation, Probe

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


class Evidence:
    """A student's function, called on every probe of `runner`.

    Attributes:
        quantities: names of what the function computes.
        trials: at least one.
        wrong, right: the quantities that were wrong, or did not come back, on at least one probe;
            and the others.
        changed: what the function changed and should not have, over all probes.
        repeats: whether a second call always gave what the first one gave.
        is_right: whether nothing at all is wrong.
        is_untouched: whether the function is still the release's stub.
        is_extended: whether something came back in more than double precision.
        telling_first: numbers of the trials: those where most went wrong first, and of these the
            cheap ones.
    """

    def __init__(self, student: Function, runner: MutantRunner) -> None:
        self.student = student
        self.runner = runner
        self.exercise = runner.exercise
        self.quantities = ALL_QUANTITIES[runner.exercise]
        self.trials = tuple(_trials(student, runner))
        failed = {n for trial in self.trials for n in self.quantities if not trial.is_right(n)}
        self.wrong = tuple(name for name in self.quantities if name in failed)
        self.right = tuple(name for name in self.quantities if name not in failed)
        seen = [trial.student for trial in self.trials]
        self.changed = tuple(dict.fromkeys(name for each in seen for name in each.changed))
        self.repeats = all(each.repeats for each in seen)
        self.is_right = not self.wrong and not self.changed and self.repeats
        self.is_untouched = all(each.problem == "NotImplementedError" for each in seen)
        values = [value for each in seen for value in each.values.values()]
        self.is_extended = any(v.dtype.kind == "f" and v.dtype.itemsize > 8 for v in values)
        self.telling_first = sorted(range(len(self.trials)), key=self._rank)

    def _rank(self, number: int) -> tuple[int, bool, int]:
        trial = self.trials[number]
        return sum(map(trial.is_right, self.quantities)), trial.probe.twice, trial.probe.T

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


def _trials(student: Function, runner: MutantRunner) -> Iterator[Trial]:
    for number, probe in enumerate(runner.probes):
        seen = runner.watch(student, number)
        yield Trial(probe, seen, runner.observe(None, number))
        if seen.died or seen.problem == "NotImplementedError":
            return  # the others would say the same


def agree(got: Array, want: Array, tolerance: float) -> bool:
    """Whether shapes are equal and entries differ by less than the tolerance of the largest."""
    if got.shape != want.shape:
        return False
    if np.isfinite(want).all():
        # a quantity that should be zero, such as dLdW of one digit, must be zero but for rounding
        scale = max(float(np.abs(want).max(initial=0)), 1e-3)
        return bool((np.abs(got - want) <= tolerance * scale).all())
    return bool(np.allclose(got, want, rtol=tolerance, equal_nan=True))
