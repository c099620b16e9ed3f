"""A class of submissions made from short text answers, for the demo and the tests.

`data/sample-class/ASSIGNMENT/class.toml` lists the submissions:

    [[submission]]
    student = "ada"
    first_name = "Ada"
    last_name = "Lovelace"
    answer = "right_loops.txt"
    what = "right, in the style of the lecture"
    expected = { bptt-shapes = 1, bptt-dLdV = 2 }

An answer is text; a line `# cell: bptt` starts the new source of that solution cell of the release.
With `raw = true` the answer's bytes are the submitted notebook itself, e.g. a truncated file.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import nbformat

from authoring.course import Course, read_notebook, staged
from authoring.errors import AuthoringError

_CELL = re.compile(r"^# cell: (\S+)[^\S\n]*$", re.MULTILINE)
_REQUIRED = ("student", "first_name", "last_name", "answer", "what")


@dataclass(frozen=True)
class Submission:
    """One student of the sample class, what they hand in, and the points it should earn."""

    student: str
    first_name: str
    last_name: str
    answer: Path
    what: str
    expected: Mapping[str, float] = field(default_factory=dict)
    raw: bool = False


def read_class(folder: Path) -> list[Submission]:
    """Read a sample class: `data/sample-class/ASSIGNMENT`.

    Raises:
        AuthoringError: the list is missing, or a submission in it is incomplete.
    """
    path = folder / "class.toml"
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("submission", [])
    except OSError as error:
        raise AuthoringError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuthoringError(f"{path} is not valid TOML: {error}.") from error
    if not tables:
        raise AuthoringError(f"{path} has no [[submission]] table.")
    submissions = [
        _read_submission(table, folder, f"{path}, submission {i + 1}")
        for i, table in enumerate(tables)
    ]
    if twice := _twice(submission.student for submission in submissions):
        raise AuthoringError(f"{path}: two submissions of the student {', '.join(twice)}.")
    return submissions


def _twice(names: Iterable[str]) -> list[str]:
    """Those that are there more than once, sorted."""
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _read_submission(table: Mapping[str, Any], folder: Path, where: str) -> Submission:
    for key in _REQUIRED:
        if not isinstance(table.get(key), str) or not table[key]:
            raise AuthoringError(f"{where}: '{key}' is missing.")
    if unknown := sorted(set(table) - {each.name for each in fields(Submission)}):
        raise AuthoringError(f"{where}: unknown entries: {', '.join(unknown)}.")
    if not re.fullmatch(r"[\w.-]+", table["student"]):
        raise AuthoringError(f"{where}: '{table['student']}' cannot name a folder.")
    answer = folder / table["answer"]
    if not answer.is_file():
        raise AuthoringError(f"{where}: the answer {answer} does not exist.")
    return Submission(**{**table, "answer": answer})


def submit_class(course: Course, assignment: str) -> list[Submission]:
    """Hand in the sample class: `submitted/STUDENT/ASSIGNMENT/` for each, and the gradebook's list.

    Submissions are made from the current release; those of other students are left alone.

    Raises:
        AuthoringError: there is no release, or an answer does not fit it.
    """
    released = sorted((course.release / assignment).glob("*.ipynb"))
    if len(released) != 1:
        raise AuthoringError(
            f"{course.release / assignment} holds {len(released)} notebooks instead of one. "
            f"Build it with 'authoring release {assignment}'."
        )
    submissions = read_class(course.root / "data" / "sample-class" / assignment)
    contents = {each.student: _content(each, released[0]) for each in submissions}
    for student, content in contents.items():
        with staged(course.submitted / student / assignment) as folder:
            shutil.copytree(released[0].parent, folder)
            (folder / released[0].name).write_bytes(content)
    _enrol(course, submissions)
    return submissions


def _content(submission: Submission, released: Path) -> bytes:
    answer = submission.answer.read_bytes()
    if submission.raw:
        return answer
    notebook = read_notebook(released)
    cells = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    for grade_id, source in answers_in(answer.decode("utf-8"), submission.answer).items():
        if grade_id not in cells:
            raise AuthoringError(
                f"{submission.answer}: the release asks for no answer in cell '{grade_id}'. "
                f"It asks for: {', '.join(cells)}."
            )
        cells[grade_id].source = source
    return str(nbformat.writes(notebook)).encode() + b"\n"


def answers_in(text: str, path: Path) -> dict[str, str]:
    """The answers in a text, each by the grade_id of the cell that it replaces.

    Raises:
        AuthoringError: a cell is answered twice, or the text begins before the first cell.
    """
    before, *parts = _CELL.split(text)
    grade_ids, sources = parts[::2], parts[1::2]
    if before.strip():
        raise AuthoringError(f"{path}: begins before the first '# cell: GRADE_ID' line.")
    if twice := _twice(grade_ids):
        raise AuthoringError(f"{path}: answers cell '{twice[0]}' twice.")
    return {name: source.strip("\n") for name, source in zip(grade_ids, sources, strict=True)}


def _enrol(course: Course, submissions: list[Submission]) -> None:
    from nbgrader.api import Gradebook
    from nbgrader.coursedir import CourseDirectory

    coursedir = CourseDirectory(config=course.config())
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        for each in submissions:
            gradebook.update_or_create_student(
                each.student, first_name=each.first_name, last_name=each.last_name
            )
