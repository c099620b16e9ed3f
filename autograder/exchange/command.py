"""The commands `autograder collect` and `autograder return`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from autograder.errors import AutograderError, failing_with_a_sentence

Assignment = Annotated[str, typer.Argument(help="Name of the assignment, such as rnn-bptt.")]


def collect(
    assignment: Assignment,
    download: Annotated[
        Path, typer.Argument(help="The zip from Moodle or Canvas, or a folder of notebooks.")
    ],
    roster: Annotated[
        list[Path] | None,
        typer.Option(help="The platform's list of students, as CSV; give it again for more."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(
            help="Time zone of times that name none, such as Europe/Berlin.",
            show_default="c.Exchange.timezone",
        ),
    ] = None,
    file_times: Annotated[
        bool,
        typer.Option("--file-times", help="Files carry the time at which they were handed in."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> None:
    """Put the submissions that a learning platform gave into submitted/STUDENT/ASSIGNMENT/.

    Run it at the root of the course. DOWNLOAD is Moodle's or Canvas's zip of all submissions, as
    it is or unpacked; a folder of notebooks named after students, or with a folder for each; or
    the folder inbound/ of nbgrader's exchange; or named as c.FileNameCollectorPlugin.named_regexp
    says, as for **nbgrader zip_collect**. Students are matched with the gradebook and with
    lists: Moodle's grading worksheet, which also has the times; Canvas's exported gradebook, and
    its list of groups. Who is new gets the list's user name, number or address as nbgrader's id.

    Nothing is overwritten: an older submission moves to submitted/STUDENT/ASSIGNMENT.older/. To
    collect the same again changes nothing.

    Example: **autograder collect rnn-bptt submissions.zip --roster worksheet.csv**

    Exit status: 0 when every file was somebody's, 1 when one was not (the reason is printed) or
    collecting is not possible, 2 for a mistake in the command.
    """
    from zoneinfo import ZoneInfo

    from autograder.course import Course
    from autograder.exchange.collecting import collect as collect_download

    with failing_with_a_sentence():
        course = Course.at(Path.cwd())
        name = timezone or course.config.Exchange.get("timezone", "UTC")
        try:
            zone = ZoneInfo(name)
        except (KeyError, ValueError):
            raise AutograderError(
                f"There is no time zone {name!r}. Europe/Berlin is one."
            ) from None
        collection = collect_download(
            course, assignment, download, roster or [], zone, file_times=file_times, dry_run=dry_run
        )
    for version, done in collection.submissions:
        if done != "already there":
            time = f", handed in {version.time:%Y-%m-%d %H:%M %Z}" if version.time else ""
            late = ", marked as late" if version.named.late else ""
            print(f"{version.person.student}: {done} ({', '.join(version.entries)}{time}{late})")
    if any(version.time is None for version, _ in collection.submissions):
        print(
            "Some have no known time and count as in time, even if the platform marked them late."
        )
    if collection.missing:
        print(f"Nothing came from {', '.join(collection.missing)}.")
    counts = Counter(done for _, done in collection.submissions)
    said = ", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing to collect"
    would_be = "Would be: " if dry_run else ""
    print(f"{would_be}{said}; files that need a look: {len(collection.left)}.")
    _tell_left(collection.left)


def give_back(assignment: Assignment) -> None:
    """Make the zip of feedback pages that Moodle or Canvas takes.

    Run it at the root of the course, after **autograder feedback ASSIGNMENT**. It writes
    reports/ASSIGNMENT/feedback-moodle.zip (in Moodle: Upload multiple feedback files in a zip) or
    feedback-canvas.zip (in Canvas: Re-Upload Submissions), with the names that the submissions
    had when **autograder collect** took them.

    Example: **autograder return rnn-bptt**

    Exit status: 0 when everybody who handed in has a page in a zip, 1 when somebody has not (the
    reason is printed) or it cannot be written, 2 for a mistake in the command.
    """
    from autograder.course import Course
    from autograder.exchange.returning import pack_feedback

    with failing_with_a_sentence():
        course = Course.at(Path.cwd())
        returned = pack_feedback(course, assignment)
    for path, count in returned.zips.items():
        students = "1 student" if count == 1 else f"{count} students"
        print(f"{path.relative_to(course.root)}: the feedback of {students}.")
    _tell_left(returned.left)


def _tell_left(left: Mapping[str, str]) -> None:
    """Say what was left out and why; the exit status says that something was."""
    for what, reason in left.items():
        print(f"{what}: {reason}.", file=sys.stderr)
    if left:
        raise typer.Exit(1)
