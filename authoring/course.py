"""The course on disk: configuration, folders, notebooks, and building a folder all or nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from traitlets.config import Config

from authoring.config import config_file, read_config
from authoring.errors import AuthoringError


@dataclass(frozen=True)
class Course:
    """A course folder: the one that holds nbgrader_config.py."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> Course:
        """The course at this folder.

        Raises:
            AuthoringError: there is none.
        """
        config_file(root)
        return cls(root.resolve())

    def config(self) -> Config:
        """The course's configuration, read afresh."""
        return read_config(self.root)

    def _folder(self, step: str, default: str) -> Path:
        return self.root / str(self.config().CourseDirectory.get(f"{step}_directory", default))

    @property
    def source(self) -> Path:
        """Where the instructor's notebooks are."""
        return self._folder("source", "source")

    @property
    def release(self) -> Path:
        """Where the students' notebooks go."""
        return self._folder("release", "release")

    @property
    def submitted(self) -> Path:
        """Where submissions are collected."""
        return self._folder("submitted", "submitted")

    @property
    def solutions(self) -> Path:
        """Where the executed solutions go."""
        return self.root / "solutions"

    @property
    def ignored(self) -> list[str]:
        """Patterns of file names that never leave the source folder."""
        return list(self.config().CourseDirectory.get("ignore", []))

    def assignments(self) -> list[str]:
        """Names of the assignments that have a source notebook."""
        return sorted({path.parent.name for path in self.source.glob("*/*.ipynb")})

    def notebooks(self, assignment: str) -> list[Path]:
        """The source notebooks of an assignment.

        Raises:
            AuthoringError: there is no such assignment.
        """
        found = sorted((self.source / assignment).glob("*.ipynb"))
        if not found:
            known = ", ".join(self.assignments()) or "none yet"
            raise AuthoringError(
                f"{self.source / assignment} holds no notebook. Assignments: {known}."
            )
        return found

    def released_choice(self, assignment: str) -> dict[str, Any]:
        """The `blanks` and `level` of the release on disk; without a release, neither."""
        choice: dict[str, Any] = {}
        for path in sorted((self.release / assignment).glob("*.ipynb")):
            said = read_notebook(path).metadata.get("exercise", {})
            choice |= {key: said[key] for key in ("blanks", "level") if key in said}
        return choice


def files_in(folder: Path, name: str) -> dict[str, bytes]:
    """The contents of all files in a folder, under `name` and their path in it."""
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook of the course.

    Raises:
        AuthoringError: the file is missing or is not a notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except OSError as error:
        raise AuthoringError(f"{path} cannot be read: {error.strerror}.") from error
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise AuthoringError(
            f"{path} is not a notebook ({reason}). Build it again, or take it from version control."
        ) from error


@contextmanager
def staged(destination: Path) -> Iterator[Path]:
    """A new folder that takes the place of `destination` only if the block succeeds.

    Yields the path of that folder, for the block to make. When the block raises, or makes nothing,
    `destination` stays as it was.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=destination.parent) as scratch:
        folder = Path(scratch) / "new" / destination.name
        folder.parent.mkdir()
        yield folder
        if not folder.is_dir():
            raise AuthoringError(f"Nothing was built for {destination}.")
        old = Path(scratch) / "old"
        if destination.exists():
            destination.rename(old)
        try:
            folder.rename(destination)
        except OSError:
            if old.exists():
                old.rename(destination)
            raise
