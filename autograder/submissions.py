"""Reading what students hand in, which may be anything at all, and putting it back in order.

Nothing is followed, run or trusted here: links are refused, sizes are capped, and of a notebook
only the sources and pasted pictures of its cells are kept. The instructor's structure wins.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import AutograderError
from autograder.instructor import InstructorCell, InstructorNotebook
from autograder.presentation import death_output

TIMESTAMP = "timestamp.txt"
_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RESAVE = "Open it in Jupyter, save it and submit it again."


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
    submitted: Path, student: str, assignment: str, *, ignore: Iterable[str], max_bytes: int
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
    patterns = tuple(ignore)
    try:
        for folder, names, leaves in os.walk(root):
            here = Path(folder)
            names[:] = sorted(n for n in names if not _ignored(n, patterns))
            for name in [n for n in names if (here / n).is_symlink()]:
                remarks.append(f"{name} is a link and was left out.")
            for name in sorted(n for n in leaves if not _ignored(n, patterns)):
                path = (here / name).relative_to(root).as_posix()
                if not path.isprintable():
                    remarks.append(f"{_shown(path)} has an unusable name and was left out.")
                    continue
                try:
                    data = _read_regular(here / name, left)
                except NotGradableError as problem:
                    remarks.append(f"{_shown(path)} {problem}")
                    continue
                files[path] = data
                left -= len(data)
    except OSError as error:
        raise NotGradableError(f"The submission cannot be read ({error.strerror}).") from error
    return Submission(student, files, tuple(remarks))


def _ignored(name: str, patterns: tuple[str, ...]) -> bool:
    return any(Path(name).match(pattern) for pattern in patterns)


def _shown(path: str) -> str:
    return path.encode("utf-8", "replace").decode()


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
            raise NotGradableError(
                f"is too large ({found.st_size / 1e6:.0f} MB; {limit / 1e6:.0f} MB are allowed) "
                "and was left out. Clear its outputs, save it and submit it again."
            )
        return file.read(limit)


def notebook_bytes(submission: Submission, name: str) -> bytes:
    """The contents of `NAME.ipynb`.

    Raises:
        NotGradableError: there is no such file; says which notebooks there are.
    """
    wanted = f"{name}.ipynb"
    if wanted in submission.files:
        return submission.files[wanted]
    for remark in submission.remarks:
        if remark.startswith(f"{wanted} "):
            raise NotGradableError(remark.removesuffix(" and was left out."))
    others = [_shown(path) for path in submission.files if path.endswith(".ipynb")]
    found = f"found {', '.join(sorted(others)[:5])}" if others else "found no notebook at all"
    raise NotGradableError(
        f"There is no {wanted} ({found}). Restore the file's name and submit again."
    )


def parse_notebook(data: bytes, name: str) -> list[dict[str, Any]]:
    """The cells of a submitted notebook, each reduced to what grading uses.

    Returns:
        dicts with `cell_type`, `source` and, where usable, `id`, `grade_id` and `attachments`.

    Raises:
        NotGradableError: the bytes are no notebook; says why and what to do.
    """
    file = f"{name}.ipynb"
    try:
        notebook = json.loads(_text(data, file))
    except json.JSONDecodeError as error:
        raise NotGradableError(
            f"{file} is damaged or cut off: its JSON breaks at line {error.lineno}, "
            f"column {error.colno}. {_RESAVE}"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotGradableError(f"{file} is not a usable notebook ({error}). {_RESAVE}") from error
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if isinstance(version, int) and version in (1, 2, 3):
        notebook = _upgrade(data, file)
    elif version != 4:
        raise NotGradableError(
            f"{file} is not a notebook of format 4 (it says {version!r:.40}). {_RESAVE}"
        )
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise NotGradableError(f"{file} has no list of cells. {_RESAVE}")
    return [plain_cell(cell) for cell in cells if isinstance(cell, dict)]


def _text(data: bytes, file: str) -> str:
    if not data.strip():
        raise NotGradableError(f"{file} is empty. Save your work in it and submit it again.")
    try:
        # The byte order mark that some editors write is harmless.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotGradableError(
            f"{file} is not UTF-8 text (byte {error.start}). {_RESAVE}"
        ) from error


def _upgrade(data: bytes, file: str) -> Any:
    import nbformat  # slow to import, and old notebooks are rare

    try:
        return json.loads(nbformat.writes(nbformat.reads(data.decode("utf-8-sig"), as_version=4)))
    except Exception as error:  # whatever the old formats' readers raise on hostile input
        raise NotGradableError(
            f"{file} is in an old notebook format and cannot be converted ({error!r:.200}). "
            f"{_RESAVE}"
        ) from error


def plain_cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    """A submitted cell reduced to what grading uses; see `parse_notebook`."""
    kind = cell.get("cell_type")
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    plain: dict[str, Any] = {
        "cell_type": kind if kind in ("code", "markdown") else "raw",
        # A lone surrogate is valid JSON and breaks every file that it is written to.
        "source": source.encode("utf-8", "replace").decode() if isinstance(source, str) else "",
    }
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    if isinstance(grade_id, str):
        plain["grade_id"] = grade_id
    if isinstance(cell.get("id"), str) and _CELL_ID.fullmatch(cell["id"]):
        plain["id"] = cell["id"]
    if kind == "markdown" and isinstance(cell.get("attachments"), dict):
        plain["attachments"] = _pictures(cell["attachments"])
    return plain


def _pictures(attachments: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Pasted pictures: file name to {mime type: base64}; anything else is dropped."""
    return {
        name: {mime: data for mime, data in bundle.items() if isinstance(data, str)}
        for name, bundle in attachments.items()
        if isinstance(bundle, dict)
    }


