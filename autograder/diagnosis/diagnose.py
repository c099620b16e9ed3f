"""What a student's function returned, turned into the mistake it looks like.

The function is called on fresh inputs. What comes back is compared quantity by quantity with the
reference answer, then with every mutant, and where none fits with simple structure.
"""

from __future__ import annotations

import base64
import copy
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from autograder.diagnosis.conditions import Reference, explain_where
from autograder.diagnosis.evidence import SINGLE, UNKNOWN, Evidence, Finding, merged
from autograder.diagnosis.heatmap import draw_heatmap
from autograder.diagnosis.matching import Match, best_cover, complete_matches, find_matches
from autograder.diagnosis.misconceptions import Misconceptions
from autograder.diagnosis.mutants import MutantRunner
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
from autograder.recording.results import DiagnosisRecord, ExerciseFeedback

__all__ = ["diagnose"]


def diagnose(
    exercise: str,
    student: Callable[..., Any],
    namespace: Mapping[str, Any],
    known: Misconceptions,
    seed: int,
) -> ExerciseFeedback:
    """Find out what a student's answer to one exercise looks like.

    Args:
        exercise: its name, such as `bptt`.
        student: the student's function, called like the reference.
        namespace: what the instructor's cells define; its classes may hold proxies.
        misconceptions: misconceptions and reference answers.
        seed: the same seed repeats the same inputs; with the same namespace and misconceptions
            it also saves running the mutants again.

    Raises:
        AutograderError: the exercise is none that inputs can be made for.
    """
    if exercise not in QUANTITIES or exercise not in known.references:
        names = ", ".join(QUANTITIES)
        raise AutograderError(f"There are no probes for the exercise '{exercise}' (only {names}).")
    runner = _runner_of(known, exercise, namespace)
    evidence = _gather(student, runner, seed)
    right = tuple(right_in_words(evidence))
    if evidence.is_right:
        return ExerciseFeedback(exercise, right, (), paragraph_of(evidence, []))
    if evidence.is_untouched and known.references[exercise].exercise.always_blank:
        return ExerciseFeedback(exercise, (), (), open_challenge(exercise))
    foundation = functools.partial(_wrong_foundation, exercise, namespace, known, seed)
    findings = merged(_explain(evidence, runner, known, foundation))
    png = draw_heatmap(evidence)
    return ExerciseFeedback(
        exercise,
        right,
        tuple(DiagnosisRecord(f.label, f.family, f.confidence, message_of(f)) for f in findings),
        paragraph_of(evidence, findings),
        base64.b64encode(png).decode() if png else None,
    )


_runners: WeakKeyDictionary[Misconceptions, dict[str, MutantRunner]] = WeakKeyDictionary()


def _runner_of(known: Misconceptions, exercise: str, namespace: Mapping[str, Any]) -> MutantRunner:
    """The runner of the last call, if it was about the same."""
    kept = _runners.setdefault(known, {})
    if exercise not in kept or kept[exercise].namespace is not namespace:
        kept[exercise] = MutantRunner(known, exercise, namespace)
    return kept[exercise]


def _gather(student: Callable[..., Any], runner: MutantRunner, seed: int) -> Evidence:
    """Call the student's function on every probe, and the reference beside it."""
    probes, mine, theirs = [], [], []
    for number, probe in enumerate(runner.probes(seed)):
        seen = observe(student, probe, copy.deepcopy(probe.model))
        probes.append(probe)
        mine.append(seen)
        theirs.append(runner.observe(None, number))
        if seen.died or seen.problem == "NotImplementedError":
            break  # the others would say the same
    return Evidence(runner.exercise, tuple(probes), tuple(mine), tuple(theirs))


def _wrong_foundation(
    exercise: str, namespace: Mapping[str, Any], known: Misconceptions, seed: int
) -> Finding | None:
    """The finding that another exercise's function, which this one calls, is not right."""
    below = BUILDS_ON.get(exercise)
    if below is None or below not in known.references:
        return None
    owner, _, name = known.references[below].exercise.exports[0].rpartition(".")
    function = getattr(namespace[owner], name, None) if owner else namespace.get(name)
    runner = _runner_of(known, below, namespace)
    if function is not None and _gather(function, runner, seed).is_right:
        return None
    return Finding(
        f"builds-on-{below}",
        "not-backprop",
        f"the mistake sits in {below}, which {exercise} calls and which is not right yet",
        f"{below} first, and then at this function again",
        0.75,
    )


def _explain(
    evidence: Evidence,
    runner: MutantRunner,
    known: Misconceptions,
    foundation: Callable[[], Finding | None],
) -> list[Finding]:
    """The best explanation that can be given: exact first, then by parts, then by structure."""
    problem = explain_problem(evidence)
    if problem is not None and all(seen.problem for seen in evidence.student):
        return [problem]
    mutants = known.mutants[evidence.exercise]
    matches = find_matches(evidence, runner, mutants)
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
    reference = _reference_at(runner)
    precision = explain_precision(evidence, reference)
    if precision is not None:
        return [precision, *findings]
    parts, left = _by_parts(evidence, matches)
    if left:
        pairs = find_matches(evidence, runner, known.pairs(evidence.exercise))
        for pair in complete_matches(pairs)[:1]:
            return pair.findings(0.85)
        coarse = find_matches(evidence, runner, mutants, SINGLE)
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


def _reference_at(runner: MutantRunner) -> Reference:
    def reference(probe: Probe, truncation: int) -> Observation:
        model = runner.adopt(probe.model)
        model.bptt_truncate = truncation
        return observe(runner.reference, probe, model)

    return reference
