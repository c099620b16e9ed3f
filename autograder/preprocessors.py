"""nbgrader preprocessors: the same grading for `nbgrader autograde` and formgrader's button.

`RestoreCells` stands where nbgrader's DeduplicateIds and OverwriteCells do, `TrustedExecute` in
place of its Execute. What they leave in the notebook are ordinary cells with ordinary outputs.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.auditing.command import audit_assignment, faults_of
from autograder.auditing.record import with_verdicts
from autograder.course import Course
from autograder.errors import AutograderError
from autograder.options import GradingOptions
from autograder.recording.derived import remove_derived
from autograder.recording.gradebook import Gradebook
from autograder.recording.scores import score_notebook
from autograder.scheduling.worker import Job, run_job
from autograder.submission.instructor import InstructorNotebook, read_instructors
from autograder.submission.reading import plain_cell, read_submission
from autograder.submission.restore import restore


class RestoreCells(NbGraderPreprocessor):
    """Puts a submission back into the instructor's structure, whatever was done to it."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Give back the notebook with every known cell once, in order, with its own points."""
        asked = resources["nbgrader"]
        instructor = _named(asked["notebook"], _instructors(_course(self), asked["assignment"]))
        notebook, remarks = restore([plain_cell(cell) for cell in nb.cells], instructor)
        for remark in remarks:
            self.log.warning("%s: %s", asked["student"], remark)
        return nbformat.from_dict(notebook), resources


class TrustedExecute(NbGraderPreprocessor, GradingOptions):
    """Runs students' cells in the sandbox and the instructor's tests in this process."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run the notebook; the outputs of its test cells are the verdicts.

        Raises:
            AutograderError: there is no sandbox, the instructor's own cells fail, or a test that
                the assignment's own solution does not pass.
        """
        course, asked = _course(self), resources["nbgrader"]
        assignment = asked["assignment"]
        audited = with_verdicts(course, assignment, _instructors(course, assignment))
        audited = audited or audit_assignment(course, assignment, lambda _: None)
        instructor = _named(asked["notebook"], audited)
        # Read from what was handed in: nbgrader's copy has followed the links in it.
        submission = read_submission(
            course.folder("submitted"),
            asked["student"],
            assignment,
            ignore=course.directories.ignore,
            max_bytes=self.upload_bytes,
        )
        job = Job((instructor,), submission, self.limits, self.allow_unsandboxed)
        result = run_job(job, instructor, nb)
        if result.unfair:  # nbgrader would score them 0
            raise AutograderError(result.reason)
        graded = nbformat.from_dict(nb)
        score_notebook(graded, result, instructor.points)
        return graded, resources


def withdraw_scores(assignment: str, student: str, notebooks: Sequence[str]) -> None:
    """Before nbgrader grades a submission, take its old scores back (`pre_convert_hook`).

    If nbgrader then fails, on a file that it cannot read for instance, no score is left that
    belongs to something else.

    Args:
        student: not used: nbgrader passes its pattern for students, which may be `*`.
        notebooks: paths of the submitted notebooks, ROOT/submitted/STUDENT/ASSIGNMENT/NAME.ipynb.
    """
    folder = Path(notebooks[0]).parent
    course = Course.at(folder.parents[2])
    reason = "Not graded: nbgrader could not finish grading it; its log says why."
    remove_derived(course, assignment, folder.parent.name)
    with Gradebook.of(course) as gradebook:
        gradebook.withdraw(assignment, folder.parent.name, reason)


def audit_release(assignment: str, student: str, notebooks: Sequence[str]) -> None:
    """After nbgrader has made a release, find out how its tests run (`post_convert_hook`).

    nbgrader hides what a hook raises, so what is wrong is printed.
    """
    course = Course.at(Path.cwd())  # nbgrader converts at the root of the course
    try:
        found = audit_assignment(course, assignment, lambda _: None)
    except AutograderError as error:
        print(f"warning: {assignment} was not audited: {error}", file=sys.stderr)
        return
    for fault in faults_of(found):
        print(f"warning: {fault}", file=sys.stderr)


def _course(preprocessor: NbGraderPreprocessor) -> Course:
    return Course(preprocessor.config, CourseDirectory(parent=preprocessor))


def _instructors(course: Course, assignment: str) -> tuple[InstructorNotebook, ...]:
    with Gradebook.of(course) as gradebook:
        return read_instructors(course, assignment, gradebook.released(assignment))


def _named(name: str, notebooks: Sequence[InstructorNotebook]) -> InstructorNotebook:
    return next(notebook for notebook in notebooks if notebook.name == name)
