"""When a wrong quantity is right after all, and what it is a sum of: the less certain explanations.

The reference answer is run with other truncations, which takes the gradient apart into what comes
from zero, one, two, … steps back in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from autograder.diagnosis.evidence import EXACT, Evidence, Finding, agree
from autograder.diagnosis.probes import Array, Observation, Probe

__all__ = ["Reference", "explain_where"]

# The reference's observation of a probe under another truncation.
Reference = Callable[[Probe, int], Observation]
Rule = Callable[[Evidence, str, Reference], Finding | None]

_SUM_OVER_K = "the sum over k in the equation of ∂E₃/∂W"


def explain_where(evidence: Evidence, reference: Reference) -> Iterator[Finding]:
    """For each wrong quantity the first rule that has something to say."""
    rules: tuple[Rule, ...] = (
        _another_truncation,
        _steps_back,
        _clipped,
        _columns,
        _slope,
        _condition,
    )
    for name in evidence.wrong:
        for rule in rules:
            finding = rule(evidence, name, reference)
            if finding is not None:
                yield finding
                break


def _another_truncation(evidence: Evidence, name: str, reference: Reference) -> Finding | None:
    if evidence.exercise != "bptt":
        return None
    for says, value in _truncations():
        if all(
            agree(got, reference(probe, value(probe)).values[name], EXACT)
            for probe, got, _ in evidence.pairs(name)
        ):
            return Finding(
                "another-truncation",
                "truncation",
                f"the truncation that is followed is {says}",
                "the rule of truncation in section 4: how many hops does it allow?",
                0.85,
                (name,),
            )
    return None


def _truncations() -> Iterator[tuple[str, Callable[[Probe], int]]]:
    for steps in range(8):
        yield f"always {steps}", lambda probe, steps=steps: steps  # type: ignore[misc]
    yield "T − bptt_truncate", lambda probe: max(0, probe.T - probe.k)
    yield "two steps too few", lambda probe: max(0, probe.k - 2)
    yield "two steps too many", lambda probe: probe.k + 2
    yield "half of bptt_truncate", lambda probe: probe.k // 2


def _steps_back(evidence: Evidence, name: str, reference: Reference) -> Finding | None:
    if not evidence.exercise.startswith("bptt") or name == "dLdV":
        return None
    weights = [
        weight
        for probe, got, _ in evidence.pairs(name)
        if probe.T >= 4 and not probe.truncates
        for weight in [_weights(got, probe, name, reference)]
    ]
    if not weights or weights[0] is None or any(weight is None for weight in weights):
        return None
    shown = weights[0]
    counts = ", ".join(f"{weight:.3g}" for weight in shown[:5])
    return Finding(
        "steps-back-miscounted",
        "chain rule" if shown[1] == 0 else "accumulation",
        f"errors from 0, 1, 2, … steps back count {counts}, … times instead of once",
        f"{_SUM_OVER_K}: every k counts once",
        0.75,
        (name,),
    )


def _weights(got: Array, probe: Probe, name: str, reference: Reference) -> Array | None:
    """How often each number of steps back counts, where that is all that is wrong."""
    sums = [reference(probe, k).values[name].ravel() for k in range(probe.T)]
    parts = np.diff(np.array(sums), axis=0, prepend=0 * sums[0][None])
    parts = parts[np.abs(parts).max(axis=1) > 0]
    if got.size != parts.shape[1]:
        return None
    weights = np.linalg.lstsq(parts.T, got.ravel(), rcond=None)[0]
    if not agree(weights @ parts, got.ravel(), EXACT):
        return None
    return np.where(np.abs(weights) < EXACT, 0.0, weights)


def _clipped(evidence: Evidence, name: str, reference: Reference) -> Finding | None:
    pairs = list(evidence.pairs(name))
    limit = max(float(np.abs(got).max(initial=0)) for _, got, _ in pairs)
    if limit and all(agree(got, np.clip(want, -limit, limit), EXACT) for _, got, want in pairs):
        return Finding(
            "clipped",
            "sign/scale",
            f"the entries are clipped to ±{limit:.3g}",
            "the equation of this gradient: no limit stands in it",
            0.85,
            (name,),
        )
    return None


def _columns(evidence: Evidence, name: str, reference: Reference) -> Finding | None:
    if name != "dLdU":
        return None
    averaged, seen_any = True, False
    for probe, got, want in evidence.pairs(name):
        digits, times = np.unique(probe.inputs[0], return_counts=True)
        wrong = {c for c in range(probe.C) if not agree(got[:, c], want[:, c], EXACT)}
        if not wrong <= set(digits[times > 1]):
            return None
        seen_any |= bool(wrong)
        averaged &= agree(got[:, digits] * times, want[:, digits], EXACT)
    if not seen_any:
        return None
    if averaged:
        says = "each column is divided by how often its digit occurs"
        hint = "the equation of ∂L/∂U: it is a sum over steps, not a mean"
        return Finding("averaged-per-digit", "sign/scale", says, hint, 0.85, (name,))
    return Finding(
        "repeated-digits-lost",
        "one-hot",
        "only the columns of digits that occur more than once are wrong",
        "the sum over k in ∂E₃/∂U: two steps with the same digit share a column and both count",
        0.7,
        (name,),
    )


def _slope(evidence: Evidence, name: str, reference: Reference) -> Finding | None:
    """With a single digit only the slope of tanh can be wrong entry by entry, if dLdV is right."""
    if name == "dLdV" or not evidence.exercise.startswith("bptt") or "dLdV" in evidence.wrong:
        return None
    for probe, got, want in evidence.pairs("dLdU"):
        if probe.T == 1 and got.shape == want.shape:
            column = want.any(axis=0)
            factors = (got / np.where(want == 0, 1, want))[:, column]
            alike = np.allclose(factors, factors[:1])
            if got[:, ~column].any() or not np.isfinite(factors).all() or alike:
                return None
            return Finding(
                "another-tanh-derivative",
                "tanh derivative",
                "delta is multiplied by something else than the derivative of tanh",
                "the derivative of tanh, and what it is to be evaluated at",
                0.6,
                (name,),
            )
    return None


def _condition(evidence: Evidence, name: str, reference: Reference) -> Finding | None:
    verdicts = evidence.telling_verdicts(name)
    if not any(right for _, right in verdicts):
        return None

    def right_exactly_where(condition: Callable[[Probe], bool]) -> bool:
        return all(condition(probe) == right for probe, right in verdicts)

    stories: tuple[tuple[str, str, str, str, Callable[[Probe], bool]], ...] = (
        ("wrong-under-truncation", "truncation", "where the truncation cuts nothing off",
         "the rule of truncation in section 4", lambda p: not p.truncates),
        ("wrong-without-truncation", "chain rule", "where the truncation cuts something off",
         _SUM_OVER_K, lambda p: p.truncates),
        ("wrong-beyond-one-step", "chain rule", "where nothing goes back in time",
         "the hop from δ⁽³⁾₃ to δ⁽³⁾₂ in section 4", lambda p: p.T == 1 or p.k == 0),
        ("wrong-beyond-one-digit", "chain rule", "for a single digit",
         "what changes when there is a state before", lambda p: p.T == 1),
        ("wrong-when-digits-repeat", "one-hot", "where no digit comes twice",
         "the product Uxₜ and the column that a digit chooses",
         lambda p: len(set(p.inputs[0])) == p.T),
        ("right-for-one-size-only", "not-backprop", "when there are more classes than hidden units",
         "the shapes: does a size stand in the code as a number?", lambda p: p.C > p.H),
        ("right-for-one-size-only", "not-backprop", "when there are more hidden units than classes",
         "the shapes: does a size stand in the code as a number?", lambda p: p.H > p.C),
    )  # fmt: skip
    for label, family, when, hint, condition in stories:
        if right_exactly_where(condition):
            return Finding(label, family, f"the values are right only {when}", hint, 0.6, (name,))
    return None
