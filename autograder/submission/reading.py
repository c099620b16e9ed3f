"""Reading what students hand in, which may be anything at all.

Nothing is followed, run or trusted here: links are refused, sizes are capped, and of a notebook
only the sources and pasted pictures of its cells are kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError
from autograder.submission.presentation import plain_text

TIMESTAMP = "timestamp.txt"
NOTEBOOK = re.compile(r"\.ipynb(\.(json|txt))?$|\.json$", re.IGNORECASE)
# Outputs do not count towards the size of a submission, but somebody has to read them first.
_MOST_WITH_OUTPUTS = 64 << 20
_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class NotGradableError(AutograderError):
    """A submission cannot be graded; the message is the reason, for student and instructor."""


@dataclass(frozen=True)
class Submission:
    """The files of one student's submission, read once.

    Attributes:
        files: relative path to contents, notebooks included; links and oversized files are not.
        remarks: what was left out or looks odd, in words.
    """

    student: str
    files: Mapping[str, bytes]
    remarks: tuple[str, ...] = ()

    @property
    def timestamp(self) -> str | None:
        """The text of `timestamp.txt`, which nbgrader's collect step writes."""
        return self.files.get(TIMESTAMP, b"").decode("utf-8", "replace").strip() or None

    @property
    def others(self) -> dict[str, bytes]:
        """Every file but the notebooks."""
        return {path: data for path, data in self.files.items() if not path.endswith(".ipynb")}


def students_with(submitted: Path, assignment: str) -> list[str]:
    """Names of the folders below `submitted` that hold a submission of the assignment."""
    if not submitted.is_dir():
        return []
    return sorted(
        folder.name
        for folder in submitted.iterdir()
        if folder.name != ".ipynb_checkpoints" and os.path.lexists(folder / assignment)
    )


def check_student_id(student: str) -> str:
    """The id, if it names a folder directly below `submitted`.

    Raises:
        AutograderError: the id would lead elsewhere.
    """
    if student in {"", ".", ".."} or re.search(r"[/\\\0]", student):
        raise AutograderError(
            f"{student!r} is not a student id: give the name of a folder in submitted/."
        )
    return student


def read_submission(
    submitted: Path, student: str, assignment: str, *, ignore: Collection[str], max_bytes: int
) -> Submission:
    """Read a submission's files without following any link.

    Args:
        ignore: glob patterns of file and folder names to leave out.
        max_bytes: largest file, and largest sum of all files, that is read.

    Raises:
        NotGradableError: the folder itself is a link or cannot be read.
    """
    root = submitted / student / assignment
    if any(path.is_symlink() for path in (root, root.parent)) or not root.is_dir():
        raise NotGradableError("The submission is a link or a file, not a folder. Submit it again.")
    files: dict[str, bytes] = {}
    remarks: list[str] = []
    left = max_bytes
    try:
        for folder, names, leaves in os.walk(root):
            here = Path(folder)
            names[:] = sorted(n for n in names if not _ignored(n, ignore))
            for name in [n for n in names if (here / n).is_symlink()]:
                remarks.append(f"{shown_name(name)} is a link and was left out.")
            for name in sorted(n for n in leaves if not _ignored(n, ignore)):
                path = (here / name).relative_to(root).as_posix()
                read = _notebook_within if NOTEBOOK.search(name) else _read_regular
                try:
                    if not path.isprintable():
                        raise NotGradableError("has an unusable name and was left out.")
                    files[path] = read(here / name, left)
                    left -= len(files[path])
                except NotGradableError as problem:
                    remarks.append(f"{shown_name(path)} {problem}")
    except OSError as error:
        raise NotGradableError(f"The submission cannot be read ({error.strerror}).") from error
    return Submission(student, files, tuple(remarks))


def _ignored(name: str, patterns: Collection[str]) -> bool:
    return any(Path(name).match(pattern) for pattern in patterns)


