"""How often the diagnosis names the mistake, on wrong answers it was not made from.

    python benchmarks/diagnosis.py

The answers are in tests/autograder/diagnosis/fresh_wrong_answers; its README says how they were
made and when one counts as labelled. Also printed: every miss, and CPU seconds per diagnosis.
"""

from __future__ import annotations

import functools
import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.diagnosis.diagnose import diagnose
from autograder.diagnosis.lab_probes import LAB_QUANTITIES
from autograder.diagnosis.misconceptions import Misconceptions, load_misconceptions
from autograder.diagnosis.mutants import instructor_names
from autograder.diagnosis.probes import QUANTITIES
from autograder.recording.results import DiagnosisRecord

COURSE = Path(__file__).resolve().parents[1]
HOMEWORK = COURSE / "source" / "rnn-bptt" / "rnn_bptt.ipynb"
LAB = COURSE / "source" / "gtn-lab" / "gtn_lab.ipynb"
ANSWERS = COURSE / "tests" / "autograder" / "diagnosis" / "fresh_wrong_answers"
SEED = 20_260_101

_HEADER = re.compile(r"# answer: (?P<name>.*)\n# label: (?P<labels>.*)\n# family: (?P<family>.*)\n")


@dataclass(frozen=True)
class Answer:
    """One wrong answer and the truth about it; no labels where none is known."""

    name: str
    exercise: str
    labels: frozenset[str]
    family: str
    source: str


@dataclass(frozen=True)
class Outcome:
    """What the diagnosis said of one answer, and the CPU seconds that it took."""

    answer: Answer
    diagnoses: tuple[DiagnosisRecord, ...]
    seconds: float

    @property
    def labelled(self) -> bool:
        """Whether all true labels were named, or the first family is right where there are none."""
        if self.answer.labels:
            return self.answer.labels <= {found.label for found in self.diagnoses}
        return bool(self.diagnoses) and self.diagnoses[0].family == self.answer.family


def read_answers(folder: Path) -> Iterator[Answer]:
    """The answers of all files, in order. A file that is not named after an exercise is of bptt."""
    exercises = {*QUANTITIES, *LAB_QUANTITIES}
    for path in sorted(folder.glob("**/*.txt")):
        text = path.read_text(encoding="utf-8")
        headers = list(_HEADER.finditer(text))
        ends = [header.start() for header in headers[1:]] + [len(text)]
        for header, end in zip(headers, ends, strict=True):
            labels = frozenset(re.split(r",\s*", header["labels"])) - {"-"}
            name = f"{path.relative_to(folder).with_suffix('')}: {header['name']}"
            exercise = path.stem if path.stem in exercises else "bptt"
            yield Answer(name, exercise, labels, header["family"], text[header.end() : end])


def measure(folder: Path = ANSWERS) -> list[Outcome]:
    """Diagnose every answer."""
    outcomes = []
    for answer in read_answers(folder):
        in_lab = answer.exercise in LAB_QUANTITIES
        known, names = _assignment(LAB if in_lab else HOMEWORK)
        own: dict[str, Any] = dict(names)
        exec(known.references[answer.exercise].track, own)
        exec(answer.source, own)
        function, seen = own[answer.exercise], own if in_lab else names
        started = time.process_time()
        report = diagnose(answer.exercise, function, seen, known, SEED)
        seconds = time.process_time() - started
        outcomes.append(Outcome(answer, tuple(report.diagnosis), seconds))
    return outcomes


@functools.cache
def _assignment(notebook: Path) -> tuple[Misconceptions, dict[str, Any]]:
    known = load_misconceptions(notebook.parent / "misconceptions.toml")
    return known, instructor_names(notebook)


def main() -> None:
    for folder in sorted(path for path in ANSWERS.iterdir() if path.is_dir()):
        print(f"== {folder.name} set")
        show(measure(folder))


def show(outcomes: list[Outcome]) -> None:
    """Print every miss, the rate and the cost."""
    hits = sum(outcome.labelled for outcome in outcomes)
    for outcome in outcomes:
        if not outcome.labelled:
            truth = ", ".join(sorted(outcome.answer.labels)) or f"family {outcome.answer.family}"
            said = ", ".join(
                f"{found.label} ({found.family}, {found.confidence:.2f})"
                for found in outcome.diagnoses
            )
            print(f"miss: {outcome.answer.name}\n  truth: {truth}\n  said:  {said or 'right'}")
    seconds = [outcome.seconds for outcome in outcomes]
    print(f"labelled {hits} of {len(outcomes)} wrong answers: {hits / len(outcomes):.1%}")
    print(
        f"CPU per diagnosis: median {statistics.median(seconds):.3f} s, most {max(seconds):.3f} s"
    )


if __name__ == "__main__":
    main()
