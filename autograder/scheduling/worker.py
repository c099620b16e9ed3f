"""What a worker does, in a local process or on another machine: one submission, data to data.

What takes long to import is imported when a worker needs it: the process that hands out the jobs
never does. Nothing here imports nbgrader. Whatever runs a notebook raises an `AutograderError`
where there is no sandbox or the instructor's own cells fail.
"""

from __future__ import annotations

import gc
import importlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
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

# One thread per process runs the jobs: the sandbox ends with the thread that started it, and the
# tests' printed output and random numbers belong to the whole process.
_thread = ThreadPoolExecutor(1, thread_name_prefix="grading")
_state = threading.local()
_freeze_once = cache(gc.freeze)


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


def warm_up(limits: Limits, unsandboxed: bool) -> None:
    """Make a worker ready for its first job: import while the sandbox starts and does the same."""
    _thread.submit(sandbox, limits, unsandboxed).result()
    from autograder.sandbox.sandbox import PRELOAD

    with lasting_imports():
        for name in ("autograder.testing.runner", *PRELOAD):
            importlib.import_module(name)


def grade(job: Job) -> list[GradedNotebook]:
    """Grade every notebook of a submission; a bad submission gives a reason, never an exception."""
    return _thread.submit(_grade, job).result()


def run_job(
    job: Job,
    instructor: InstructorNotebook,
    notebook: dict[str, Any],
    remarks: Sequence[str] = (),
) -> SubmissionResult:
    """Run a restored notebook; its cells get their outputs, the result still has no points.

    Args:
        notebook: from `restore`; changed in place.
        remarks: what had to be put right in it.
    """
    from autograder.testing.runner import run_notebook

    run = run_notebook(
        instructor,
        notebook,
        student=job.submission.student,
        sandbox=sandbox(job.limits, job.unsandboxed),
        files={**job.submission.others, **instructor.files},
        limits=job.limits,
    )
    unfair = instructor.verdicts.with_mode("neither")
    status: Status = "partly graded" if run.problems or unfair else "graded"
    reasons = [*run.problems, *remarks, *job.submission.remarks]
    if unfair:
        if len(unfair) == sum(cell.is_test for cell in instructor.cells):
            status = "not gradable"
        why = instructor.verdicts.tests[unfair[0]].faults[0]
        reasons.insert(
            0,
            f"Not scored: {', '.join(unfair)}. This is not the student's fault: {why}. "
            "Score these by hand, or correct the source notebook, release it and grade again.",
        )
    return SubmissionResult(
        **_identity(job, instructor),
        status=status,
        reason=" ".join(reasons),
        seconds=run.seconds,
        unfair=tuple(unfair),
        inside=tuple(instructor.verdicts.with_mode("inside")),
        exercises=tuple(run.exercises),
        timed_out=run.timed_out,
    )


def audit(
    instructors: Sequence[InstructorNotebook], limits: Limits, unsandboxed: bool
) -> tuple[InstructorNotebook, ...]:
    """The notebooks with the verdicts on their tests."""
    from autograder.auditing.audit import audited

    def run() -> tuple[InstructorNotebook, ...]:
        return audited(instructors, sandbox(limits, unsandboxed), limits)

    return _thread.submit(run).result()


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
        # A submission's classes and functions refer to each other in circles. What was imported
        # for the first one stays: not looking at it again makes this cheap.
        gc.collect()
        _freeze_once()


def _grade_notebook(job: Job, instructor: InstructorNotebook) -> GradedNotebook:
    try:
        others = [each.name for each in job.instructors if each is not instructor]
        cells, found = find_notebook(job.submission, instructor, others)
    except NotGradableError as reason:
        return not_graded(job, instructor, str(reason))
    notebook, remarks = restore(cells, instructor)
    return GradedNotebook(notebook, run_job(job, instructor, notebook, found + remarks))


def sandbox(limits: Limits, unsandboxed: bool) -> Sandbox:
    """The calling thread's warm interpreter, begun on first use and whenever the limits change."""
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
