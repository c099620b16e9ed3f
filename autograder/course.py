"""The course on disk as grading sees it, through nbgrader's own configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from authoring.config import CONFIG_FILE
from autograder.errors import AutograderError
from autograder.options import options_explained, read_config


@dataclass(frozen=True)
class Course:
    """A course folder and what its `nbgrader_config.py` says."""

    config: Config
    directories: CourseDirectory

    @classmethod
    def at(cls, root: Path, config: Config | None = None) -> Course:
        """The course in the folder that holds `nbgrader_config.py`.

        Args:
            config: what that file says, if it has been read already.

        Raises:
            AutograderError: there is none, it cannot be read, or it moves the folders of
                submissions in a way that this grader does not follow.
        """
        config = config or read_config(root)
        if "root" not in config.CourseDirectory:
            config.CourseDirectory.root = str(root.resolve())
        with options_explained():
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

    def folder(self, step: str) -> Path:
        """The folder of a step of nbgrader's: source, submitted, autograded or feedback."""
        return self.root / str(getattr(self.directories, f"{step}_directory"))

    def late_penalty(self, student: str, score: float, seconds: float) -> float | None:
        """Points that the configured plugin for late work takes off, as nbgrader would.

        Raises:
            AutograderError: the plugin cannot be found, or fails.
        """
        # slow to import, and most work is in time
        from nbgrader.preprocessors import AssignLatePenalties

        with options_explained():
            penalties = AssignLatePenalties(config=self.config)
        try:
            penalties.init_plugin()
            penalty: float | None = penalties.plugin_inst.late_submission_penalty(
                student, score, seconds
            )
        except Exception as error:  # the plugin is the course's own
            raise AutograderError(
                f"The penalty for late work of {student} cannot be computed: the plugin in "
                f"{CONFIG_FILE}, c.AssignLatePenalties.plugin_class, failed with "
                f"{type(error).__name__}: {error}. Correct the plugin, and run this again."
            ) from error
        return penalty
