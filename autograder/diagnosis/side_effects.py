"""What a function left behind: changed models and inputs, sums kept from call to call."""

from __future__ import annotations

from collections.abc import Iterator

from autograder.diagnosis.evidence import RIGHT, Evidence, Finding, agree
from autograder.diagnosis.probes import PARAMETERS

__all__ = ["explain_side_effects"]

# The misconceptions's label for a function that changes this attribute or argument.
_CHANGED = {
    **dict.fromkeys(PARAMETERS, "parameters-updated-in-bptt"),
    **dict.fromkeys("xy", "inputs-changed"),
    "bptt_truncate": "truncation-changed",
}


def explain_side_effects(evidence: Evidence) -> Iterator[Finding]:
    """At most one finding: about what was changed, else about what a second call gave."""
    if evidence.changed:
        label = _CHANGED.get(evidence.changed[0], "changes-its-input")
        yield Finding(
            label if evidence.exercise == "bptt" else "changes-its-input",
            "side effect",
            f"the function changes {' and '.join(evidence.changed)}, which it should only read",
            "the docstring: what does it say about x, y and the model?",
            0.95,
        )
    elif _adds_up(evidence):
        yield Finding(
            "gradients-kept-between-calls" if evidence.exercise == "bptt" else "sums-kept",
            "side effect",
            "what earlier calls computed is still in the sum of the next one",
            "where the sums begin: each call is about one sequence, and starts from zero",
            0.9,
        )
    elif not evidence.repeats:
        yield Finding(
            "depends-on-earlier-calls",
            "side effect",
            "a second call with the same input gives other values than the first",
            "variables that live on between calls, and random numbers",
            0.9,
        )


def _adds_up(evidence: Evidence) -> bool:
    """Whether a second call gave the first one's values and the right ones on top."""
    return any(
        agree(mine.again[name], value + theirs.values[name], RIGHT)
        for mine, theirs in zip(evidence.student, evidence.reference, strict=True)
        if mine.again and not mine.repeats
        for name, value in mine.values.items()
        if mine.again[name].shape == value.shape == theirs.values[name].shape
    )
