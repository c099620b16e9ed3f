"""What a student's function returned, turned into the mistake it looks like.

The function is called on fresh inputs. What comes back is compared quantity by quantity with the
reference answer, then with every mutant of the bank, and where none fits with simple structure.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from autograder.diagnosis.circumstances import Reference, explain_where
from autograder.diagnosis.evidence import SINGLE, UNKNOWN, Evidence, Finding, merged
from autograder.diagnosis.heatmap import draw_heatmap
from autograder.diagnosis.matching import Match, best_cover, complete_matches, find_matches
from autograder.diagnosis.misconceptions import Bank
from autograder.diagnosis.mutants import Workshop
from autograder.diagnosis.precision import explain_precision
from autograder.diagnosis.probes import (
    BUILDS_ON,
    QUANTITIES,
    Observation,
    Probe,
    observe,
)
from autograder.diagnosis.side_effects import explain_side_effects
from autograder.diagnosis.structure import explain_problem, explain_shape_and_scale
from autograder.diagnosis.wording import message_of, open_challenge, paragraph_of, right_in_words
from autograder.errors import AutograderError

__all__ = ["Diagnosis", "Report", "diagnose"]


@dataclass(frozen=True)
class Diagnosis:
    """One misconception that the returned values point at; confidence is between 0 and 1."""

    label: str
    family: str
    confidence: float
    message: str


@dataclass(frozen=True)
class Report:
    """What one exercise's function gets right, and what its mistakes look like.

    Attributes:
        right: in words, what was right.
        diagnoses: likely misconceptions, most likely first; empty for a right answer, and for a
            challenge that was left open.
        paragraph: the friendly paragraph for the student's feedback page.
        heatmap_png: |student − reference| on one probe, or None where nothing can be drawn.
    """

    right: list[str]
    diagnoses: list[Diagnosis]
    paragraph: str
    heatmap_png: bytes | None


def diagnose(
    exercise: str,
    student: Callable[..., Any],
    namespace: Mapping[str, Any],
    bank: Bank,
    seed: int,
) -> Report:
    """Find out what a student's answer to one exercise looks like.

    Args:
        exercise: its name, such as `bptt`.
        student: the student's function, called like the reference.
        namespace: what the instructor's cells define; its classes may hold proxies.
        bank: misconceptions and reference answers.
        seed: the same seed repeats the same inputs; with the same namespace and bank it also saves
            running the mutants again.

    Raises:
        AutograderError: the exercise is none that inputs can be made for.
    """
    if exercise not in QUANTITIES or exercise not in bank.references:
        known = ", ".join(QUANTITIES)
        raise AutograderError(f"There are no probes for the exercise '{exercise}' (only {known}).")
    workshop = _workshop(bank, exercise, namespace)
    evidence = _gather(student, workshop, seed)
    if evidence.is_right:
        return Report(right_in_words(evidence), [], paragraph_of(evidence, []), None)
    if evidence.is_untouched and bank.references[exercise].exercise.always_blank:
        return Report([], [], open_challenge(exercise), None)
    foundation = functools.partial(_wrong_foundation, exercise, namespace, bank, seed)
    findings = merged(_explain(evidence, workshop, bank, foundation))
    return Report(
        right_in_words(evidence),
        [Diagnosis(f.label, f.family, f.confidence, message_of(f)) for f in findings],
        paragraph_of(evidence, findings),
        draw_heatmap(evidence),
    )


_workshops: WeakKeyDictionary[Bank, dict[str, Workshop]] = WeakKeyDictionary()


def _workshop(bank: Bank, exercise: str, namespace: Mapping[str, Any]) -> Workshop:
    """The workshop of the last call, if it was about the same."""
    kept = _workshops.setdefault(bank, {})
    if exercise not in kept or kept[exercise].namespace is not namespace:
        kept[exercise] = Workshop(bank, exercise, namespace)
    return kept[exercise]


def _gather(student: Callable[..., Any], workshop: Workshop, seed: int) -> Evidence:
    """Call the student's function on every probe, and the reference beside it."""
    probes, mine, theirs = [], [], []
    for number, probe in enumerate(workshop.probes(seed)):
        seen = observe(student, probe, copy.deepcopy(probe.model))
        probes.append(probe)
        mine.append(seen)
        theirs.append(workshop.observe(None, number))
        if seen.died or seen.problem == "NotImplementedError":
            break  # the others would say the same
    return Evidence(workshop.exercise, tuple(probes), tuple(mine), tuple(theirs))


