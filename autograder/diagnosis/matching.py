"""Which mutants return what the student's function returned.

A mutant that disagrees on the first probes is not run on the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autograder.diagnosis.evidence import EXACT, RIGHT, Evidence, agree
from autograder.diagnosis.findings import Finding
from autograder.diagnosis.misconceptions import Mutant


@dataclass(frozen=True)
class Match:
    """A mutant that returned what the student returned, in some quantity and on every probe.

    Attributes:
        explains: wrong quantities of the student that it reproduces.
        spoils: quantities that it gets wrong itself.
        complete: whether everything is the same: values, errors, side effects, second calls.
    """

    mutant: Mutant
    explains: frozenset[str]
    spoils: frozenset[str]
    complete: bool

    def findings(self, confidence: float) -> list[Finding]:
        """The match in words, one finding for each of its misconceptions."""
        quantities = tuple(sorted(self.explains))
        return [
            Finding(found.label, found.family, found.says, found.hint, confidence, quantities)
            for found in self.mutant.misconceptions
        ]


def find_matches(
    evidence: Evidence, mutants: Sequence[Mutant], tolerance: float = EXACT
) -> list[Match]:
    """Every mutant that reproduces at least one wrong quantity, or all of the student's effects.

    The tolerance is relative to the largest entry of an array.
    """
    return [found for mutant in mutants if (found := _match(evidence, mutant, tolerance))]


def _match(evidence: Evidence, mutant: Mutant, tolerance: float) -> Match | None:
    same = set(evidence.quantities)
    wrong = set(evidence.wrong)
    spoils: set[str] = set()
    effects = True
    for number in evidence.telling_first:
        _, mine, reference = evidence.trials[number]
        theirs = evidence.runner.observe(mutant, number)
        if mine.problem != theirs.problem:
            return None
        if mine.problem:
            continue
        effects &= (mine.changed, mine.repeats) == (theirs.changed, theirs.repeats)
        for name, value in reference.values.items():
            if not agree(theirs.values[name], value, RIGHT):
                spoils.add(name)
            close = tolerance if name in wrong else max(tolerance, RIGHT)
            if not agree(mine.values[name], theirs.values[name], close):
                same.discard(name)
        if not same & wrong and (wrong or not effects):
            return None
    complete = effects and same == set(evidence.quantities)
    explains = same & wrong
    if not complete and not explains & spoils:
        return None
    return Match(mutant, frozenset(explains), frozenset(spoils), complete)


def complete_matches(matches: Sequence[Match]) -> list[Match]:
    """Matches in everything, one per label."""
    return list({match.mutant.labels: match for match in matches if match.complete}.values())


def best_cover(matches: Sequence[Match], wrong: Iterable[str]) -> Iterator[Match]:
    """Few matches that together explain as many of the wrong quantities as possible.

    Prefers a match that spoils nothing which the student has right, or wrong in another way, then
    one that explains more.
    """
    left = set(wrong)

    def rank(match: Match) -> tuple[int, int]:
        return len(match.spoils - match.explains), -len(match.explains & left)

    while useful := [match for match in matches if match.explains & left]:
        best = min(useful, key=rank)
        yield best
        left -= best.explains
