"""Values that are right but for small errors: number types, rounding, finite differences."""

from __future__ import annotations

import numpy as np

from autograder.diagnosis.conditions import Reference
from autograder.diagnosis.evidence import CLOSE, Evidence, Finding, agree
from autograder.diagnosis.probes import Array

__all__ = ["explain_precision"]


def explain_precision(evidence: Evidence, reference: Reference) -> Finding | None:
    """The finding for values that are right, or right without truncation, but for small errors.

    Args:
        evidence: what was seen.
        reference: the reference's observation of a probe with another truncation.
    """
    pairs = [pair for name in evidence.wrong for pair in evidence.pairs(name)]
    if not pairs or any(seen.problem for seen in evidence.student):
        return None
    if all(agree(got, want, CLOSE) for _, got, want in pairs):
        return _kind_of_rounding(evidence, [got for _, got, _ in pairs])
    whole = [reference(probe, probe.T) for probe in evidence.probes]
    noisy = all(
        agree(mine.values[name], full.values[name], CLOSE)
        for mine, full in zip(evidence.student, whole, strict=True)
        for name in evidence.quantities
    ) and any(
        not agree(mine.values[name], full.values[name], 1e-12)
        for mine, full in zip(evidence.student, whole, strict=True)
        for name in evidence.quantities
    )
    return _FINITE_DIFFERENCES if noisy else None


_FINITE_DIFFERENCES = Finding(
    "finite-differences",
    "not-backprop",
    "the gradients are measured by nudging each parameter: nearly right, slow, "
    "and blind to the truncation",
    "the chain rule: the gradients follow from ŷ − y without another forward pass",
    0.85,
)


def _kind_of_rounding(evidence: Evidence, arrays: list[Array]) -> Finding:
    hint = "the types of the arrays that hold the sums; nothing is wrong with the equations"
    for kind, label, digits in (
        (np.float16, "half-precision", "three"),
        (np.float32, "single-precision", "seven"),
    ):
        if all(np.array_equal(got.astype(kind).astype(float), got) for got in arrays):
            says = f"the numbers carry about {digits} digits, as in {np.dtype(kind).name}"
            return Finding(label, "precision", says, hint, 0.9, evidence.wrong)
    for decimals in range(1, 9):
        if all(agree(np.round(got, decimals), got, 1e-13) for got in arrays):
            says = f"the numbers are rounded to {decimals} decimals"
            return Finding("rounded", "precision", says, hint, 0.9, evidence.wrong)
    worst = max(
        float(np.abs(got - want).max(initial=0) / max(np.abs(want).max(initial=0), 1e-3))
        for name in evidence.wrong
        for _, got, want in evidence.pairs(name)
    )
    if worst < 2e-6:
        says = "the values are right to six or seven digits, as if something on the way was float32"
        return Finding("single-precision", "precision", says, hint, 0.6, evidence.wrong)
    says = "the values are nearly right, with small errors as from finite differences or rounding"
    return Finding("nearly-right", "precision", says, hint, 0.5, evidence.wrong)
