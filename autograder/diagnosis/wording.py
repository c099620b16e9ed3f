"""The words of a diagnosis: a message for each finding and one friendly paragraph."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from autograder.diagnosis.evidence import UNKNOWN, Evidence, Finding
from autograder.diagnosis.probes import MOVES_THE_MODEL, Probe

__all__ = ["message_of", "open_challenge", "paragraph_of", "right_in_words"]

# From which confidence on a finding is stated, and from which on it is called likely.
_SURE, _LIKELY = 0.9, 0.7


def message_of(finding: Finding) -> str:
    """One finding as two sentences: what it looks like and where to look."""
    about = f"In {_listed(finding.quantities)}: " if finding.quantities else ""
    says = finding.says if about else finding.says[0].upper() + finding.says[1:]
    return f"{about}{says}. {_ended(f'Look at {finding.hint}')}"


def right_in_words(evidence: Evidence) -> list[str]:
    """What is right, each as a phrase that can stand in a list."""
    partly = _partly_right(evidence)
    return [*evidence.right, *(f"{_listed(names)} {when}" for when, names in partly.items())]


def _partly_right(evidence: Evidence) -> dict[str, list[str]]:
    """Circumstances, and the wrong quantities that are right under them."""
    partly: dict[str, list[str]] = {}
    for name in evidence.wrong:
        if circumstances := _right_when(evidence, name):
            partly.setdefault(circumstances, []).append(name)
    return partly


def _right_when(evidence: Evidence, name: str) -> str:
    """Under which circumstances a wrong quantity is right, if there are any."""
    verdicts = evidence.telling_verdicts(name)
    circumstances: tuple[tuple[str, Callable[[Probe], bool]], ...] = (
        ("without truncation", lambda probe: not probe.truncates),
        ("where nothing goes back in time", lambda probe: probe.T == 1 or probe.k == 0),
        ("for a single digit", lambda probe: probe.T == 1),
    )
    if evidence.exercise in MOVES_THE_MODEL:
        return ""
    if evidence.exercise != "bptt":
        circumstances = circumstances[-1:]
    for words, holds in circumstances:
        held = [right for probe, right in verdicts if holds(probe)]
        if held and all(held):
            return words
    return ""


def open_challenge(exercise: str) -> str:
    """The paragraph for a challenge that a student left as it was: no mistake, an invitation."""
    return (
        f"You left the challenge {exercise} open, which is fine. If you feel like it, try it now: "
        "its docstring says what it should do, and no deadline hurries you."
    )


def paragraph_of(evidence: Evidence, findings: Sequence[Finding]) -> str:
    """Three to five sentences: what is right, what it looks like, where to look."""
    name = evidence.exercise
    count = len(evidence.probes)
    if not findings:
        names = _listed(evidence.quantities)
        return (
            f"Well done: your {name} is right. {names} agreed with the reference answer on "
            f"{count} fresh inputs of different sizes, and the function left its inputs as they "
            "were."
        )
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
    return " ".join([opening, *_guesses(findings), _closing(evidence, findings)])


def _guesses(findings: Sequence[Finding]) -> list[str]:
    sentences = []
    for number, finding in enumerate(findings[:2]):
        if finding.label == UNKNOWN:
            values = _listed(finding.quantities)
            sentences.append(f"I am not sure what is behind {values}: {finding.says}.")
            continue
        also = "also " if number else ""
        if finding.confidence >= _SURE:
            opening = f"It {also}looks as if"
        elif finding.confidence >= _LIKELY:
            opening = f"It is {also}likely that"
        else:
            opening = f"I am not sure, but it may {also}be that"
        sentences.append(f"{opening} {finding.says}{_about(finding)}.")
    hints = list(dict.fromkeys(finding.hint for finding in findings[:2]))
    sentences.append(_ended(f"Have a look at {'; and at '.join(hints)}"))
    return sentences


def _about(finding: Finding) -> str:
    """Where it was seen, unless the words say so already."""
    if all(re.search(rf"\b{name}\b", finding.says) for name in finding.quantities):
        return ""
    return f" (seen in {_listed(finding.quantities)})"


def _closing(evidence: Evidence, findings: Sequence[Finding]) -> str:
    families = {finding.family for finding in findings}
    if "side effect" in families:
        return "Call it twice with the same input and compare, and compare the input too."
    if "truncation" in families:
        return "Follow three digits by hand with bptt_truncate = 1, beside your code."
    if evidence.wrong and evidence.exercise.startswith("bptt") and evidence.student[0].values:
        return "The gradient_check on a short sequence will tell you when it is fixed."
    return "Try it on the shortest input that you can work out by hand."


def _with_verb(names: Sequence[str]) -> str:
    return f"{_listed(names)} {'is' if len(names) == 1 else 'are'} right"


def _ended(words: str) -> str:
    """The sentence with a full stop, unless it is a question."""
    return words if words.endswith("?") else f"{words}."


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
