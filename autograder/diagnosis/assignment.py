"""What diagnosing a class needs once: misconceptions, the instructor's names, mutants' answers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.submission.instructor import MISCONCEPTIONS, InstructorCell, InstructorNotebook

if TYPE_CHECKING:
    from autograder.diagnosis.misconceptions import Misconceptions
    from autograder.recording.results import ExerciseFeedback

# Runs one of the instructor's cells in a namespace; gives the exception that ended it, or None.
RunCell = Callable[[InstructorCell, dict[str, Any]], Exception | None]


@dataclass(frozen=True)
class AssignmentDiagnosis:
    """The diagnosis of one assignment.

    Attributes:
        names: what the instructor's cells and reference answers define. Proxies of the student who
            is being graded are put in; nothing of the student before comes through them.
        seed: of the probes: the same for the whole class, so that what a mutant returns on them is
            computed once. Nobody outside can know it: it depends on the hidden tests.
    """

    known: Misconceptions
    names: dict[str, Any]
    seed: int

    def covers(self, exercise: str) -> bool:
        """Whether there are misconceptions about an exercise."""
        return bool(self.known.mutants.get(exercise))

    def diagnose(self, exercise: str, student: Callable[..., Any]) -> ExerciseFeedback:
        """See `diagnose.diagnose`."""
        from autograder.diagnosis.diagnose import diagnose

        return diagnose(exercise, student, self.names, self.known, self.seed)


_prepared: dict[str, AssignmentDiagnosis | None] = {}


def diagnosis_of(instructor: InstructorNotebook, run: RunCell) -> AssignmentDiagnosis | None:
    """The diagnosis of an assignment, made once per process.

    None where the assignment has no misconceptions, or where its own cells fail.
    """
    if instructor.digest not in _prepared:
        _prepared.clear()
        _prepared[instructor.digest] = _prepare(instructor, run)
    return _prepared[instructor.digest]


def _prepare(instructor: InstructorNotebook, run: RunCell) -> AssignmentDiagnosis | None:
    if not instructor.misconceptions:
        return None
    from autograder.diagnosis.misconceptions import load_misconceptions

    with tempfile.TemporaryDirectory(prefix="misconceptions-") as folder:
        for name, data in instructor.misconceptions.items():
            Path(folder, name).write_bytes(data)
        known = load_misconceptions(Path(folder, MISCONCEPTIONS))
    names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
    for cell in instructor.cells:
        reference = known.references.get(cell.exercise or "")
        opens = cell.is_code and cell.is_fixed and not cell.is_test and not cell.demonstration
        if cell.exports and reference is not None:
            exec(reference.cell, names)
        elif opens and run(cell, names) is not None:
            return None  # grading has run it, or says what is wrong with it
    return AssignmentDiagnosis(known, names, int(instructor.digest[:8], 16))
