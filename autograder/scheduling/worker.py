"""What a worker does, in a local process or on another machine: one submission, data to data.

Nothing of nbgrader is imported here, so that a worker starts quickly.
"""

from __future__ import annotations

import gc
import importlib
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.util import Finalize

from autograder.protocol.limits import Limits
from autograder.recording.results import SubmissionResult
from autograder.sandbox.sandbox import PRELOAD, Zygote
from autograder.scheduling.jobs import GradedNotebook, Job, identity, not_graded
from autograder.startup import lasting_imports
from autograder.submission.instructor import InstructorNotebook
from autograder.submission.reading import NotGradableError, notebook_bytes, parse_notebook
from autograder.submission.restore import restore
from autograder.testing.runner import run_notebook


def warm_up(limits: Limits, *, unsandboxed: bool) -> None:
    """See `jobs.warm_up`: the sandbox starts while the same modules are imported here.

    Raises:
        AutograderError: as `zygote`.
    """
    _thread().submit(zygote, limits, unsandboxed=unsandboxed).result()
    with lasting_imports():
        for name in PRELOAD:
            importlib.import_module(name)


def grade(job: Job) -> list[GradedNotebook]:
    """See `jobs.grade`."""
    # One thread per process runs the jobs: the sandbox ends with the thread that started it, and
    # the tests' printed output and random numbers belong to the whole process.
    return _thread().submit(_grade, job).result()


def _grade(job: Job) -> list[GradedNotebook]:
    try:
        return [_grade_notebook(job, instructor) for instructor in job.instructors]
    finally:
        _collect_garbage()


def _collect_garbage() -> None:
    """A submission's classes and functions refer to each other in circles.

    What was imported for the first one stays for good: not looking at it again makes this cheap.
    """
    gc.collect()
    if not hasattr(_state, "frozen"):
        gc.freeze()
        _state.frozen = True


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
        **identity(job, instructor),
        status="partly graded" if run.problems else "graded",
        reason=" ".join([*run.problems, *remarks, *job.submission.remarks]),
        seconds=run.seconds,
        exercises=tuple(run.exercises),
        timed_out=run.timed_out,
    )
    return GradedNotebook(notebook, result)


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
    """The calling thread's warm interpreter, begun on first use and whenever the limits change.

    Raises:
        AutograderError: no sandbox can be had.
    """
    wanted = (limits, unsandboxed)
    if getattr(_state, "wanted", None) != wanted:
        if hasattr(_state, "zygote"):
            _state.zygote.close()
        _state.zygote = Zygote(limits, unsandboxed=unsandboxed)
        _state.zygote.begin()
        _state.wanted = wanted
        # at the end of any process: multiprocessing's children do not run what atexit knows
        Finalize(None, _state.zygote.close, exitpriority=10)
    found: Zygote = _state.zygote
    return found