def shown_name(path: str) -> str:
    """A file name for people: names are the student's choice, and reasons go into web pages."""
    return re.sub(r"[^\w ./()+@,=~-]", "?", path)


def _read_regular(path: Path, limit: int) -> bytes:
    """Contents of a regular file; the check and the read are of the same open file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotGradableError("is a link or cannot be opened, and was left out.") from error
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise NotGradableError("is not an ordinary file and was left out.")
        if found.st_size > limit:
            raise _too_large(found.st_size, limit)
        return file.read(limit)


def _notebook_within(path: Path, limit: int) -> bytes:
    """A notebook's bytes; one that is too large is read without its outputs."""
    data = _read_regular(path, max(limit, _MOST_WITH_OUTPUTS))
    if len(data) > limit:
        with contextlib.suppress(
            ValueError, RecursionError, MemoryError, TypeError, AttributeError
        ):
            notebook = json.loads(data)
            for cell in notebook["cells"]:
                if cell.get("outputs"):
                    cell["outputs"] = []
            data = json.dumps(notebook).encode()
        if len(data) > limit:
            raise _too_large(len(data), limit)
    return data


def _too_large(size: int, limit: int) -> NotGradableError:
    return NotGradableError(
        f"is too large ({size / 1e6:.0f} MB; {limit / 1e6:.0f} MB are allowed) "
        "and was left out. Clear its outputs, save it and submit it again."
    )


def parse_notebook(data: bytes, name: str) -> list[dict[str, Any]]:
    """The cells of a submitted notebook, each reduced to what grading uses.

    Returns:
        dicts with `cell_type`, `source` and, where usable, `id`, `grade_id` and `attachments`.

    Raises:
        NotGradableError: the bytes are no notebook; says why and what to do.
    """
    file = f"{name}.ipynb"
    if not data.strip():
        raise NotGradableError(f"{file} is empty. Save your work in it and submit it again.")
    try:
        text = data.decode("utf-8-sig")  # the byte order mark that some editors write is harmless
        notebook = json.loads(text)
    except UnicodeDecodeError as error:
        raise _unusable(file, f"is not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _unusable(file, f"is damaged or cut off: its JSON breaks at {place}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise _unusable(file, f"is not a usable notebook ({error})") from error
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if isinstance(version, int) and version in (1, 2, 3):
        import nbformat  # slow to import, and old notebooks are rare

        try:
            notebook = json.loads(nbformat.writes(nbformat.reads(text, as_version=4)))
        except Exception as error:  # whatever the old formats' readers raise on hostile input
            why = f"is in an old notebook format and cannot be converted ({error!r:.200})"
            raise _unusable(file, why) from error
    elif version != 4:
        raise _unusable(file, f"is not a notebook of format 4 (it says {version!r:.40})")
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise _unusable(file, "has no list of cells")
    return [plain_cell(cell) for cell in cells if isinstance(cell, dict)]


def _unusable(file: str, why: str) -> NotGradableError:
    return NotGradableError(f"{file} {why}. Open it in Jupyter, save it and submit it again.")


def plain_cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    """A submitted cell reduced to what grading uses; see `parse_notebook`."""
    kind = cell.get("cell_type")
    plain: dict[str, Any] = {
        "cell_type": kind if kind in ("code", "markdown") else "raw",
        "source": plain_text(cell.get("source")),
    }
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    if isinstance(grade_id, str):
        plain["grade_id"] = grade_id
    if isinstance(cell.get("id"), str) and _CELL_ID.fullmatch(cell["id"]):
        plain["id"] = cell["id"]
    if kind == "markdown" and isinstance(cell.get("attachments"), dict):
        plain["attachments"] = {  # file name to {mime type: base64}; anything else is dropped
            name: {mime: data for mime, data in bundle.items() if isinstance(data, str)}
            for name, bundle in cell["attachments"].items()
            if isinstance(bundle, dict)
        }
    return plain
