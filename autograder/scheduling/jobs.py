"""A submission on its way to a worker and back, as data for any machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autograder.protocol.limits import Limits
from autograder.recording.results import SubmissionResult
from autograder.submission.instructor import InstructorNotebook
from autograder.submission.reading import Submission
from autograder.submission.restore import not_graded_notebook


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


def warm_up(limits: Limits, *, unsandboxed: bool) -> None:
    """Make a worker ready for its first job."""
    from autograder.scheduling import (
        worker,  # with NumPy, which the process that hands out jobs has no use of
    )

    worker.warm_up(limits, unsandboxed=unsandboxed)


def grade(job: Job) -> list[GradedNotebook]:
    """Grade every notebook of a submission; a bad submission gives a reason, never an exception.

    Raises:
        AutograderError: no submission could be graded: no sandbox, or the instructor's own
            cells fail.
    """
    from autograder.scheduling import worker

    return worker.grade(job)


def not_graded(job: Job, instructor: InstructorNotebook, reason: str) -> GradedNotebook:
    """The outcome of a submission that cannot be graded."""
    result = SubmissionResult(**identity(job, instructor), status="not gradable", reason=reason)
    return GradedNotebook(not_graded_notebook(instructor, reason), result)


def identity(job: Job, instructor: InstructorNotebook) -> dict[str, Any]:
    """What every result of a job says of itself."""
    return {
        "student": job.submission.student,
        "assignment": instructor.assignment,
        "notebook": instructor.name,
        "sandboxed": not job.unsandboxed,
        "fingerprint": job.fingerprint,
    }
