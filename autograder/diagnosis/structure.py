"""What wrong values look like where no mutant fits: their shape, sign, scale, zeros.

Each rule looks at one quantity over all probes and either explains it or leaves it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from autograder.diagnosis.evidence import EXACT, Evidence, Finding, agree
from autograder.diagnosis.probes import Observation, Probe

__all__ = ["explain_problem", "explain_shape_and_scale"]

Rule = Callable[[Evidence, str], Finding | None]


def explain_problem(evidence: Evidence) -> Finding | None:
    """The finding for a function that returned nothing readable on some probe, if it is so."""
    troubled = [
        (probe, seen)
        for probe, seen in zip(evidence.probes, evidence.student, strict=True)
        if seen.problem
    ]
    if not troubled:
        return None
    probe, seen = troubled[0]
    everywhere = len(troubled) == len(evidence.probes)
    where = "" if everywhere else f" for {_describe(probe)}"
    if seen.problem == "NotImplementedError":
        return Finding(
            "not-attempted",
            "not-backprop",
            "the function still raises NotImplementedError",
            "the docstring of the function, which says what to return",
            0.99 if everywhere else 0.8,
        )
    if seen.problem in ("AttributeError", "NameError") and evidence.exercise in seen.detail:
        return Finding(
            "not-defined",
            "not-backprop",
            "the function does not exist, because its cell did not run to its end",
            "the error below the cell that should define it",
            0.95,
        )
    if seen.died:
        return Finding(
            "does-not-finish",
            "not-backprop",
            f"the call was stopped{where}: {seen.detail}",
            "the loops of the function: does each of them come to an end, and soon?",
            0.9,
        )
    if seen.problem == "shape of the answer":
        return Finding(
            "wrong-answer-shape",
            "not-backprop",
            f"what came back{where} cannot be read: {seen.detail}",
            "the last line of the docstring, which says what to return",
            0.9,
        )
    return Finding(
        "raises-an-error",
        _family_of_error(seen),
        f"the function stops with {seen.problem}{where}"
        + (f": {seen.detail[:200]}" if seen.detail else ""),
        "the sizes of the arrays on the line that the error names"
        if seen.problem == "ValueError"
        else "the line that the error names",
        0.9 if everywhere else 0.8,
    )


def _family_of_error(seen: Observation) -> str:
    if seen.problem == "IndexError":
        return "time index"
    if seen.problem == "ValueError" and any(
        word in seen.detail for word in ("broadcast", "shapes", "aligned", "matmul", "dimension")
    ):
        return "transpose"
    return "not-backprop"


def explain_shape_and_scale(evidence: Evidence) -> Iterator[Finding]:
    """One finding for each wrong quantity that a simple rule explains on every probe."""
    rules: tuple[Rule, ...] = (
        _zero,
        _swapped,
        _transposed,
        _wrong_shape,
        _non_finite,
        _factor,
        _unit_length,
        _weight_decay,
    )
    for name in evidence.wrong:
        for rule in rules:
            finding = rule(evidence, name)
            if finding is not None:
                yield finding
                break


def _zero(evidence: Evidence, name: str) -> Finding | None:
    if all(not got.any() for _, got, _ in evidence.pairs(name)):
        return Finding(
            "still-zero",
            "not-backprop",
            "nothing but zeros comes back",
            "the equation of this gradient: nothing has been added to it yet",
            0.9,
            (name,),
        )
    return None


def _swapped(evidence: Evidence, name: str) -> Finding | None:
    for other in evidence.quantities:
        if other != name and _always(
            agree(mine.values[name], theirs.values[other], EXACT)
            for mine, theirs in zip(evidence.student, evidence.reference, strict=True)
            if name in mine.values
        ):
            return Finding(
                "wrong-order",
                "not-backprop",
                f"{other} is returned in its place",
                "the last line of the docstring: the order of what is returned",
                0.95,
                (name,),
            )
    return None


def _transposed(evidence: Evidence, name: str) -> Finding | None:
    pairs = list(evidence.pairs(name))
    if pairs[0][1].ndim == 2 and _always(agree(got.T, want, EXACT) for _, got, want in pairs):
        return Finding(
            f"{name}-transposed",
            "transpose",
            "what comes back is the transpose of what it should be",
            "the table of shapes: which index is the output's and which the input's?",
            0.9,
            (name,),
        )
    return None


def _wrong_shape(evidence: Evidence, name: str) -> Finding | None:
    wrong = [
        (got.shape, want.shape) for _, got, want in evidence.pairs(name) if got.shape != want.shape
    ]
    if not wrong:
        return None
    got, want = wrong[0]
    return Finding(
        "wrong-shape",
        "transpose" if got == want[::-1] else "not-backprop",
        f"the shape is {got} instead of {want}",
        "the table of shapes: each gradient has the shape of its parameter",
        0.85,
        (name,),
    )


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


def _factor(evidence: Evidence, name: str) -> Finding | None:
    factors = []
    for probe, got, want in evidence.pairs(name):
        if not np.abs(want).max(initial=0):
            continue
        factor = float((got * want).sum() / (want * want).sum()) if got.shape == want.shape else 0.0
        if not factor or not agree(got, factor * want, EXACT):
            return None
        factors.append((probe, factor))
    for sign in (1.0, -1.0):
        # the probes differ in size, so that these do not look alike
        for label, says, value in _FACTORS:
            if all(np.isclose(f, sign * value(p)) for p, f in factors):
                minus = ", with the opposite sign" if sign < 0 else ""
                return _scale(label, f"the right values are {says}{minus}", name)
    first = factors[0][1]
    if not all(np.isclose(f, first) for _, f in factors):
        return None
    if np.isclose(first, -1):
        return _scale("opposite-sign", "the sign is the opposite", name)
    return _scale("constant-factor", f"every entry is {first:.4g} times what it should be", name)


def _unit_length(evidence: Evidence, name: str) -> Finding | None:
    if _always(
        agree(got, want / np.linalg.norm(want), EXACT)
        for _, got, want in evidence.pairs(name)
        if want.any()
    ):
        return _scale("normalised", "the right direction is scaled to length 1", name)
    return None


def _weight_decay(evidence: Evidence, name: str) -> Finding | None:
    shares = []
    for probe, got, want in evidence.pairs(name):
        parameter = getattr(probe.model, name.removeprefix("dLd"), None)
        if parameter is None or got.shape != np.shape(parameter):
            return None
        share = float(((got - want) * parameter).sum() / (parameter**2).sum())
        if not share or not agree(got, want + share * parameter, EXACT):
            return None
        shares.append(share)
    if not shares or not np.allclose(shares, shares[0]):
        return None
    says = f"{shares[0]:.3g} times the parameter itself is added, as from a penalty on it"
    return _scale("weight-decay", says, name)


def _scale(label: str, says: str, name: str) -> Finding:
    hint = "the equations of the gradient and of the loss: which factor or term is not in them?"
    return Finding(label, "sign/scale", says, hint, 0.9, (name,))


def _non_finite(evidence: Evidence, name: str) -> Finding | None:
    if all(np.isfinite(got).all() for _, got, _ in evidence.pairs(name)):
        return None
    return Finding(
        "not-finite",
        "precision",
        "some entries are NaN or infinite",
        "divisions, logarithms and exponentials: which of them can meet a zero or a large number?",
        0.8,
        (name,),
    )


def _always(verdicts: Iterator[bool]) -> bool:
    """All of them, and at least one."""
    collected = list(verdicts)
    return bool(collected) and all(collected)


def _describe(probe: Probe) -> str:
    length = "a single digit" if probe.T == 1 else f"{probe.T} digits"
    return f"{length}, {probe.C} classes, {probe.H} hidden units and truncation {probe.k}"
