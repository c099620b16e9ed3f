"""A class of submissions: many workers grade them, one process writes."""

from __future__ import annotations

import fcntl
import hashlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
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
from autograder.scheduling.progress import Advance
from autograder.scheduling.worker import GradedNotebook, Job, audit, grade, not_graded, warm_up
from autograder.submission.instructor import read_instructors
from autograder.submission.reading import (
    NotGradableError,
    Submission,
    check_student_id,
    read_submission,
    students_with,
)

_ENDED_TWICE = "The grader's own process ended twice while grading it. Please look at it by hand."
# How often to look whether another worker is worth it while none of those there are gets done.
_LOOK_SECONDS = 1.0


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


@dataclass(frozen=True)
class Outcome:
    """What became of one submission; or would, where nothing is kept.

    Attributes:
        results: of each of its notebooks; none where nothing had changed.
        change: of the points; without results, of the penalty for late work alone.
        notebooks: the graded ones, with their outputs.
    """

    student: str
    results: Sequence[SubmissionResult] = ()
    change: Change | None = None
    notebooks: Sequence[dict[str, Any]] = ()


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
    progress: Advance,
    say: Callable[[str], None] = lambda _: None,
) -> list[SubmissionResult]:
    """Grade submissions as `grade_each` does, and say whose points have changed.

    Returns:
        the results of all submissions that were graded now, without the diagnosis: of thousands
        of submissions that would be a lot to hold.
    """
    results: list[SubmissionResult] = []
    changes: dict[str, str] = {}
    outdated: list[str] = []
    for outcome in grade_each(course, plan, students, progress, outdated.append):
        results += [replace(result, exercises=()) for result in outcome.results]
        if outcome.change is not None and not outcome.results:
            why = "the answers are unchanged, the penalty for late work is not"
            changes[outcome.student] = f"{outcome.change}: {why}."
        elif outcome.change is not None and outcome.change.gain:
            changes[outcome.student] = f"{outcome.change}."
    for _, sentence in sorted(changes.items()):
        say(sentence)
    for sentence in outdated:
        say(sentence)
    return results


