"""nbgrader preprocessors: the same grading for `nbgrader autograde` and formgrader's button.

`RestoreCells` stands where nbgrader's DeduplicateIds and OverwriteCells do, `TrustedExecute` in
place of its Execute. What they leave in the notebook are ordinary cells with ordinary outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.options import GradingOptions
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
        instructor = _instructor(self, resources)
        notebook, remarks = restore([plain_cell(cell) for cell in nb.cells], instructor)
        for remark in remarks:
            self.log.warning("%s: %s", resources["nbgrader"]["student"], remark)
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
        instructor = _instructor(self, resources)
        course = _course(self)
        # Read from what was handed in: nbgrader's copy has followed the links in it.
        submission = read_submission(
            course.folder("submitted"),
            resources["nbgrader"]["student"],
            instructor.assignment,
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
    with Gradebook.of(course) as gradebook:
        gradebook.withdraw(assignment, folder.parent.name, reason)


def _course(preprocessor: NbGraderPreprocessor) -> Course:
    return Course(preprocessor.config, CourseDirectory(parent=preprocessor))


def _instructor(
    preprocessor: NbGraderPreprocessor, resources: dict[str, Any]
) -> InstructorNotebook:
    asked = resources["nbgrader"]
    course = _course(preprocessor)
    with Gradebook(asked["db_url"], course.directories.course_id) as gradebook:
        released = gradebook.released(asked["assignment"])
    name = asked["notebook"]
    (instructor,) = read_instructors(course, asked["assignment"], {name: released[name]})
    return instructor
