"""What a worker does, in a local process or on another machine: one submission, data to data.

Nothing of nbgrader is imported here, so that a worker starts quickly.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.util import Finalize
from typing import Any

from autograder.instructor import InstructorNotebook
from autograder.limits import Limits
from autograder.restore import not_graded_notebook, restore
from autograder.results import SubmissionResult
from autograder.runner import run_notebook
from autograder.sandbox import Zygote
from autograder.submissions import (
    NotGradableError,
    Submission,
    notebook_bytes,
    parse_notebook,
)

_MOST_DATA = 8 << 30


@dataclass(frozen=True)
class Job:
    """One submission to grade, with all that it takes."""

    instructors: tuple[InstructorNotebook, ...]
    submission: Submission
    limits: Limits
    unsandboxed: bool
    fingerprint: str


@dataclass(frozen=True)
class GradedNotebook:
    """A notebook (nbformat 4.5) with its outputs, and its result, still without points."""

    notebook: dict[str, Any]
    result: SubmissionResult


def grade(job: Job) -> list[GradedNotebook]:
    """Grade every notebook of a submission; a bad submission gives a reason, never an exception.

    Raises:
        AutograderError: no submission could be graded: no sandbox, or the instructor's own
            cells fail.
    """
    # One thread per process runs the jobs: the sandbox ends with the thread that started it, and
    # the tests' printed output and random numbers belong to the whole process.
    return _thread().submit(_grade, job).result()


def _grade(job: Job) -> list[GradedNotebook]:
    try:
        return [_grade_notebook(job, instructor) for instructor in job.instructors]
    finally:
        # A submission's classes and functions refer to each other in circles. What was imported
        # for the first one stays for good: not looking at it again makes this cheap.
        gc.collect()
        if not gc.get_freeze_count():
            gc.freeze()


def _grade_notebook(job: Job, instructor: InstructorNotebook) -> GradedNotebook:
    try:
        cells = parse_notebook(notebook_bytes(job.submission, instructor.name), instructor.name)
    except NotGradableError as reason:
        return not_graded(job, instructor, str(reason))
    notebook, remarks = restore(cells, instructor)
    run = run_notebook(
        instructor,
        notebook,
        student=job.submission.student,
        zygote=zygote(job.limits, unsandboxed=job.unsandboxed),
        files={**job.submission.others, **instructor.files},
        limits=job.limits,
    )
    result = SubmissionResult(
        **_identity(job, instructor),
        status="partly graded" if run.problems else "graded",
        reason=" ".join([*run.problems, *remarks, *job.submission.remarks]),
        seconds=run.seconds,
        exercises=tuple(run.exercises),
        timed_out=run.timed_out,
    )
    return GradedNotebook(notebook, result)


def not_graded(job: Job, instructor: InstructorNotebook, reason: str) -> GradedNotebook:
    """The outcome of a submission that cannot be graded."""
    result = SubmissionResult(**_identity(job, instructor), status="not gradable", reason=reason)
    return GradedNotebook(not_graded_notebook(instructor, reason), result)


def _identity(job: Job, instructor: InstructorNotebook) -> dict[str, Any]:
    return {
        "student": job.submission.student,
        "assignment": instructor.assignment,
        "notebook": instructor.name,
        "sandboxed": not job.unsandboxed,
        "fingerprint": job.fingerprint,
    }


_state = threading.local()
_executor: ThreadPoolExecutor | None = None
_lock = threading.Lock()


def _thread() -> ThreadPoolExecutor:
    global _executor
    with _lock:
        if _executor is None:
            _executor = ThreadPoolExecutor(1, thread_name_prefix="grading")
        return _executor


def zygote(limits: Limits, *, unsandboxed: bool) -> Zygote:
    """The calling thread's warm interpreter, started on first use and whenever the limits change.

    Raises:
        AutograderError: no sandbox can be had.
    """
    wanted = (limits, unsandboxed)
    if getattr(_state, "wanted", None) != wanted:
        if hasattr(_state, "zygote"):
            _state.zygote.close()
        _state.zygote = Zygote(limits, unsandboxed=unsandboxed).__enter__()
        _state.wanted = wanted
        # at the end of any process: multiprocessing's children do not run what atexit knows
        Finalize(None, _state.zygote.close, exitpriority=10)
    found: Zygote = _state.zygote
    return found


def prepare() -> None:
    """Initialise a local worker: it must not outlive a grader that was killed."""
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader, who ends us
    # A test that multiplies two arrays of a student's shapes fails here, not the whole machine.
    _, allowed = resource.getrlimit(resource.RLIMIT_DATA)
    most = _MOST_DATA if allowed == resource.RLIM_INFINITY else min(_MOST_DATA, allowed)
    resource.setrlimit(resource.RLIMIT_DATA, (most, allowed))
    os.environ.setdefault("MPLBACKEND", "agg")

    def watch() -> None:
        if parent is not None:
            with contextlib.suppress(OSError):
                wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
