"""The report on a class: `grades.json` for programs, a page to read, a table to print."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.recording.derived import REPORT_FILES, report_folder
from autograder.reporting.class_list import Entry, read_class
from autograder.reporting.class_page import render_page


@dataclass(frozen=True)
class Report:
    """What `write_report` wrote."""

    grades: Path
    page: Path
    entries: tuple[Entry, ...]


def write_report(course: Course, assignment: str) -> Report:
    """Write `reports/ASSIGNMENT/grades.json` and `index.html`, replacing older ones whole.

    Raises:
        AutograderError: the assignment is unknown or nobody handed it in, a record is damaged,
            or a file cannot be written.
    """
    entries = read_class(course, assignment)
    folder = report_folder(course, assignment)
    texts = _texts(assignment, entries, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            # Whole: whoever reads it meanwhile sees the old text or the new one.
            scratch = path.with_name(f".{path.name}.new")
            scratch.write_text(text, encoding="utf-8")
            scratch.replace(path)
    except OSError as error:
        raise AutograderError(
            f"The report cannot be written to {folder}: {error.strerror or error}."
        ) from error
    grades, page = texts
    return Report(grades, page, tuple(entries))


def is_current(course: Course, assignment: str) -> bool:
    """Whether the report that is there says what it would say now; not, if it cannot be made."""
    folder = report_folder(course, assignment)
    try:
        texts = _texts(assignment, read_class(course, assignment), folder)
        return all(path.read_text(encoding="utf-8") == text for path, text in texts.items())
    except (AutograderError, OSError, ValueError):
        return False


def _texts(assignment: str, entries: Sequence[Entry], folder: Path) -> dict[Path, str]:
    """The report's files: grades.json, then the page."""
    grades = json.dumps([entry.to_json() for entry in entries], indent=1, ensure_ascii=False)
    page = render_page(assignment, entries, folder)
    return dict(zip((folder / name for name in REPORT_FILES), (grades + "\n", page), strict=True))


def score_table(entries: Iterable[Entry]) -> Table:
    """The class as a table for the terminal."""
    table = Table("student", "score", "status", "looks like", title="Scores")
    table.columns[1].justify = "right"
    for entry in entries:
        seen = ", ".join(entry.labels) or ("" if entry.status == "graded" else entry.reason)
        # The page and grades.json have the whole text.
        seen = textwrap.shorten(seen, 100, placeholder=" …")
        score = f"{entry.score:g} / {entry.max_score:g}"
        table.add_row(entry.student, score, entry.status, seen)
    return table