def grade_each(
    course: Course,
    plan: Plan,
    students: Sequence[str],
    progress: Advance,
    say: Callable[[str], None],
    *,
    keep: bool = True,
) -> Iterator[Outcome]:
    """Grade submissions; the gradebook and the autograded folder are complete at every moment.

    Whatever was graded when this is interrupted or killed stays graded, and running it again
    does the rest.

    Args:
        say: called at the end with what was graded as it was released, but has changed since.
        keep: False to write nothing; then what has not changed is graded too.

    Raises:
        AutograderError: grading is not possible: no release, no sandbox, a broken instructor's
            cell, a gradebook that cannot be written, another grader at work.
    """
    with _only_grader(course, plan.assignment), Gradebook.of(course) as gradebook:
        batch = _Batch(course, plan, gradebook, keep=keep)
        for outcome in batch.run(students):
            progress(outcome.student, outcome.results)
            yield outcome
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

    def __init__(self, course: Course, plan: Plan, gradebook: Gradebook, *, keep: bool) -> None:
        options = GradingOptions.of(course.config)
        self.course = course
        self.plan = plan
        self.gradebook = gradebook
        self.keep = keep
        plain = read_instructors(course, plan.assignment, gradebook.released(plan.assignment))
        audited = with_verdicts(course, plan.assignment, plain)
        self.audited = audited is not None
        self.instructors = audited or plain
        self.recorded = gradebook.recorded(plan.assignment)
        self.may_be_late = gradebook.may_be_late(plan.assignment)
        self.limits = options.limits
        self.upload_bytes = options.upload_bytes
        self.unsandboxed = plan.unsandboxed or options.allow_unsandboxed
        self.waiting: deque[str] = deque()
        self.losses: Counter[str] = Counter()
        """How often a worker was lost while it graded a student's submission."""

    def run(self, students: Sequence[str]) -> Iterator[Outcome]:
        """Grade and write; yields every student once."""
        self.waiting.extend(students)
        while self.waiting:
            with self._pool(len(students)) as pool:
                if not self.audited:
                    self._audit(pool)
                yield from self._drain(pool)

    def _audit(self, pool: Pool) -> None:
        """Find out how each test is to be run, where the assignment was never audited."""
        audited = pool.submit(audit, self.instructors, self.limits, self.unsandboxed).result()
        if self.keep:
            write_verdicts(self.course, self.plan.assignment, audited)
        self.instructors, self.audited = audited, True

    def _pool(self, submissions: int) -> AbstractContextManager[Pool]:
        if self.plan.scheduler is not None:
            return dask_pool(self.plan.scheduler)
        prepare = partial(warm_up, self.limits, self.unsandboxed)
        return local_pool(min(self.plan.jobs or local_jobs(), submissions), prepare)

    def _drain(self, pool: Pool) -> Iterator[Outcome]:
        """Grade until nothing waits, or until the pool has lost a worker and is of no more use."""
        working: dict[Future[list[GradedNotebook]], Job] = {}
        lost_any = False
        while working or (self.waiting and not lost_any):
            while not lost_any and self._may_begin(working.values(), pool.room):
                student = self.waiting.popleft()
                job = self._job(student)
                if isinstance(job, Outcome):
                    yield job
                    continue
                try:
                    working[pool.submit(grade, job)] = job
                except BrokenProcessPool:  # the worker ended since the last look, on another job
                    self.waiting.appendleft(student)
                    lost_any = True
            done, _ = wait(working, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
            for future in done:
                job = working.pop(future)
                if not isinstance(future.exception(), BrokenProcessPool):
                    yield self._finish(job, future)
                    continue
                lost_any = True
                student = job.submission.student
                self.losses[student] += 1
                if self.losses[student] == 1:
                    self.waiting.appendleft(student)
                else:
                    yield self._refuse(job, _ENDED_TWICE)
            pool.expect(len(self.waiting))

    def _may_begin(self, working: Collection[Job], room: int) -> bool:
        """Whether the next one may; who was there when a worker was lost goes alone."""
        if not self.waiting:
            return False
        students = [self.waiting[0], *(job.submission.student for job in working)]
        return len(working) < (1 if any(self.losses[each] for each in students) else room)

    def _job(self, student: str) -> Job | Outcome:
        """The work to do for a student; or what became of it, where there is nothing to run."""
        refused = ""
        try:
            submission = read_submission(
                self.course.folder("submitted"),
                student,
                self.plan.assignment,
                ignore=self.course.directories.ignore,
                max_bytes=self.upload_bytes,
            )
        except NotGradableError as reason:
            submission, refused = Submission(student, {}), str(reason)
        digest = self._fingerprint(submission)
        job = Job(self.instructors, submission, self.limits, self.unsandboxed, fingerprint=digest)
        if self.keep and not self.plan.force and self._is_unchanged(job):
            return Outcome(student, change=self._renew_penalty(student))
        return self._refuse(job, refused) if refused else job

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
        if student not in self.recorded:
            return False
        folder, recorded = self._autograded(student), self.recorded[student]
        try:
            results = [result_of(folder / f"{each.name}.ipynb") for each in self.instructors]
        except AutograderError:
            return False
        return all(
            result is not None
            # What could not be graded is named in every run, until it is handed in again.
            and result.status != "not gradable"
            and result.fingerprint == job.fingerprint
            and all(
                recorded.get((result.notebook, name), -1.0) == score
                for name, (score, _) in result.tests.items()
            )
            for result in results
        )

    def _renew_penalty(self, student: str) -> Change | None:
        """A due date that was moved, an extension or another policy changes the penalty alone."""
        if not self.may_be_late:
            return None
        assignment, late = self.plan.assignment, self.course.late_penalty
        first = partial(remove_derived, self.course, assignment, student)
        return self.gradebook.renew_penalty(assignment, student, late, first)

    def _autograded(self, student: str) -> Path:
        return self.course.folder("autograded") / student / self.plan.assignment

    def _finish(self, job: Job, future: Future[list[GradedNotebook]]) -> Outcome:
        """Write what grading gave; a fault of the grader costs this submission, not the batch."""
        try:
            return self._write(job, future.result())
        except AutograderError:
            raise
        except Exception as error:
            failed = f"{type(error).__name__}: {error!s:.500}"
            reason = f"The grader failed on this submission ({failed}). Please look at it by hand."
            return self._refuse(job, reason)

    def _refuse(self, job: Job, reason: str) -> Outcome:
        """Write that a submission could not be graded, and why."""
        return self._write(job, [not_graded(job, each, reason) for each in self.instructors])

    def _write(self, job: Job, graded: Sequence[GradedNotebook]) -> Outcome:
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
        if self.keep:
            mode = 0o664 if self.course.directories.groupshared else 0o444
            replace_folder(self._autograded(student), files, mode)
        return Outcome(student, results, change, [one.notebook for one in graded])
