"""The course on disk as grading sees it, through nbgrader's own configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.errors import AutograderError
from autograder.options import CONFIG_FILE, read_config
from autograder.recording.gradebook import Gradebook
from autograder.submission.instructor import (
    MISCONCEPTIONS,
    InstructorNotebook,
    ReleasedCell,
    read_instructor_notebook,
)


@dataclass(frozen=True)
class Course:
    """A course folder and what its `nbgrader_config.py` says."""

    config: Config
    directories: CourseDirectory

    @classmethod
    def at(cls, root: Path) -> Course:
        """The course in the folder that holds `nbgrader_config.py`.

        Raises:
            AutograderError: there is none, it cannot be read, or it moves the folders of
                submissions in a way that this grader does not follow.
        """
        return cls.of(root, read_config(root))

    @classmethod
    def of(cls, root: Path, config: Config) -> Course:
        """The same, where the configuration has been read."""
        if "root" not in config.CourseDirectory:
            config.CourseDirectory.root = str(root.resolve())
        directories = CourseDirectory(config=config)
        if directories.directory_structure != CourseDirectory.directory_structure.default_value:
            raise AutograderError(
                f"{CONFIG_FILE} sets CourseDirectory.directory_structure; this grader needs "
                "nbgrader's own, STEP/STUDENT/ASSIGNMENT."
            )
        return cls(config, directories)

    @property
    def root(self) -> Path:
        return Path(self.directories.root)

    @property
    def submitted(self) -> Path:
        return self.root / str(self.directories.submitted_directory)

    @property
    def autograded(self) -> Path:
        return self.root / str(self.directories.autograded_directory)

    def late_penalty(self, student: str, score: float, seconds: float) -> float | None:
        """What the configured plugin for late work takes off, as nbgrader's own step would."""
        # slow to import, and most work is in time
        from nbgrader.preprocessors import AssignLatePenalties

        penalties = AssignLatePenalties(config=self.config)
        penalties.init_plugin()
        penalty: float | None = penalties.plugin_inst.late_submission_penalty(
            student, score, seconds
        )
        return penalty

    def open_gradebook(self) -> Gradebook:
        return Gradebook(self.directories.db_url, self.directories.course_id)

    def instructors(self, gradebook: Gradebook, assignment: str) -> tuple[InstructorNotebook, ...]:
        """The instructor's copies of the notebooks of an assignment.

        Raises:
            AutograderError: the assignment was not released, or its source does not fit.
        """
        return tuple(
            instructor_notebook(self.directories, assignment, name, cells)
            for name, cells in sorted(gradebook.released(assignment).items())
        )


def instructor_notebook(
    directories: CourseDirectory, assignment: str, name: str, released: Sequence[ReleasedCell]
) -> InstructorNotebook:
    """One notebook of the instructor's, with the files that belong to its assignment.

    Raises:
        AutograderError: the source folder does not fit the release.
    """
    source = Path(directories.root, directories.source_directory)
    folder = source / assignment
    kept_back = (*directories.ignore, MISCONCEPTIONS, "*.ipynb")
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(path.match(pattern) for pattern in kept_back)
    }
    return read_instructor_notebook(folder / f"{name}.ipynb", assignment, released, files)
