"""Feedback pages in a zip, under the names by which a platform knows the submissions."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.exchange.placing import Origin
from autograder.submission.reading import students_with


@dataclass
class Returned:
    """The zips that were written, and who is in none.

    Attributes:
        zips: the file to how many students' pages it holds.
        left: student to the reason, and what to do.
    """

    zips: dict[Path, int] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)


def pack_feedback(course: Course, assignment: str) -> Returned:
    """Write `reports/ASSIGNMENT/feedback-PLATFORM.zip`, replacing an older one whole.

    Raises:
        AutograderError: nobody has handed the assignment in, an origin is damaged, or the zip
            cannot be written.
    """
    students = students_with(course.folder("submitted"), assignment)
    if not students:
        raise AutograderError(
            f"There are no submissions of {assignment} in {course.folder('submitted')}. Collect "
            f"them first: `autograder collect {assignment} DOWNLOAD`."
        )
    returned = Returned()
    pages: dict[str, dict[str, Path]] = {}
    counts: dict[str, int] = {}
    for student in students:
        folder = course.folder("feedback") / student / assignment
        found = sorted(folder.glob("*.html"))
        origin = Origin.of(course.folder("submitted") / student / assignment)
        if reason := _why_not(origin, found, assignment):
            returned.left[student] = reason
        elif origin is not None:
            counts[origin.scheme] = counts.get(origin.scheme, 0) + 1
            pages.setdefault(origin.scheme, {}).update(_named(origin, found))
    for scheme, files in pages.items():
        path = course.root / "reports" / assignment / f"feedback-{scheme}.zip"
        returned.zips[path] = counts[scheme]
        _write(path, files)
    return returned


def _why_not(origin: Origin | None, pages: list[Path], assignment: str) -> str:
    if origin is None or origin.scheme not in {"moodle", "canvas"}:
        return (
            "did not come from Moodle or Canvas: use `nbgrader release_feedback`, or send the page"
        )
    if not origin.back:
        return (
            "was handed in by a group, and the member's number is not known: run `autograder "
            f"collect {assignment} {origin.download} --roster GRADING_WORKSHEET` again"
        )
    if not pages:
        return f"has no feedback page: run `autograder feedback {assignment}`"
    if pages[0].stat().st_mtime < datetime.fromisoformat(origin.collected).timestamp():
        return (
            f"handed in again since the page was made: run `autograder grade {assignment}` and "
            f"`autograder feedback {assignment}`"
        )
    return ""


def _named(origin: Origin, pages: list[Path]) -> Iterator[tuple[str, Path]]:
    """Each page with its path in the zip. Members of a group share what Canvas gave the group."""
    for page in pages:
        if origin.scheme == "moodle" and "/" in next(iter(origin.files.values())):
            yield f"{origin.back}/{page.name}", page
        else:  # the numbers at the beginning decide
            came = origin.files.get(f"{page.stem}.ipynb")
            name = PurePosixPath(came).stem if came else f"{origin.back}{page.stem}"
            yield f"{name}.html", page


def _write(path: Path, files: dict[str, Path]) -> None:
    scratch = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, page in sorted(files.items()):
                archive.write(page, name)
        scratch.replace(path)
    except OSError as error:
        raise AutograderError(f"{path} cannot be written: {error.strerror}.") from error
