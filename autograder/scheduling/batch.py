"""A class of submissions: many workers grade them, one process writes."""

from __future__ import annotations

import fcntl
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from autograder.auditing.record import with_verdicts, write_verdicts
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.options import GradingOptions
from autograder.recording.autograded import notebook_file, replace_folder, result_of
from autograder.recording.derived import remove_derived
from autograder.recording.gradebook import Change, Gradebook
from autograder.recording.results import SubmissionResult
from autograder.recording.scores import score_notebook
from autograder.scheduling.pools import Pool, dask_pool, local_jobs, local_pool
from autograder.scheduling.worker import GradedNotebook, Job, audit, grade, not_graded, warm_up
from autograder.submission.instructor import read_instructors
from autograder.submission.reading import (
    NotGradableError,
    Submission,
    check_student_id,
    read_submission,
    students_with,
)

# How often to look whether another worker is worth it while none of those there are gets done.
_LOOK_SECONDS = 1.0

# Called with each submission's results as they are written; an empty list for one that is skipped.
Progress = Callable[[str, Sequence[SubmissionResult]], None]


@dataclass(frozen=True)
class Plan:
    """What to grade, and how.

    Attributes:
        students: whose submissions; empty for everybody's.
        force: grade also what was graded and has not changed.
        jobs: local processes; None for one per core.
        scheduler: address of a Dask scheduler to use instead of local processes.
        unsandboxed: the instructor explicitly said to grade without a sandbox.
    """

    assignment: str
    students: tuple[str, ...] = ()
    force: bool = False
    jobs: int | None = None
    scheduler: str | None = None
    unsandboxed: bool = False


def chosen_students(course: Course, plan: Plan) -> list[str]:
    """The students whose submissions the plan is about.

    Raises:
        AutograderError: there is no submission at all, or none of a student that was asked for.
    """
    submitted = course.folder("submitted")
    there = students_with(submitted, plan.assignment)
    if not there:
        raise AutograderError(
            f"There are no submissions of {plan.assignment} in {submitted}. Run `autograder "
            f"collect` first; one looks like {submitted.name}/STUDENT/{plan.assignment}/."
        )
    for student in plan.students:
        if check_student_id(student) not in there:
            known = ", ".join(there[:8]) + (", ..." if len(there) > 8 else "")
            raise AutograderError(
                f"{student} has not submitted {plan.assignment}. Submissions are of: {known}."
            )
    return [student for student in there if not plan.students or student in plan.students]


def grade_class(
    course: Course,
    plan: Plan,
    students: Sequence[str],
    progress: Progress,
    say: Callable[[str], None] = lambda _: None,
) -> list[SubmissionResult]:
    """Grade submissions; the gradebook and the autograded folder are complete at every moment.

    Whatever was graded when this is interrupted or killed stays graded, and running it again
    does the rest.

    Returns:
        the results of all submissions that were graded now, without the diagnosis.

    Raises:
        AutograderError: grading is not possible: no release, no sandbox, a broken instructor's
            cell, a gradebook that cannot be written, another grader at work.
    """
    with _only_grader(course, plan.assignment), Gradebook.of(course) as gradebook:
        batch = _Batch(course, plan, gradebook)
        results = []
        for student, written in batch.run(students):
            # Without the diagnosis: of thousands of submissions that would be a lot to hold.
            results += [replace(result, exercises=()) for result in written]
            progress(student, written)
        for change in sorted(batch.changes, key=lambda each: each.student):
            why = ""
            if change.student in batch.renewed:
                why = ": the answers are unchanged, the penalty for late work is not"
            if change.gain or why:
                say(f"{change}{why}.")
        _say_what_is_outdated(batch, say)
        return results


def dry_run(
    course: Course,
    plan: Plan,
    students: Sequence[str],
    progress: Progress,
    say: Callable[[str], None],
) -> Iterator[tuple[Change, list[tuple[dict[str, Any], SubmissionResult]]]]:
    """Grade submissions and write nothing of it.

    Yields:
        Each student's points, before and then, with the graded notebooks and the results.

    Raises:
        AutograderError: see `grade_class`.
    """
    with _only_grader(course, plan.assignment), Gradebook.of(course) as gradebook:
        batch = _Batch(course, replace(plan, force=True), gradebook, keep=False)
        for student, results in batch.run(students):
            progress(student, results)
            yield batch.changes.pop(), list(zip(batch.notebooks, results, strict=True))
        _say_what_is_outdated(batch, say)


