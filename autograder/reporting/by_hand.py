"""Whom an instructor should look at by hand, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.diagnosis.wording import GUESS
from autograder.reporting.class_list import Entry


@dataclass(frozen=True)
class Concern:
    """One kind of reason, what to do about it, and the students whom it concerns, with details."""

    title: str
    advice: str
    cases: Sequence[tuple[Entry, str]]


def concerns(assignment: str, entries: Sequence[Entry]) -> list[Concern]:
    """The kinds of reasons that there are, the most urgent first."""
    found = [
        Concern(
            "Not graded, or only in part",
            "Points may be lost for another reason than a wrong answer. Give them in formgrader, "
            "or ask for a new file and grade again.",
            [(e, e.reason) for e in entries if e.status != "graded"],
        ),
        Concern(
            "Answers wait for a person",
            f"In formgrader: Manual Grading › {assignment}. They count as zero until then.",
            [(e, waiting) for e in entries if (waiting := _waiting(e))],
        ),
        Concern(
            "The grader is not sure which mistake it is",
            "The student's page says so, too. Read the answer before you rely on the label.",
            [(e, guess) for e in entries for guess in _guesses(e)],
        ),
        Concern(
            "Remarks on the file",
            "The notebook was changed in a way that had to be put right, or a cell did not run. "
            "See that the answers are in the right places.",
            [(e, e.reason) for e in entries if e.status == "graded" and e.reason],
        ),
        Concern(
            "Tests inside the student's process",
            "Their points are harder to trust: what runs beside a test can change it. Controls "
            "surround it; look at odd answers yourself.",
            [(e, ", ".join(e.inside)) for e in entries if e.inside],
        ),
    ]
    return [concern for concern in found if concern.cases]


def _waiting(entry: Entry) -> str:
    """Tests without points though others have some."""
    waiting = [name for name, (points, _) in entry.tests.items() if points is None]
    return ", ".join(waiting) if len(waiting) < len(entry.tests) else ""


def _guesses(entry: Entry) -> Iterator[str]:
    for found in entry.diagnosis:
        if found.label == "unknown":
            yield "no known mistake fits the answer"
        elif found.confidence <= GUESS:
            yield f"perhaps {found.label} ({100 * found.confidence:.0f} % sure)"
