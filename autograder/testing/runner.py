"""One submission from cells to outputs: the student's cells in the sandbox, the tests here."""

from __future__ import annotations

import hashlib
import importlib
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from autograder.diagnosis.assignment import diagnosis_of
from autograder.errors import AutograderError
from autograder.protocol.errors import ProcessEnded, WireError
from autograder.protocol.limits import Limits
from autograder.recording.results import ExerciseFeedback
from autograder.sandbox.sandbox import Sandbox
from autograder.sandbox.session import Session
from autograder.submission.bindings import bindings_of, names_in
from autograder.submission.instructor import InstructorCell, InstructorNotebook
from autograder.submission.presentation import presentable, stopped_output
from autograder.testing.inside import guard, inside_test
from autograder.testing.namespace import Verdict, run_cell, run_definitions, verdict_on
from autograder.testing.proxies import FunctionProxy, StudentCodeError
from autograder.testing.remote import Remote, install


@dataclass
class Run:
    """What running one notebook gave, besides the outputs that are now in its cells.

    Attributes:
        stopped: why something was stopped (a time-out, an exit) to the cells that it happened to.
        timed_out: whether a time limit was hit.
        seconds: wall time.
        test_seconds: grade_id of each test that was run to its wall time.
        broken: locked cells that fail in the grader, and how.
        wrote_stderr: tests that wrote to stderr.
        exercises: what the diagnosis says of each exercise.
    """

    stopped: dict[str, dict[str, None]] = field(default_factory=dict)
    timed_out: bool = False
    seconds: float = 0.0
    test_seconds: dict[str, float] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    wrote_stderr: set[str] = field(default_factory=set)
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
        notebook: from `restore`; changed in place.
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
    guarded = guard(instructor) if instructor.verdicts.with_mode("inside") else ""
    if guarded and begins:
        opening = (guarded, *opening)
    for library in instructor.libraries:  # their values cross only where they are imported
        with suppress(ImportError):
            importlib.import_module(library)
    with (
        working_folder(instructor.files),
        Session(sandbox, files, limits, student_seed(student), opening) as session,
    ):
        run = _Runner(instructor, session, seed, limits)
        try:
            if guarded:
                session.run_cell(guarded)
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
    return _seed(instructor.digest, instructor.assignment, instructor.name, student)


def student_seed(student: str) -> int:
    """Seed of the student's own random numbers, so that a grade does not depend on luck."""
    return _seed(student)


def _seed(*parts: str) -> int:
    text = "\0".join(parts).encode("utf-8", "replace")
    return int.from_bytes(hashlib.sha256(text).digest()[:4])


@contextmanager
def working_folder(files: Mapping[str, bytes]) -> Iterator[None]:
    """The instructor's cells find the assignment's files where they run, and write there."""
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        with chdir(folder):
            yield