def _wrong_foundation(
    exercise: str, namespace: Mapping[str, Any], bank: Bank, seed: int
) -> Finding | None:
    """The finding that another exercise's function, which this one calls, is not right."""
    below = BUILDS_ON.get(exercise)
    if below is None or below not in bank.references:
        return None
    owner, _, name = bank.references[below].exercise.exports[0].rpartition(".")
    function = getattr(namespace[owner], name, None) if owner else namespace.get(name)
    workshop = _workshop(bank, below, namespace)
    if function is not None and _gather(function, workshop, seed).is_right:
        return None
    return Finding(
        f"builds-on-{below}",
        "not-backprop",
        f"the mistake sits in {below}, which {exercise} calls and which is not right yet",
        f"{below} first, and then at this function again",
        0.75,
    )


def _explain(
    evidence: Evidence, workshop: Workshop, bank: Bank, foundation: Callable[[], Finding | None]
) -> list[Finding]:
    """The best explanation that can be given: exact first, then by parts, then by structure."""
    problem = explain_problem(evidence)
    if problem is not None and all(seen.problem for seen in evidence.student):
        return [problem]
    mutants = bank.mutants[evidence.exercise]
    matches = find_matches(evidence, workshop, mutants)
    if complete := complete_matches(matches):
        confidence = 0.98 if len(complete) == 1 else 0.6
        return [found for match in complete for found in match.findings(confidence)]
    if problem is not None:
        return [problem]
    if (below := foundation()) is not None:
        return [below]
    findings = list(explain_side_effects(evidence))
    if not evidence.wrong or not (evidence.repeats or evidence.changed):
        # values that change from call to call say nothing about the equations
        return findings
    reference = _reference_at(workshop)
    precision = explain_precision(evidence, reference)
    if precision is not None:
        return [precision, *findings]
    parts, left = _by_parts(evidence, matches)
    if left:
        pairs = find_matches(evidence, workshop, bank.pairs(evidence.exercise))
        for pair in complete_matches(pairs)[:1]:
            return pair.findings(0.85)
        coarse = find_matches(evidence, workshop, mutants, SINGLE)
        for match in complete_matches(coarse)[:1]:
            return match.findings(0.75)
        parts += _by_guess(evidence, [*matches, *pairs], reference, left)
    return [*findings, *parts]


def _by_parts(evidence: Evidence, matches: Sequence[Match]) -> tuple[list[Finding], set[str]]:
    """Sure explanations of single quantities, and the wrong quantities that have none."""
    left = set(evidence.wrong)
    found: list[Finding] = []
    local = [match for match in matches if match.spoils <= left]
    for match in best_cover(local, evidence.wrong):
        found += match.findings(0.85)
        left -= match.explains
    for finding in explain_shape_and_scale(evidence):
        if left.intersection(finding.quantities):
            found.append(finding)
            left -= set(finding.quantities)
    return found, left


def _by_guess(
    evidence: Evidence, matches: Sequence[Match], reference: Reference, left: set[str]
) -> Iterator[Finding]:
    """Less sure explanations of the quantities that are left."""
    left = set(left)
    for match in best_cover(matches, sorted(left)):
        yield from match.findings(0.65)
        left -= match.explains
    for finding in explain_where(evidence, reference):
        if left.intersection(finding.quantities):
            yield finding
            left -= set(finding.quantities)
    if left:
        names = tuple(name for name in evidence.wrong if name in left)
        yield Finding(
            UNKNOWN,
            "unknown",
            "it fits none of the mistakes I know",
            "the shortest case, a single digit, worked out by hand beside your code",
            0.1,
            names,
        )


def _reference_at(workshop: Workshop) -> Reference:
    def reference(probe: Probe, truncation: int) -> Observation:
        model = workshop.adopt(probe.model)
        model.bptt_truncate = truncation
        return observe(workshop.reference, probe, model)

    return reference
