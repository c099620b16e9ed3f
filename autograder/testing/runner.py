"""One submission from cells to outputs: the student's cells in the sandbox, the tests here."""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.diagnosis.assignment import AssignmentDiagnosis, diagnosis_of
from autograder.errors import AutograderError
from autograder.protocol.errors import ProcessEnded, WireError
from autograder.protocol.limits import Limits
from autograder.recording.results import ExerciseFeedback
from autograder.sandbox.sandbox import Sandbox
from autograder.sandbox.session import Session
from autograder.submission.instructor import InstructorCell, InstructorNotebook
from autograder.submission.presentation import presentable, stopped_output
from autograder.testing.namespace import fresh_names, run_cell
from autograder.testing.proxies import StudentCodeError, install, make_proxy


@dataclass
class Run:
    """What running one notebook gave, besides the outputs that are now in its cells.

    Attributes:
        stopped: why something was stopped (a time-out, an exit) to the cells that it happened to.
        timed_out: whether a time limit was hit.
        seconds: wall time.
        exercises: what the diagnosis says of each exercise.
    """

    stopped: dict[str, dict[str, None]] = field(default_factory=dict)
    timed_out: bool = False
    seconds: float = 0.0
    exercises: list[ExerciseFeedback] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What went wrong other than a wrong answer, in sentences."""
        return [f"Stopped, as {why}: {', '.join(what)}." for why, what in self.stopped.items()]


def run_notebook(
    instructor: InstructorNotebook,
    notebook: dict[str, Any],
    *,
    student: str,
    sandbox: Sandbox,
    files: Mapping[str, bytes],
    limits: Limits,
    diagnose: bool = True,
) -> Run:
    """Run a submission that is in the instructor's structure; outputs go into its code cells.

    Whatever the student's code does, this returns: a cell or call that ends its process or runs
    out of time costs what depends on it.

    Args:
        notebook: from `submissions.restore`; changed in place.
        files: the submission's other files, for the sandbox.
        diagnose: also say what each exercise's answer looks like.

    Raises:
        AutograderError: the instructor's cells do not run, or there is no sandbox.
    """
    started = time.monotonic()
    seed = seed_for(instructor, student)
    known = {cell.grade_id: cell for cell in instructor.cells}
    code = [
        (cell, known.get(cell["metadata"].get("nbgrader", {}).get("grade_id", "")))
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]
    sources = [source_to_run(instructor, cell, instructors) for cell, instructors in code]
    run_there = tuple(source for source in sources if source.strip())
    begins = run_there[: len(instructor.opening)] == instructor.opening
    opening = instructor.opening if begins else ()
    with Session(sandbox, files, limits, student_seed(student), opening) as session:
        run = _Runner(instructor, session, seed, limits)
        try:
            for (cell, instructors), source in zip(code, sources, strict=True):
                run.cell(cell, instructors, source)
            if diagnose:
                run.diagnose()
        finally:
            run.forget()
    run.report.seconds = round(time.monotonic() - started, 3)
    return run.report


def source_to_run(
    instructor: InstructorNotebook, cell: Mapping[str, Any], known: InstructorCell | None
) -> str:
    """What of a code cell runs in the sandbox; nothing of tests and demonstrations."""
    if known is None:
        source = str(cell["source"])
        return "" if source.strip() in instructor.demonstrations else source
    if known.is_test or known.demonstration:
        return ""
    return known.released.source if known.is_fixed else str(cell["source"])


def seed_for(instructor: InstructorNotebook, student: str) -> int:
    """Seed of the test inputs: repeats exactly, and no student can compute it.

    The digest that it depends on covers the hidden tests.
    """
    text = f"{instructor.digest}\0{instructor.assignment}\0{instructor.name}\0{student}"
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:4])


def student_seed(student: str) -> int:
    """Seed of the student's own random numbers, so that a grade does not depend on luck."""
    return int.from_bytes(hashlib.sha256(student.encode("utf-8", "replace")).digest()[:4])


