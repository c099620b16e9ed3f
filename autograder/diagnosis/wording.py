"""The words of a diagnosis: a message for each finding and one friendly paragraph."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from autograder.diagnosis.evidence import Evidence
from autograder.diagnosis.findings import Finding
from autograder.diagnosis.probes import MOVES_THE_MODEL, Probe

# A finding that is no surer than this is told as a guess.
GUESS = 0.65
# What right answers may be told, no points off.
_ADVICE = ("single-precision", "extended-precision")


# Under which a quantity that is wrong may be right; all but the last are about bptt.
_CONDITIONS: tuple[tuple[str, Callable[[Probe], bool]], ...] = (
    ("where the errors are not large", lambda probe: not probe.loud),
    ("without truncation", lambda probe: not probe.truncates),
    ("where nothing goes back in time", lambda probe: probe.T == 1 or probe.k == 0),
    ("for a single digit", lambda probe: probe.T == 1),
)
# Quantities with a plural's name.
_PLURAL = ("losses", "parameters", "derivatives", "steps", "images")


def is_advice(findings: Sequence[Finding]) -> bool:
    """Whether all that can be said of an answer is a piece of advice: it is right."""
    return bool(findings) and all(finding.label in _ADVICE for finding in findings)


def message_of(finding: Finding) -> str:
    """One finding as two sentences: what it looks like and where to look."""
    if is_advice([finding]):
        return f"Right: no points are lost, but {finding.says}. Look at {finding.hint}."
    if finding.quantities and not _names_all(finding):
        says = f"In {_listed(finding.quantities)}: {finding.says}"
    else:
        first = finding.says.split()[0]  # a name keeps its letters: dLdW
        says = (first.capitalize() if first.islower() else first) + finding.says[len(first) :]
    return f"{says}. {_ended(f'Look at {finding.hint}')}"


def right_in_words(evidence: Evidence) -> list[str]:
    """What is right, each as a phrase that can stand in a list."""
    partly = _partly_right(evidence)
    return [*evidence.right, *(f"{_listed(names)} {when}" for when, names in partly.items())]


def _partly_right(evidence: Evidence) -> dict[str, list[str]]:
    """Conditions, and the wrong quantities that are right under them."""
    if evidence.exercise in MOVES_THE_MODEL:
        return {}
    conditions = _CONDITIONS if evidence.exercise == "bptt" else _CONDITIONS[-1:]
    partly: dict[str, list[str]] = {}
    for name in evidence.wrong:
        for words, holds in conditions:
            held = [right for probe, right in evidence.verdicts(name) if holds(probe)]
            if held and all(held):
                partly.setdefault(words, []).append(name)
                break
    return partly


def open_challenge(exercise: str) -> str:
    """The paragraph for a challenge that a student left as it was: no mistake, an invitation."""
    return (
        f"You left the challenge {exercise} open, which is fine. If you feel like it, try it now: "
        "its docstring says what it should do, and no deadline hurries you."
    )


def paragraph_of(evidence: Evidence, findings: Sequence[Finding]) -> str:
    """Three to five sentences: what is right, what it looks like, where to look."""
    name = evidence.exercise
    if not findings or is_advice(findings):
        told = [
            f"One piece of advice, which costs no points: {finding.says}. Look at {finding.hint}."
            for finding in findings
        ]
        well_done = (
            f"Well done: your {name} is right. {_listed(evidence.quantities)} agreed with the "
            f"reference answer on {len(evidence.trials)} fresh inputs of different sizes, and the "
            "function left its inputs as they were."
        )
        return " ".join([well_done, *told])
    if evidence.is_untouched:
        return (
            f"Your {name} is still as it was released, so there is nothing to say about it yet. "
            "Begin with the docstring, which says what to return, and with the shortest of its "
            "equations. A part of it that works is worth points already."
        )
    opening = f"Your {name} is not there yet, but the way it fails tells something."
    right = [_with_verb(evidence.right)] if evidence.right else []
    right += [f"{_with_verb(names)} {when}" for when, names in _partly_right(evidence).items()]
    if right:
        first, *others = right
        more = "".join(f", and {phrase}" for phrase in others)
        opening = f"In your {name}, {first} on the fresh inputs I tried{more}."
    hints = dict.fromkeys(finding.hint for finding in findings[:2])
    look = _ended(f"Have a look at {'; and at '.join(hints)}")
    return " ".join([opening, *_guesses(findings[:2]), look, _closing(evidence, findings)])


def _guesses(findings: Sequence[Finding]) -> Iterator[str]:
    for number, finding in enumerate(findings):
        quantities = finding.quantities
        also = "also " if number else ""
        if finding.label == "unknown":
            yield f"I am not sure what is behind {_listed(quantities)}: {finding.says}."
            continue
        if finding.confidence >= 0.9:
            opening = f"It {also}looks as if"
        elif finding.confidence > GUESS:
            opening = f"It is {also}likely that"
        else:
            opening = f"I am not sure, but it may {also}be that"
        seen_in = "" if _names_all(finding) else f" (seen in {_listed(quantities)})"
        yield f"{opening} {finding.says}{seen_in}."


def _names_all(finding: Finding) -> bool:
    """Whether its words name every quantity that it is about."""
    return all(re.search(rf"\b{name}\b", finding.says) for name in finding.quantities)


def _closing(evidence: Evidence, findings: Sequence[Finding]) -> str:
    families = {finding.family for finding in findings}
    if "side effect" in families:
        return "Call it twice with the same input and compare, and compare the input too."
    if "truncation" in families:
        return "Follow three digits by hand with bptt_truncate = 1, beside your code."
    gives_values = evidence.wrong and evidence.trials[0].student.values
    if gives_values and evidence.exercise.startswith("bptt"):
        return "The gradient_check on a short sequence will tell you when it is fixed."
    return "Try it on the shortest input that you can work out by hand."


def _with_verb(names: Sequence[str]) -> str:
    one = len(names) == 1 and names[0].split()[0] not in _PLURAL
    return f"{_listed(names)} {'is' if one else 'are'} right"


def _ended(words: str) -> str:
    """The sentence with a full stop, unless it is a question."""
    return words if words.endswith("?") else f"{words}."


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
