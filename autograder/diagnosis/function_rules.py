"""What a whole function does wrong: it gives no values, changes its inputs, or rounds."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from autograder.diagnosis.evidence import CLOSE, RIGHT, SINGLE, Evidence, agree
from autograder.diagnosis.findings import Finding, finding
from autograder.diagnosis.probes import PARAMETERS, Array

_ABOUT_SHAPES = re.compile("broadcast|shapes|aligned|matmul|dimension")


def explain_problem(evidence: Evidence) -> Finding | None:
    """The finding for a function that returned nothing readable on some probe, if it is so."""
    troubled = [(probe, seen) for probe, seen, _ in evidence.trials if seen.problem]
    if not troubled:
        return None
    probe, seen = troubled[0]
    everywhere = len(troubled) == len(evidence.trials)
    where = ""
    if not everywhere and probe.model is not None:  # the lab's probes have no sizes
        length = "a single digit" if probe.T == 1 else f"{probe.T} digits"
        where = f" for {length}, {probe.C} classes, {probe.H} hidden units and truncation {probe.k}"
    if seen.problem == "NotImplementedError":
        return finding("not-attempted", confidence=0.99 if everywhere else 0.8)
    if seen.problem in ("AttributeError", "NameError") and evidence.exercise in seen.detail:
        return finding("not-defined")
    if seen.died:
        return finding("does-not-finish", where=where, detail=seen.detail)
    if seen.problem == "shape of the answer":
        return finding("wrong-answer-shape", where=where, detail=seen.detail)
    family = "not-backprop"
    if seen.problem == "IndexError":
        family = "time index"
    elif seen.problem == "ValueError" and _ABOUT_SHAPES.search(seen.detail):
        family = "transpose"
    return finding(
        "raises-an-error",
        family=family,
        confidence=0.9 if everywhere else 0.8,
        problem=seen.problem,
        where=where,
        detail=f": {seen.detail[:200]}" if seen.detail else "",
        line=f", in your line `{seen.line}`" if seen.line else "",
        what="the sizes of the arrays on " if seen.problem == "ValueError" else "",
    )


# The labels that changes have among the misconceptions, by exercise and what was changed.
_LABELS = {
    "bptt": {
        **dict.fromkeys(PARAMETERS, "parameters-updated-in-bptt"),
        **dict.fromkeys("xy", "inputs-changed"),
        "bptt_truncate": "truncation-changed",
    },
    "sgd_momentum_step": dict.fromkeys(
        ("the given parameters", "the given velocity", "the given gradients"), "works-in-place"
    ),
    "inner_loop": {"the learner's own parameters": "learner-trained"},
    "shuffled": dict.fromkeys(("the given images", "the given labels"), "curriculum-changed"),
}


def explain_side_effects(evidence: Evidence) -> Finding | None:
    """What was changed, else what a second call gave."""
    if evidence.changed:
        labels = _LABELS.get(evidence.exercise, {})
        label = labels.get(evidence.changed[0], "changes-its-input")
        return finding("changes", label=label, changed=" and ".join(evidence.changed))
    if _adds_up(evidence):
        is_bptt = evidence.exercise == "bptt"
        label = "gradients-kept-between-calls" if is_bptt else "sums-kept"
        return finding("keeps-sums", label=label)
    return None if evidence.repeats else finding("depends-on-earlier-calls")


def _adds_up(evidence: Evidence) -> bool:
    """Whether a second call gave the first one's values and the right ones on top."""
    return any(
        agree(mine.again[name], value + theirs.values[name], RIGHT)
        for _, mine, theirs in evidence.trials
        if mine.again and not mine.repeats
        for name, value in mine.values.items()
        if mine.again[name].shape == value.shape == theirs.values[name].shape
    )


def explain_precision(evidence: Evidence) -> Finding | None:
    """The finding for values that are right, or right without truncation, but for small errors.

    Only for a function without a problem and with something wrong.
    """
    wrong = [(got, want) for name in evidence.wrong for _, got, want in evidence.pairs(name)]
    if all(agree(got, want, CLOSE) for got, want in wrong):
        return _rounding(evidence.wrong, wrong)
    untruncated = [
        (seen.values[name], want)
        for probe, seen, _ in evidence.trials
        for name, want in evidence.runner.truncated(probe, probe.T).values.items()
    ]
    close = all(agree(got, want, CLOSE) for got, want in untruncated)
    if close and not all(agree(got, want, 1e-12) for got, want in untruncated):
        return finding("finite-differences")
    return None


def _rounding(wrong: Sequence[str], pairs: Sequence[tuple[Array, Array]]) -> Finding:
    single = all(agree(got, want, SINGLE) for got, want in pairs)
    for kind, label in ((np.float16, "half-precision"), (np.float32, "single-precision")):
        stored = all(np.array_equal(got.astype(kind).astype(float), got) for got, _ in pairs)
        if stored and (single or label == "half-precision"):
            return finding(label, *wrong)
    for decimals in range(1, 9):
        if all(agree(np.round(got, decimals), got, 1e-13) for got, _ in pairs):
            return finding("rounded", *wrong, decimals=decimals)
    worst = max(
        np.abs(got - want).max(initial=0) / max(np.abs(want).max(initial=0), 1e-3)
        for got, want in pairs
    )
    return finding("partly-single-precision" if worst < 2e-6 else "nearly-right", *wrong)
