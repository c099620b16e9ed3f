"""What a student's function returned, turned into the mistake it looks like.

The function is called on fresh inputs. What comes back is compared quantity by quantity with the
reference answer, then with every mutant, and where none fits with simple structure.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from autograder.diagnosis.evidence import SINGLE, Evidence
from autograder.diagnosis.findings import Finding, finding, merged
from autograder.diagnosis.function_rules import (
    explain_precision,
    explain_problem,
    explain_side_effects,
)
from autograder.diagnosis.heatmap import picture_errors
from autograder.diagnosis.lab_probes import ALL_QUANTITIES
from autograder.diagnosis.matching import Match, best_cover, complete_matches, find_matches
from autograder.diagnosis.misconceptions import Misconceptions
from autograder.diagnosis.mutants import Function, MutantRunner
from autograder.diagnosis.probes import BUILDS_ON
from autograder.diagnosis.quantity_rules import CERTAIN, LAB, LIKELY, Rule
from autograder.diagnosis.wording import (
    GUESS,
    is_advice,
    message_of,
    open_challenge,
    paragraph_of,
    right_in_words,
)
from autograder.errors import AutograderError
from autograder.recording.results import DiagnosisRecord, ExerciseFeedback


def diagnose(
    exercise: str, student: Function, namespace: Mapping[str, Any], known: Misconceptions, seed: int
) -> ExerciseFeedback:
    """Find out what a student's answer to one exercise looks like.

    Args:
        student: the student's function, called like the reference.
        namespace: what the instructor's cells define; its classes may hold proxies.
        seed: the same seed repeats the same inputs; with the same namespace and misconceptions
            it also saves running the mutants again.

    Raises:
        AutograderError: the exercise is none that inputs can be made for.
    """
    if exercise not in ALL_QUANTITIES or exercise not in known.references:
        names = ", ".join(ALL_QUANTITIES)
        raise AutograderError(f"There are no probes for the exercise '{exercise}' (only {names}).")
    runner = _shared(MutantRunner(known, exercise, namespace, seed))
    if runner.in_lab:
        student = runner.subject(namespace)
    evidence = Evidence(student, runner)
    if evidence.is_right and not evidence.is_extended:
        return ExerciseFeedback(exercise, evidence.right, (), paragraph_of(evidence, []))
    if evidence.is_untouched and known.references[exercise].exercise.always_blank:
        return ExerciseFeedback(exercise, (), (), open_challenge(exercise))
    findings = merged(_explain(evidence))
    records = tuple(
        DiagnosisRecord(each.label, each.family, each.confidence, message_of(each))
        for each in findings
    )
    paragraph = paragraph_of(evidence, findings)
    if is_advice(findings):
        return ExerciseFeedback(exercise, evidence.quantities, records, paragraph)
    right = tuple(right_in_words(evidence))
    return ExerciseFeedback(exercise, right, records, paragraph, *picture_errors(evidence))


_runners: dict[tuple[str, bool], MutantRunner] = {}


def _shared(runner: MutantRunner) -> MutantRunner:
    """The exercise's last runner, if it was made from the same; else this one."""
    key = runner.exercise, runner.equal_sizes
    last = _runners.get(key, runner)
    same = last.known is runner.known and last.namespace is runner.namespace
    _runners[key] = last if same and last.seed == runner.seed else runner
    return _runners[key]


def _explain(evidence: Evidence) -> list[Finding]:
    """The best explanation that can be given: exact first, then by parts, then by structure."""
    runner = evidence.runner
    problem = explain_problem(evidence)
    if problem is not None and all(trial.student.problem for trial in evidence.trials):
        return _explain_error(evidence, problem)
    if runner.in_lab and (below := _wrong_foundation(runner)) is not None:
        return [below]  # what a wrong step does to the loop looks like a mistake of the loop's own
    mutants = runner.known.mutants[evidence.exercise]
    matches = find_matches(evidence, mutants)
    if complete := complete_matches(matches):
        confidence = 0.98 if len(complete) == 1 else 0.6
        return [found for match in complete for found in match.findings(confidence)]
    if problem is not None:
        return _explain_error(evidence, problem)
    if (below := _wrong_foundation(runner)) is not None:
        return [below]
    effect = explain_side_effects(evidence)
    findings = [] if effect is None else [effect]
    if evidence.is_right:
        return [finding("extended-precision")]
    if not evidence.wrong or not (evidence.repeats or evidence.changed):
        # values that change from call to call say nothing about the equations
        return findings
    if not runner.in_lab and (precision := explain_precision(evidence)) is not None:
        return [precision, *findings]
    left = set(evidence.wrong)
    local = [match for match in matches if match.spoils <= left]
    parts = _by_parts(evidence, left, local, 0.85, LAB if runner.in_lab else CERTAIN)
    if left:
        pairs = find_matches(evidence, runner.known.pairs[evidence.exercise])
        for pair in complete_matches(pairs)[:1]:
            return pair.findings(0.85)
        coarse = find_matches(evidence, mutants, SINGLE)
        for match in complete_matches(coarse)[:1]:
            return match.findings(0.75)
        likely = () if runner.in_lab else LIKELY
        parts += _by_parts(evidence, left, [*matches, *pairs], GUESS, likely)
    if left:
        parts.append(finding("unknown", *(name for name in evidence.wrong if name in left)))
    return [*findings, *parts]


def _explain_error(evidence: Evidence, problem: Finding) -> list[Finding]:
    """What is behind an error that comes from sizes: with equal sizes, values tell."""
    if problem.family not in ("transpose", "time index") or evidence.runner.equal_sizes:
        return [problem]
    equal = Evidence(evidence.student, _shared(replace(evidence.runner, equal_sizes=True)))
    if equal.is_right or any(trial.student.problem for trial in equal.trials):
        return [problem]
    found = [each for each in _explain(equal) if each.label != "unknown"]
    if not found:
        return [problem]
    sized = f"{found[0].says} ({problem.says}; with as many hidden units as digits it runs)"
    return [replace(found[0], says=sized), *found[1:]]


def _wrong_foundation(runner: MutantRunner) -> Finding | None:
    """The finding that another exercise's function, which this one calls, is not right."""
    below = BUILDS_ON.get(runner.exercise)
    if below is None or below not in runner.known.references:
        return None
    owner, _, name = runner.known.references[below].exercise.exports[0].rpartition(".")
    names = runner.namespace
    foundation = _shared(replace(runner, exercise=below))
    function = getattr(names[owner], name, None) if owner else names.get(name)
    if foundation.in_lab:
        function = foundation.subject(names)
    if function is not None and Evidence(function, foundation).is_right:
        return None
    return finding("builds-on", below=below, exercise=runner.exercise)


def _by_parts(
    evidence: Evidence,
    left: set[str],
    matches: Sequence[Match],
    confidence: float,
    rules: Sequence[Rule],
) -> list[Finding]:
    """Explanations of single quantities, which are taken out of those that are `left`."""
    found = []
    for match in best_cover(matches, left):
        # a mutant that is also wrong elsewhere, but not as the student is, is no more than a guess
        found += match.findings(confidence if match.spoils <= match.explains else GUESS)
        left -= match.explains
    for name in (name for name in evidence.wrong if name in left):
        explanations = itertools.chain.from_iterable(rule(evidence, name) for rule in rules)
        if (best := next(explanations, None)) is not None:
            found.append(best)
            left.discard(name)
    return found
