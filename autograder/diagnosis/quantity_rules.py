"""What one wrong quantity looks like over all probes: rules that explain it or leave it.

`CERTAIN` are about shape, sign and scale. `LIKELY` take the gradient apart, by running the
reference answer with other truncations, or say under which condition a quantity is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from autograder.diagnosis.evidence import EXACT, Evidence, agree
from autograder.diagnosis.findings import Finding, finding
from autograder.diagnosis.probes import Array, Probe

# Yields what explains a wrong quantity, the best explanation first; nothing where it is another's.
Rule = Callable[[Evidence, str], Iterator[Finding]]


def _zero(evidence: Evidence, name: str) -> Iterator[Finding]:
    if not any(got.any() for _, got, _ in evidence.pairs(name)):
        yield finding("still-zero", name)


def _swapped(evidence: Evidence, name: str) -> Iterator[Finding]:
    for other in evidence.quantities:
        if other != name and all(
            agree(mine.values[name], theirs.values[other], EXACT)
            for _, mine, theirs in evidence.trials
        ):
            yield finding("wrong-order", name, other=other)


def _transposed(evidence: Evidence, name: str) -> Iterator[Finding]:
    pairs = evidence.pairs(name)
    if pairs[0][1].ndim == 2 and all(agree(got.T, want, EXACT) for _, got, want in pairs):
        yield finding("transposed", name, quantity=name)


def _wrong_shape(evidence: Evidence, name: str) -> Iterator[Finding]:
    for _, got, want in evidence.pairs(name):
        if got.shape != want.shape:
            family = "transpose" if got.shape == want.shape[::-1] else ""
            yield finding("wrong-shape", name, family=family, got=got.shape, want=want.shape)


def _non_finite(evidence: Evidence, name: str) -> Iterator[Finding]:
    if not all(np.isfinite(got).all() for _, got, _ in evidence.pairs(name)):
        yield finding("not-finite", name)


# How a factor that is not the same for all probes may come about.
_FACTORS: tuple[tuple[str, str, Callable[[Probe], float]], ...] = (
    ("mean-instead-of-sum", "divided by the number of time steps", lambda p: 1 / p.T),
    ("factor-of-the-length", "multiplied by the number of time steps", lambda p: p.T),
    ("divided-by-the-classes", "divided by the number of classes", lambda p: 1 / p.C),
    ("divided-by-the-outputs", "divided by the number of outputs T·C", lambda p: 1 / p.T / p.C),
    ("divided-by-the-hidden-size", "divided by the hidden size", lambda p: 1 / p.H),
    ("divided-by-the-steps", "divided by T − 1", lambda p: 1 / max(p.T - 1, 1)),
    ("divided-by-T-plus-one", "divided by T + 1", lambda p: 1 / (p.T + 1)),
)


def _factor(evidence: Evidence, name: str) -> Iterator[Finding]:
    factors, lengths = [], []
    for probe, got, want in evidence.pairs(name):
        if want.any():
            factor = _ratio(got, want)
            factors.append((probe, factor))
            lengths.append(factor * np.linalg.norm(want))
    if not all(lengths):
        return
    for sign, words in ((1, ""), (-1, ", with the opposite sign")):
        # the probes differ in size, so that these do not look alike
        for label, what, value in _FACTORS:
            if all(np.isclose(factor, sign * value(probe)) for probe, factor in factors):
                yield _scaled(label, f"the right values are {what}{words}", name)
    if np.allclose(lengths, 1, rtol=EXACT, atol=EXACT):
        yield _scaled("normalised", "the right direction is scaled to length 1", name)
    first = factors[0][1]
    if all(np.isclose(factor, first) for _, factor in factors):
        if np.isclose(first, -1):
            yield _scaled("opposite-sign", "the sign is the opposite", name)
        yield _scaled(
            "constant-factor", f"every entry is {first:.4g} times what it should be", name
        )


def _ratio(got: Array, want: Array) -> float:
    """The factor that makes the right value the student's; zero where none does."""
    factor = float((got * want).sum() / (want * want).sum()) if got.shape == want.shape else 0.0
    return factor if agree(got, factor * want, EXACT) else 0.0


def _weight_decay(evidence: Evidence, name: str) -> Iterator[Finding]:
    shares = []
    for probe, got, want in evidence.pairs(name):
        parameter = getattr(probe.model, name.removeprefix("dLd"), None)
        if parameter is None or got.shape != np.shape(parameter):
            return
        share = float(((got - want) * parameter).sum() / (parameter**2).sum())
        if not share or not agree(got, want + share * parameter, EXACT):
            return
        shares.append(share)
    if np.allclose(shares, shares[0]):
        what = f"{shares[0]:.3g} times the parameter itself is added, as from a penalty on it"
        yield _scaled("weight-decay", what, name)


def _scaled(label: str, what: str, name: str) -> Finding:
    return finding("scaled", name, label=label, what=what)