class _Runner:
    def __init__(
        self, instructor: InstructorNotebook, session: Session, seed: int, limits: Limits
    ) -> None:
        self.instructor = instructor
        self.session = session
        self.seed = seed
        self.limits = limits
        self.names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
        """What the instructor's cells see; students' functions are put in as proxies."""
        self.remote = Remote(self.names, session.call)
        self.report = Run()
        self.tested: set[str] = set()
        """Exercises one of whose tests was run."""
        self.died: set[str] = set()
        """Exercises one of whose tests ended the student's process."""
        self.fetched: dict[str, None] = {}
        """Names that only the student's side binds, and that a test may need."""
        self.trusted: set[str] = set()
        """Names that the instructor's cells mention, whose functions may need them."""

    def cell(self, cell: dict[str, Any], known: InstructorCell | None, source: str) -> None:
        """Run one code cell: `known` as the instructor's, `source` in the sandbox."""
        outside = bool(self.instructor.runs_outside)
        if known is not None and outside:
            self._cells_before(known)
        if known is not None and known.is_test:
            cell["outputs"] = self._test(known)
            return
        if source.strip():
            what = "a cell of your own" if known is None else f"the cell {known.grade_id}"
            cell["outputs"] = self._student(source, what)
        if known is not None and not known.demonstration and outside:
            if known.is_fixed:
                self._fixed(known)
            self._student_binds(known)

    def _student(self, source: str, what: str) -> list[dict[str, Any]]:
        try:
            result = self.session.run_cell(source)
        except ProcessEnded as end:
            self._note(what, end)
            return [stopped_output(end.reason)]
        return presentable(result.outputs, self.limits.output_bytes)

    def _cells_before(self, known: InstructorCell) -> None:
        """What the instructor's ordinary cells define is theirs; what they compute is fetched."""
        for bindings in known.before:
            run_definitions(bindings.imports, self.names)
            done = run_definitions(bindings.definitions, self.names)
            self.fetched |= dict.fromkeys(bindings.names if done else bindings.all_names)
            self.trusted |= names_in(bindings.definitions)
            for name in bindings.defined if done else ():
                self.fetched.pop(name, None)
        self.remote.share_classes()

    def _student_binds(self, known: InstructorCell) -> None:
        for export in known.exports:
            install(self.names, export, self.remote)
        run_definitions(known.binds.imports, self.names)
        for name in known.binds.all_names:
            owner = name.rpartition(".")[0]
            if not owner:
                self.fetched[name] = None
            elif owner in self.remote.shared:
                install(self.names, name, self.remote)

    def _fetch(self, source: str) -> None:
        """Bind what a cell of the instructor's needs to what the student's side has now."""
        needed = names_in(source) | self.trusted
        wanted = [name for name in self.fetched if name in needed]
        if not wanted:
            return
        try:
            found = self.session.fetch(wanted, self.remote)
        except ProcessEnded as end:
            self._note("fetching your results", end)
            found = {}
        for name in wanted:
            self.names.pop(name, None)
        for name, value in found.items():
            if isinstance(value, WireError):
                self._note(f"fetching {name}", value)
            elif isinstance(value, FunctionProxy):
                self.names[name] = self.remote.function(name)
            else:
                self.names[name] = value

    def _fixed(self, cell: InstructorCell) -> None:
        """Run a locked cell here too, for the tests that build on it."""
        self._fetch(cell.released.source)
        calls = self.session.calls
        error = run_cell(cell, self.names).error
        self._instructor_binds(cell.released.source)
        if error is None or self.session.calls != calls:
            return
        if self.fetched or cell.grade_id in self.instructor.verdicts.broken:
            self.report.broken[cell.grade_id] = f"{type(error).__name__}: {error!s:.200}"
            return
        raise AutograderError(
            f"The instructor's own cell {cell.grade_id} of {self.instructor.name}.ipynb fails in "
            f"the grader ({type(error).__name__}: {error}). Correct it in the source notebook and "
            f"run `nbgrader generate_assignment {self.instructor.assignment}` again."
        )

    def _instructor_binds(self, source: str) -> None:
        bindings = bindings_of(source)
        for name in bindings.all_names:
            self.fetched.pop(name, None)
        self.trusted |= names_in(bindings.definitions)
        self.remote.share_classes()

    def _test(self, cell: InstructorCell) -> list[dict[str, Any]]:
        mode = self.instructor.verdicts.mode(cell.grade_id)
        if mode == "neither":
            return [stopped_output("the assignment's own solution does not pass it")]
        self.session.begin_cell()
        started = time.monotonic()
        verdict = self._inside(cell) if mode == "inside" else self._outside(cell)
        self.report.test_seconds[cell.grade_id] = time.monotonic() - started
        if verdict.wrote_stderr:
            self.report.wrote_stderr.add(cell.grade_id)
        if isinstance(verdict.error, ProcessEnded | WireError):
            self._note(f"the test {cell.grade_id}", verdict.error)
        if cell.exercise is not None:
            self.tested.add(cell.exercise)
            if isinstance(verdict.error, ProcessEnded):
                self.died.add(cell.exercise)
        return verdict.outputs

    def _outside(self, cell: InstructorCell) -> Verdict:
        self._fetch(cell.released.source)
        self.names["grading_seed"] = self.seed
        state = np.random.get_state()
        np.random.seed(self.seed)
        try:
            with np.errstate():
                verdict = run_cell(cell, self.names)
        finally:
            np.random.set_state(state)
        self._instructor_binds(cell.released.source)
        return verdict

    def _inside(self, cell: InstructorCell) -> Verdict:
        try:
            run = self.session.run_test(inside_test(self.instructor, cell, self.limits))
        except ProcessEnded as end:
            return Verdict([stopped_output(end.reason)], end)
        return verdict_on(cell, run)

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
        remote = Remote(diagnosis.names, self.session.call, effects=False)
        for cell in self.instructor.exercises:
            for export in cell.exports:
                install(diagnosis.names, export, remote)
        for cell in self.instructor.exercises:
            exercise = cell.exercise
            if exercise in self.tested - self.died and diagnosis.covers(exercise):
                with suppress(ProcessEnded, StudentCodeError):
                    found = diagnosis.diagnose(exercise, remote.function(cell.exports[0]))
                    self.report.exercises.append(found)

    def forget(self) -> None:
        """Let go of the names and figures that the submission made."""
        self.names.clear()
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