class _Runner:
    def __init__(
        self, instructor: InstructorNotebook, session: Session, seed: int, limits: Limits
    ) -> None:
        self.instructor = instructor
        self.session = session
        self.seed = seed
        self.limits = limits
        self.names = fresh_names()
        self.report = Run()
        self.lost: dict[str, bool] = {}
        """Exercise to whether a test of it failed."""
        self.died: set[str] = set()
        """Exercises one of whose tests ended the student's process."""

    def cell(self, cell: dict[str, Any], known: InstructorCell | None, source: str) -> None:
        """Run one code cell: `known` as the instructor's, `source` in the sandbox."""
        if known is not None and known.is_test:
            cell["outputs"] = self._test(known)
            return
        if source.strip():
            what = "a cell of your own" if known is None else f"the cell {known.grade_id}"
            cell["outputs"] = self._student(source, what)
        if known is not None and not known.demonstration:
            if known.is_fixed:
                self._fixed(known)
            for export in known.exports:
                install(self.names, export, self.session.call)

    def _student(self, source: str, what: str) -> list[dict[str, Any]]:
        try:
            result = self.session.run_cell(source)
        except ProcessEnded as end:
            self._note(what, end)
            return [stopped_output(end.reason)]
        return presentable(result.outputs, self.limits.output_bytes)

    def _fixed(self, cell: InstructorCell) -> None:
        """Run a locked cell here too, for the tests that build on it."""
        calls = self.session.calls
        error = run_cell(cell, self.names).error
        if error is not None and self.session.calls == calls:
            raise _broken(self.instructor, cell, error)

    def _test(self, cell: InstructorCell) -> list[dict[str, Any]]:
        import numpy as np

        self.names["grading_seed"] = self.seed
        self.session.begin_cell()
        state = np.random.get_state()
        np.random.seed(self.seed)
        try:
            with np.errstate():
                verdict = run_cell(cell, self.names)
        finally:
            np.random.set_state(state)
        if isinstance(verdict.error, ProcessEnded | WireError):
            self._note(f"the test {cell.grade_id}", verdict.error)
        exercise = cell.exercise
        if exercise is not None:
            self.lost[exercise] = self.lost.get(exercise, False) or verdict.error is not None
            if isinstance(verdict.error, ProcessEnded):
                self.died.add(exercise)
        return verdict.outputs

    def _note(self, what: str, error: ProcessEnded | WireError) -> None:
        why = str(error)[:500].encode("utf-8", "replace").decode()
        self.report.stopped.setdefault(why, {})[what] = None
        self.report.timed_out |= isinstance(error, ProcessEnded) and error.kind == "timeout"

    def diagnose(self) -> None:
        """Say of each exercise what its answer looks like; never at the cost of the grade."""
        diagnosis = diagnosis_of(self.instructor, lambda cell, names: run_cell(cell, names).error)
        if diagnosis is None:
            return
        self.session.begin_cell()
        for cell in self.instructor.exercises:
            for export in cell.exports:
                install(diagnosis.names, export, self.session.call)
        for cell in self.instructor.exercises:
            exercise = cell.exercise
            if exercise is None or exercise in self.died or not diagnosis.covers(exercise):
                continue
            if exercise in self.lost:
                self._diagnose(exercise, cell.exports[0], diagnosis)

    def _diagnose(self, exercise: str, export: str, diagnosis: AssignmentDiagnosis) -> None:
        proxy = make_proxy(diagnosis.names, export, self.session.call)
        try:
            found = diagnosis.diagnose(exercise, proxy)
        except (ProcessEnded, StudentCodeError):
            return
        self.report.exercises.append(found)

    def forget(self) -> None:
        """Let go of the names and figures that the submission made."""
        self.names.clear()
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")


def _broken(
    instructor: InstructorNotebook, cell: InstructorCell, error: Exception
) -> AutograderError:
    return AutograderError(
        f"The instructor's own cell {cell.grade_id} of {instructor.name}.ipynb fails in the grader "
        f"({type(error).__name__}: {error}). Correct it in the source notebook and run "
        f"`nbgrader generate_assignment {instructor.assignment}` again."
    )
