"""Feedback pages in a zip, under the names by which a platform knows the submissions."""

from __future__ import annotations

import zipfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.exchange.placing import Origin
from autograder.recording.derived import pages_folder, report_folder
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
    archives: defaultdict[str, dict[str, Path]] = defaultdict(dict)
    counts: Counter[str] = Counter()
    for student in students:
        pages = sorted(pages_folder(course, assignment, student).glob("*.html"))
        origin = Origin.of(course.folder("submitted") / student / assignment)
        if origin is None or origin.scheme not in {"moodle", "canvas"}:
            reason = (
                "did not come from Moodle or Canvas: use `nbgrader release_feedback`, or send the "
                "page"
            )
        elif not origin.back:
            reason = (
                "was handed in by a group, and the member's number is not known: run `autograder "
                f"collect {assignment} {origin.download} --roster GRADING_WORKSHEET` again"
            )
        elif not pages:
            reason = f"has no feedback page: run `autograder feedback {assignment}`"
        elif pages[0].stat().st_mtime < datetime.fromisoformat(origin.collected).timestamp():
            reason = (
                f"handed in again since the page was made: run `autograder grade {assignment}` "
                f"and `autograder feedback {assignment}`"
            )
        else:
            archives[origin.scheme] |= {_path_in_zip(page, origin): page for page in pages}
            counts[origin.scheme] += 1
            continue
        returned.left[student] = reason
    for scheme, files in archives.items():
        path = report_folder(course, assignment) / f"feedback-{scheme}.zip"
        _write(path, files)
        returned.zips[path] = counts[scheme]
    return returned


def _path_in_zip(page: Path, origin: Origin) -> str:
    """Members of a group share what Canvas gave the group: the numbers at the beginning decide."""
    if origin.scheme == "moodle" and "/" in next(iter(origin.files.values())):
        return f"{origin.back}/{page.name}"
    came = origin.files.get(f"{page.stem}.ipynb")
    return f"{PurePosixPath(came).stem if came else f'{origin.back}{page.stem}'}.html"


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