def restore(
    cells: list[dict[str, Any]], instructor: InstructorNotebook
) -> tuple[dict[str, Any], list[str]]:
    """The submission in the instructor's structure.

    Every cell that nbgrader knows appears once, in the instructor's order, with the instructor's
    metadata and points; a solution has the student's source, everything locked the instructor's.
    The student's own cells follow the known cell that they followed in the submission. Of a cell
    that appears twice the last is the answer, as in nbgrader; the others stay as ordinary cells.

    Returns:
        the notebook (nbformat 4.5) and remarks on what had to be put right.
    """
    place = {cell.grade_id: index for index, cell in enumerate(instructor.cells)}
    by_id = {cell.cell_id: cell.grade_id for cell in instructor.cells if cell.cell_id}
    claims = [_claim(cell, place, by_id) for cell in cells]
    answer = {claim: index for index, claim in enumerate(claims) if claim is not None}
    own: dict[int, list[dict[str, Any]]] = {index: [] for index in range(-1, len(place))}
    anchor = -1
    remarks = []
    for index, (cell, claim) in enumerate(zip(cells, claims, strict=True)):
        if claim is None:
            own[anchor].append(_notebook_cell(cell["cell_type"], cell["source"], cell))
            continue
        if answer[claim] != index:
            remarks.append(f"Cell {claim} appears more than once; the last one counts.")
            if not instructor.cells[place[claim]].is_fixed:
                own[anchor].append(_notebook_cell(cell["cell_type"], cell["source"], cell))
            continue
        anchor = place[claim]
    notebook_cells = list(own[-1])
    for index, known in enumerate(instructor.cells):
        submitted = cells[answer[known.grade_id]] if known.grade_id in answer else None
        if submitted is None:
            remarks.append(f"Cell {known.grade_id} was missing and was put back.")
        notebook_cells += [_known_cell(known, submitted), *own[index]]
    return _notebook(instructor, notebook_cells), remarks


def _claim(
    cell: Mapping[str, Any], place: Mapping[str, int], by_id: Mapping[str, str]
) -> str | None:
    """Which of the instructor's cells this is: by grade_id, or by cell id where that was lost."""
    if cell.get("grade_id") in place:
        return str(cell["grade_id"])
    return by_id.get(cell.get("id", ""))


def _known_cell(known: InstructorCell, submitted: Mapping[str, Any] | None) -> dict[str, Any]:
    if known.is_fixed:
        source = known.visible_source
    elif submitted is not None:
        source = submitted["source"]
    elif known.is_code:
        # Not the stub: it would overwrite a function that the student defined in another cell.
        source = f"# The cell {known.grade_id} was missing from the submission."
    else:
        source = known.released.source
    cell = _notebook_cell(known.released.cell_type, source, submitted or {})
    cell["metadata"] = {"nbgrader": known.nbgrader_metadata}
    cell["id"] = known.cell_id or known.grade_id
    if known.is_test:
        # nbgrader gives full points to a test without outputs, so none may ever be left like that.
        cell["outputs"] = [death_output("it was never run")]
    return cell


def _notebook_cell(kind: str, source: str, submitted: Mapping[str, Any]) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": source}
    if "id" in submitted:
        cell["id"] = submitted["id"]
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    if kind == "markdown" and submitted.get("attachments"):
        cell["attachments"] = submitted["attachments"]
    return cell


def _give_ids(cells: list[dict[str, Any]]) -> None:
    """Make every id present, valid and unique; the instructor's cells keep theirs."""
    taken = {cell["id"] for cell in cells if "nbgrader" in cell["metadata"]}
    for number, cell in enumerate(cells):
        if "nbgrader" in cell["metadata"]:
            continue
        if cell.get("id") in taken or "id" not in cell:
            cell["id"] = f"submitted-{number}"
            while cell["id"] in taken:
                cell["id"] += "-"
        taken.add(cell["id"])


def not_graded_notebook(instructor: InstructorNotebook, reason: str) -> dict[str, Any]:
    """The assignment with the reason why nothing of the submission was graded, nbformat 4.5."""
    note = _notebook_cell("markdown", f"**This submission could not be graded.** {reason}", {})
    return _notebook(instructor, [note, *(_known_cell(cell, None) for cell in instructor.cells)])


def _notebook(instructor: InstructorNotebook, cells: list[dict[str, Any]]) -> dict[str, Any]:
    _give_ids(cells)
    metadata = {**instructor.metadata}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
