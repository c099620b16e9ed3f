"""The folder of a graded submission, `autograded/STUDENT/ASSIGNMENT`: replaced whole, read back.

A submission that could not be graded has such a folder too: the assignment with the reason at its
top.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError
from autograder.recording.results import METADATA_KEY, SubmissionResult


def notebook_file(notebook: Mapping[str, Any]) -> bytes:
    """A notebook as the bytes of its file.

    On one line: nobody reads or compares these, and Python lays JSON out ten times slower.
    Half a surrogate pair, which a student's message may hold, becomes a question mark.
    """
    return json.dumps(notebook, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def replace_folder(folder: Path, files: Mapping[str, bytes], mode: int) -> None:
    """Put `folder` in place with exactly these files.

    The new folder is complete before the old one goes, so whoever is killed in between leaves the
    old one, none, or the new one.

    Args:
        files: relative path to contents.
        mode: permissions of the files.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left_over in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(left_over)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    new = scratch / "new"
    new.mkdir()
    for path, data in files.items():
        target = new / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(mode)
    if os.path.lexists(folder):
        folder.rename(scratch / "old")
    new.rename(folder)
    shutil.rmtree(scratch)


def remove_folder(folder: Path) -> None:
    """Take a folder away, if it is there, read-only files included."""
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)


def result_of(notebook: Path) -> SubmissionResult | None:
    """The record in one graded notebook; None when nothing of ours graded it.

    Raises:
        AutograderError: the file is not a notebook or its record is damaged.
    """
    try:
        metadata = json.loads(notebook.read_bytes())["metadata"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AutograderError(
            f"{notebook} is not a readable notebook ({error}); grade it again with --force."
        ) from error
    return (
        SubmissionResult.from_metadata(metadata[METADATA_KEY]) if METADATA_KEY in metadata else None
    )


def results_of(autograded: Path, assignment: str) -> Iterator[SubmissionResult]:
    """Every record below `autograded/*/ASSIGNMENT`, sorted by student and notebook."""
    for notebook in sorted(autograded.glob(f"*/{assignment}/*.ipynb")):
        if (result := result_of(notebook)) is not None:
            yield result