def _say_what_is_outdated(batch: _Batch, say: Callable[[str], None]) -> None:
    for instructor in batch.instructors:
        if instructor.outdated:
            say(
                f"{instructor.name}.ipynb has changed since its release: "
                f"{', '.join(instructor.outdated)}. This was graded as released. To grade by the "
                f"tests and points of now, run `authoring release {instructor.assignment}` first."
            )


@contextmanager
def _only_grader(course: Course, assignment: str) -> Iterator[None]:
    autograded = course.folder("autograded")
    autograded.mkdir(parents=True, exist_ok=True)
    with (autograded / f".{assignment}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AutograderError(
                f"Another `autograder grade {assignment}` is running in this course. "
                "Wait for it to end."
            ) from None
        yield


class _Batch:
    """Grades submissions, and writes them unless it is not to keep anything."""

    def __init__(
        self, course: Course, plan: Plan, gradebook: Gradebook, *, keep: bool = True
    ) -> None:
        options = GradingOptions.of(course.config)
        self.keep = keep
        self.course = course
        self.plan = plan
        self.gradebook = gradebook
        released = gradebook.released(plan.assignment)
        self.instructors = read_instructors(course, plan.assignment, released)
        audited, self.unaudited = with_verdicts(course, plan.assignment, self.instructors)
        if not self.unaudited:
            self.instructors = tuple(audited)
        self.recorded = gradebook.recorded(plan.assignment)
        self.may_be_late = gradebook.may_be_late(plan.assignment)
        self.limits = options.limits
        self.upload_bytes = options.upload_bytes
        self.unsandboxed = plan.unsandboxed or options.allow_unsandboxed
        self.mode = 0o664 if course.directories.groupshared else 0o444
        self.waiting: deque[str] = deque()
        self.suspects: deque[str] = deque()
        """Students whose submission was being graded when a worker was lost: they go alone."""
        self.losses: Counter[str] = Counter()
        self.changes: list[Change] = []
        """What became, or would become, of the points of each, in the order of grading."""
        self.notebooks: list[dict[str, Any]] = []
        """What the last student's notebooks would be, where nothing is kept."""
        self.renewed: set[str] = set()
        """Students whose answers had not changed, but whose penalty for late work had."""

    def run(self, students: Sequence[str]) -> Iterator[tuple[str, list[SubmissionResult]]]:
        """Grade and write; yields every student once, with no results if nothing had changed."""
        self.waiting = deque(students)
        while self.waiting or self.suspects:
            with self._pool(len(students)) as pool:
                if self.unaudited:
                    self._audit(pool)
                yield from self._drain(pool)

    def _audit(self, pool: Pool) -> None:
        """Find out how each test is to be run, where the assignment was never audited."""
        find = partial(audit, unsandboxed=self.unsandboxed)
        found = pool.submit(find, self.instructors, self.limits).result()
        if self.keep:
            write_verdicts(self.course, self.plan.assignment, found)
        self.instructors, self.unaudited = tuple(found), []

    def _pool(self, submissions: int) -> AbstractContextManager[Pool]:
        if self.plan.scheduler is not None:
            return dask_pool(self.plan.scheduler)
        prepare = partial(warm_up, self.limits, unsandboxed=self.unsandboxed)
        return local_pool(min(self.plan.jobs or local_jobs(), submissions), prepare)

    def _drain(self, pool: Pool) -> Iterator[tuple[str, list[SubmissionResult]]]:
        """Grade until nothing waits, or until the pool has lost a worker and is of no more use."""
        working: dict[Future[list[GradedNotebook]], Job] = {}
        lost_any = False
        while working or (not lost_any and (self.waiting or self.suspects)):
            alone = bool(self.suspects)
            while not lost_any and len(working) < (1 if alone else pool.room):
                queue = self.suspects if alone else self.waiting
                if not queue or (alone and working):
                    break
                student = queue.popleft()
                job = self._job(student)
                if not isinstance(job, Job):
                    yield student, job
                    continue
                try:
                    working[pool.submit(grade, job)] = job
                except BrokenProcessPool:  # the worker ended since the last look, on another job
                    queue.appendleft(student)
                    lost_any = True
            done, _ = wait(working, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                job = working.pop(future)
                if _lost_worker(future):
                    lost_any = True
                    yield from self._suspect(job)
                else:
                    yield job.submission.student, self._finish(job, future)
            pool.expect(len(self.waiting))

    def _suspect(self, job: Job) -> Iterator[tuple[str, list[SubmissionResult]]]:
        student = job.submission.student
        self.losses[student] += 1
        if self.losses[student] < 2:
            self.suspects.append(student)
            return
        reason = "The grader's own process ended twice while grading it. Please look at it by hand."
        yield student, self._write(job, self._without_grade(job, reason))

    def _job(self, student: str) -> Job | list[SubmissionResult]:
        """The work to do for a student; or its results, where there is nothing to run."""
        try:
            submission = read_submission(
                self.course.folder("submitted"),
                student,
                self.plan.assignment,
                ignore=self.course.directories.ignore,
                max_bytes=self.upload_bytes,
            )
            refused = None
        except NotGradableError as reason:
            submission, refused = Submission(student, {}), str(reason)
        job = Job(
            instructors=self.instructors,
            submission=submission,
            limits=self.limits,
            unsandboxed=self.unsandboxed,
            fingerprint=self._fingerprint(submission),
        )
        if not self.plan.force and self._is_unchanged(job):
            self._renew_penalty(job)
            return []
        return job if refused is None else self._write(job, self._without_grade(job, refused))

    def _fingerprint(self, submission: Submission) -> str:
        """Digest of all that decides the grade."""
        told = hashlib.sha256(repr((self.limits, self.unsandboxed)).encode())
        for instructor in self.instructors:
            told.update((instructor.digest + instructor.verdicts.key).encode())
        for path, data in sorted(submission.files.items()):
            told.update(f"{path}\0{len(data)}\0".encode() + data)
        told.update(repr(submission.remarks).encode("utf-8", "replace"))
        return told.hexdigest()

    def _is_unchanged(self, job: Job) -> bool:
        """Whether the last run was of the same files, and all that it wrote is still there."""
        student = job.submission.student
        recorded = self.recorded.get(student)
        if recorded is None:
            return False
        for instructor in self.instructors:
            try:
                result = result_of(self._autograded(student) / f"{instructor.name}.ipynb")
            except AutograderError:
                return False
            # What could not be graded is named in every run, until it is handed in again.
            if result is None or result.status == "not gradable":
                return False
            if result.fingerprint != job.fingerprint:
                return False
            for name, (score, _) in result.tests.items():
                if recorded.get((instructor.name, name), -1.0) != score:
                    return False
        return True

    def _renew_penalty(self, job: Job) -> None:
        """A due date that was moved, an extension or another policy changes the penalty alone."""
        if not self.may_be_late:
            return
        assignment, student = self.plan.assignment, job.submission.student
        change = self.gradebook.renew_penalty(
            assignment,
            student,
            self.course.late_penalty,
            partial(remove_derived, self.course, assignment, student),
        )
        if change is not None:
            self.changes.append(change)
            self.renewed.add(student)

    def _autograded(self, student: str) -> Path:
        return self.course.folder("autograded") / student / self.plan.assignment

    def _finish(self, job: Job, future: Future[list[GradedNotebook]]) -> list[SubmissionResult]:
        """Write what grading gave; a fault of the grader costs this submission, not the batch."""
        try:
            return self._write(job, future.result())
        except AutograderError:
            raise
        except Exception as error:
            reason = (
                f"The grader failed on this submission ({type(error).__name__}: {error!s:.500}). "
                "Please look at it by hand."
            )
            return self._write(job, self._without_grade(job, reason))

    def _without_grade(self, job: Job, reason: str) -> list[GradedNotebook]:
        return [not_graded(job, instructor, reason) for instructor in self.instructors]

    def _write(self, job: Job, graded: Sequence[GradedNotebook]) -> list[SubmissionResult]:
        """Grades first, the folder second: only a complete folder counts as done."""
        assignment, student = self.plan.assignment, job.submission.student
        files = {**job.submission.others, **self.instructors[0].files}
        scores, results = {}, []
        for one, instructor in zip(graded, self.instructors, strict=True):
            scores[instructor.name], result = score_notebook(
                one.notebook, one.result, instructor.points
            )
            files[f"{instructor.name}.ipynb"] = notebook_file(one.notebook)
            results.append(result)
        if self.keep:
            remove_derived(self.course, assignment, student)
        timestamp, late = job.submission.timestamp, self.course.late_penalty
        change = self.gradebook.write(assignment, student, timestamp, scores, late, keep=self.keep)
        self.changes.append(change)
        if self.keep:
            replace_folder(self._autograded(student), files, self.mode)
        else:
            self.notebooks = [one.notebook for one in graded]
        return results


def _lost_worker(future: Future[list[GradedNotebook]]) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)
