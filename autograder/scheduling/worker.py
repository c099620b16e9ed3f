"""What a worker does, in a local process or on another machine: one submission, data to data.

What takes long to import is imported when a worker needs it: the process that hands out the jobs
never does. Nothing here imports nbgrader.
"""

from __future__ import annotations

import gc
import importlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, Any

from autograder.protocol.limits import Limits
from autograder.recording.results import Status, SubmissionResult
from autograder.startup import lasting_imports
from autograder.submission.instructor import InstructorNotebook
from autograder.submission.matching import find_notebook
from autograder.submission.reading import NotGradableError, Submission
from autograder.submission.restore import not_graded_notebook, restore

if TYPE_CHECKING:
    from autograder.sandbox.sandbox import Sandbox


@dataclass(frozen=True)
class Job:
    """One submission to grade, with all that it takes."""

    instructors: tuple[InstructorNotebook, ...]
    submission: Submission
    limits: Limits
    unsandboxed: bool
    fingerprint: str = ""


@dataclass(frozen=True)
class GradedNotebook:
    """A notebook (nbformat 4.5) with its outputs, and its result, still without points."""

    notebook: dict[str, Any]
    result: SubmissionResult


def not_graded(job: Job, instructor: InstructorNotebook, reason: str) -> GradedNotebook:
    """The outcome of a submission that cannot be graded."""
    result = SubmissionResult(**_identity(job, instructor), status="not gradable", reason=reason)
    return GradedNotebook(not_graded_notebook(instructor, reason), result)


def warm_up(limits: Limits, *, unsandboxed: bool) -> None:
    """Make a worker ready for its first job: import while the sandbox starts and does the same.

    Raises:
        AutograderError: there is no sandbox.
    """
    _thread().submit(sandbox, limits, unsandboxed=unsandboxed).result()
    from autograder.sandbox.sandbox import PRELOAD

    with lasting_imports():
        importlib.import_module("autograder.testing.runner")
        for name in PRELOAD:
            importlib.import_module(name)


def grade(job: Job) -> list[GradedNotebook]:
    """Grade every notebook of a submission; a bad submission gives a reason, never an exception.

    Raises:
        AutograderError: no submission could be graded: no sandbox, or the instructor's own
            cells fail.
    """
    # One thread per process runs the jobs: the sandbox ends with the thread that started it, and
    # the tests' printed output and random numbers belong to the whole process.
    return _thread().submit(_grade, job).result()


def run_job(
    job: Job,
    instructor: InstructorNotebook,
    notebook: dict[str, Any],
    remarks: Sequence[str] = (),
) -> SubmissionResult:
    """Run a restored notebook; its cells get their outputs.

    Args:
        notebook: from `restore`; changed in place.
        remarks: what had to be put right in it.

    Returns:
        The result, still without points.

    Raises:
        AutograderError: see `grade`.
    """
    from autograder.testing.runner import run_notebook

    run = run_notebook(
        instructor,
        notebook,
        student=job.submission.student,
        sandbox=sandbox(job.limits, unsandboxed=job.unsandboxed),
        files={**job.submission.others, **instructor.files},
        limits=job.limits,
    )
    unfair = instructor.verdicts.with_mode("neither")
    status: Status = "partly graded" if run.problems or unfair else "graded"
    if unfair and len(unfair) == sum(cell.is_test for cell in instructor.cells):
        status = "not gradable"
    reasons = [*([_unfair(instructor, unfair)] if unfair else []), *run.problems]
    return SubmissionResult(
        **_identity(job, instructor),
        status=status,
        reason=" ".join([*reasons, *remarks, *job.submission.remarks]),
        seconds=run.seconds,
        unfair=tuple(unfair),
        inside=tuple(instructor.verdicts.with_mode("inside")),
        exercises=tuple(run.exercises),
        timed_out=run.timed_out,
    )


def audit(
    instructors: Sequence[InstructorNotebook], limits: Limits, *, unsandboxed: bool
) -> list[InstructorNotebook]:
    """The notebooks with the verdicts on their tests.

    Raises:
        AutograderError: there is no sandbox.
    """
    return _thread().submit(_audit, instructors, limits, unsandboxed).result()


def _audit(
    instructors: Sequence[InstructorNotebook], limits: Limits, unsandboxed: bool
) -> list[InstructorNotebook]:
    from autograder.auditing.audit import audited

    return audited(instructors, sandbox(limits, unsandboxed=unsandboxed), limits)


def _unfair(instructor: InstructorNotebook, tests: Sequence[str]) -> str:
    why = instructor.verdicts.tests[tests[0]].faults[0]
    return (
        f"Not scored: {', '.join(tests)}. This is not the student's fault: {why}. "
        "Score these by hand, or correct the source notebook, release it and grade again."
    )


def _identity(job: Job, instructor: InstructorNotebook) -> dict[str, Any]:
    return {
        "student": job.submission.student,
        "assignment": instructor.assignment,
        "notebook": instructor.name,
        "sandboxed": not job.unsandboxed,
        "fingerprint": job.fingerprint,
    }


def _grade(job: Job) -> list[GradedNotebook]:
    try:
        return [_grade_notebook(job, instructor) for instructor in job.instructors]
    finally:
        _collect_garbage()


def _grade_notebook(job: Job, instructor: InstructorNotebook) -> GradedNotebook:
    try:
        others = [each.name for each in job.instructors if each is not instructor]
        cells, found = find_notebook(job.submission, instructor, others)
    except NotGradableError as reason:
        return not_graded(job, instructor, str(reason))
    notebook, remarks = restore(cells, instructor)
    return GradedNotebook(notebook, run_job(job, instructor, notebook, found + remarks))


def _collect_garbage() -> None:
    """Free a submission's classes and functions, which refer to each other in circles.

    What was imported for the first one stays: not looking at it again makes this cheap.
    """
    gc.collect()
    if not hasattr(_state, "frozen"):
        gc.freeze()
        _state.frozen = True


_state = threading.local()
_executor: ThreadPoolExecutor | None = None
_lock = threading.Lock()


def _thread() -> ThreadPoolExecutor:
    global _executor
    with _lock:
        if _executor is None:
            _executor = ThreadPoolExecutor(1, thread_name_prefix="grading")
        return _executor


def sandbox(limits: Limits, *, unsandboxed: bool) -> Sandbox:
    """The calling thread's warm interpreter, begun on first use and whenever the limits change.

    Raises:
        AutograderError: there is no sandbox.
    """
    from autograder.sandbox.sandbox import Sandbox

    wanted = (limits, unsandboxed)
    if getattr(_state, "wanted", None) != wanted:
        if hasattr(_state, "sandbox"):
            _state.sandbox.close()
        _state.sandbox = Sandbox(limits, unsandboxed=unsandboxed)
        _state.sandbox.begin()
        _state.wanted = wanted
        # at the end of any process: multiprocessing's children do not run what atexit knows
        Finalize(None, _state.sandbox.close, exitpriority=10)
    found: Sandbox = _state.sandbox
    return found