_TRUNCATIONS: tuple[tuple[str, Callable[[Probe], int]], ...] = (
    *((f"always {steps}", lambda _, steps=steps: steps) for steps in range(8)),
    ("T − bptt_truncate", lambda probe: max(0, probe.T - probe.k)),
    ("two steps too few", lambda probe: max(0, probe.k - 2)),
    ("two steps too many", lambda probe: probe.k + 2),
    ("half of bptt_truncate", lambda probe: probe.k // 2),
)


def _another_truncation(evidence: Evidence, name: str) -> Iterator[Finding]:
    for what, truncation in _TRUNCATIONS if evidence.exercise == "bptt" else ():
        if all(
            agree(got, evidence.runner.truncated(probe, truncation(probe)).values[name], EXACT)
            for probe, got, _ in evidence.pairs(name)
        ):
            yield finding("another-truncation", name, what=what)


def _steps_back(evidence: Evidence, name: str) -> Iterator[Finding]:
    if not evidence.exercise.startswith("bptt") or name == "dLdV":
        return
    weights = [
        _weights(evidence, name, probe, got)
        for probe, got, _ in evidence.pairs(name)
        if probe.T >= 4 and not probe.truncates
    ]
    if weights and all(map(len, weights)):
        counts = ", ".join(f"{weight:.3g}" for weight in weights[0][:5])
        family = "chain rule" if weights[0][1] == 0 else ""
        yield finding("steps-back-miscounted", name, family=family, counts=counts)


def _weights(evidence: Evidence, name: str, probe: Probe, got: Array) -> Array:
    """How often each number of steps back counts; empty where that is not all that is wrong."""
    sums = [evidence.runner.truncated(probe, k).values[name].ravel() for k in range(probe.T)]
    parts = np.diff(sums, axis=0, prepend=0)
    parts = parts[parts.any(axis=1)]
    weights = np.linalg.lstsq(parts.T, got.ravel(), rcond=None)[0]
    if not agree(weights @ parts, got.ravel(), EXACT):
        return np.array([])
    return np.where(np.abs(weights) < EXACT, 0.0, weights)


def _clipped(evidence: Evidence, name: str) -> Iterator[Finding]:
    pairs = evidence.pairs(name)
    limit = max(float(np.abs(got).max(initial=0)) for _, got, _ in pairs)
    if limit and all(agree(got, np.clip(want, -limit, limit), EXACT) for _, got, want in pairs):
        yield finding("clipped", name, limit=limit, what="clipped to ±")


def _clipped_norm(evidence: Evidence, name: str) -> Iterator[Finding]:
    """Whether everything is scaled down where the norm over all quantities exceeds a limit."""
    cut: list[float] = []
    kept: list[float] = []
    for _, mine, theirs in evidence.trials:
        want = theirs.values[name]
        if want.any():
            if not (factor := _ratio(mine.values[name], want)):
                return
            norm = np.sqrt(sum(float((value**2).sum()) for value in theirs.values.values()))
            (kept if np.isclose(factor, 1) else cut).append(factor * norm)
    if cut and np.allclose(cut, cut[0]) and max(kept, default=0) <= cut[0]:
        yield finding("clipped", name, limit=cut[0], what="scaled down to the norm ")


def _columns(evidence: Evidence, name: str) -> Iterator[Finding]:
    """The columns of dLdU, one per digit."""
    if name != "dLdU":
        return
    averaged = True
    for probe, got, want in evidence.pairs(name):
        digits, times = np.unique(probe.inputs[0], return_counts=True)
        others = np.setdiff1d(range(probe.C), digits[times > 1])
        if not agree(got[:, others], want[:, others], EXACT):
            return
        averaged &= agree(got[:, digits] * times, want[:, digits], EXACT)
    yield finding("averaged-per-digit" if averaged else "repeated-digits-lost", name)


def _slope(evidence: Evidence, name: str) -> Iterator[Finding]:
    """With a single digit only the slope of tanh can be wrong entry by entry, if dLdV is right."""
    if name == "dLdV" or not evidence.exercise.startswith("bptt") or "dLdV" in evidence.wrong:
        return
    for probe, got, want in evidence.pairs("dLdU"):
        if probe.T == 1 and got.shape == want.shape:
            column = want.any(axis=0)
            factors = (got / np.where(want == 0, 1, want))[:, column]
            alike = np.allclose(factors, factors[:1])
            if not got[:, ~column].any() and np.isfinite(factors).all() and not alike:
                yield finding("another-tanh-derivative", name)


# Conditions on a probe, by the finding that a quantity is right under exactly that condition.
_RIGHT_ONLY_IF: tuple[tuple[str, Callable[[Probe], bool]], ...] = (
    ("wrong-under-truncation", lambda p: not p.truncates),
    ("wrong-without-truncation", lambda p: p.truncates),
    ("wrong-beyond-one-step", lambda p: p.T == 1 or p.k == 0),
    ("wrong-beyond-one-digit", lambda p: p.T == 1),
    ("wrong-when-digits-repeat", lambda p: not p.repeats_digits),
    ("right-with-more-classes", lambda p: p.C > p.H),
    ("right-with-more-hidden-units", lambda p: p.H > p.C),
)


def _condition(evidence: Evidence, name: str) -> Iterator[Finding]:
    verdicts = evidence.verdicts(name)
    for label, holds in _RIGHT_ONLY_IF if any(right for _, right in verdicts) else ():
        if all(holds(probe) == right for probe, right in verdicts):
            yield finding(label, name)


def _not_differentiable(evidence: Evidence, name: str) -> Iterator[Finding]:
    derivatives = [got for _, got, _ in evidence.pairs(name)]
    if name.startswith("derivatives") and all(np.isnan(got).all() for got in derivatives):
        yield finding("not-differentiable", name)


# Of the lab's exercises only this can be said: their probes have no sizes, their values no scale.
LAB: tuple[Rule, ...] = (_not_differentiable,)
CERTAIN: tuple[Rule, ...] = (
    _zero,
    _swapped,
    _transposed,
    _wrong_shape,
    _non_finite,
    _factor,
    _weight_decay,
)
LIKELY: tuple[Rule, ...] = (
    _another_truncation,
    _clipped,
    _clipped_norm,
    _steps_back,
    _columns,
    _slope,
    _condition,
)
