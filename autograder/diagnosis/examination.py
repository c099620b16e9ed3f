"""What diagnosing a class needs once: the bank, the instructor's names, the mutants' answers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.submission.instructor import InstructorNotebook
from autograder.testing.namespace import InstructorNamespace

if TYPE_CHECKING:
    from autograder.diagnosis.diagnosis import Report
    from autograder.diagnosis.misconceptions import Bank


@dataclass(frozen=True)
class Examination:
    """The diagnosis of one assignment.

    Attributes:
        bank: misconceptions and reference answers.
        names: what the instructor's cells and reference answers define. Proxies of the student who
            is being graded are put in; nothing of the student before comes through them.
        seed: of the probes: the same for the whole class, so that what a mutant returns on them is
            computed once. Nobody outside can know it: it depends on the hidden tests.
    """

    bank: Bank
    names: dict[str, Any]
    seed: int

    def covers(self, exercise: str) -> bool:
        """Whether the bank knows mistakes in an exercise."""
        return bool(self.bank.mutants.get(exercise))

    def diagnose(self, exercise: str, student: Callable[..., Any]) -> Report:
        """See `diagnosis.diagnose`."""
        from autograder.diagnosis.diagnosis import diagnose

        return diagnose(exercise, student, self.names, self.bank, self.seed)


_examinations: dict[str, Examination | None] = {}


def examination_of(instructor: InstructorNotebook) -> Examination | None:
    """The assignment's, made once per process; None where there is no bank, or no use of it."""
    if instructor.digest not in _examinations:
        _examinations.clear()
        there = instructor.misconceptions
        _examinations[instructor.digest] = _prepare(instructor) if there else None
    return _examinations[instructor.digest]


def _prepare(instructor: InstructorNotebook) -> Examination | None:
    from autograder.diagnosis.misconceptions import load_bank

    with tempfile.TemporaryDirectory(prefix="misconceptions-") as folder:
        for name, data in instructor.misconceptions.items():
            (Path(folder) / name).write_bytes(data)
        bank = load_bank(Path(folder) / "misconceptions.py")
    namespace = InstructorNamespace()
    for cell in instructor.cells:
        reference = bank.references.get(cell.exercise or "")
        if cell.exports and reference is not None:
            exec(reference.cell, namespace.names)
        elif cell.is_code and cell.is_fixed and not cell.is_test and not cell.demonstration:
            error = namespace.run(cell).error
            if error is not None:
                return None  # grading has run it, or says what is wrong with it
    return Examination(bank, namespace.names, int(instructor.digest[:8], 16))
