"""From a download to submissions: whose the files are, and which were handed in together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.exchange.download import Entry, fault_of_name, open_download
from autograder.exchange.placing import Done, Version, place
from autograder.exchange.roster import Person, read_roster
from autograder.exchange.schemes import Named, Scheme, by_regexp, read_name
from autograder.recording.gradebook import Gradebook
from autograder.submission.reading import TIMESTAMP, check_student_id, shown_name


@dataclass(frozen=True)
class Collected:
    """One submission of one student, and what was done with it."""

    student: str
    done: Done
    files: tuple[str, ...]
    time: datetime | None
    late: bool


@dataclass
class Collection:
    """What became of a download.

    Attributes:
        left: file to the reason why it was not collected, and what to do.
        missing: students of the roster of whom nothing came and nothing is there.
    """

    submissions: list[Collected] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def collect(
    course: Course,
    assignment: str,
    download: Path,
    rosters: Sequence[Path],
    zone: tzinfo,
    *,
    file_times: bool = False,
    dry_run: bool = False,
) -> Collection:
    """Put the submissions of a download where grading looks for them.

    Args:
        rosters: lists of students that the platform wrote.
        zone: the time zone of times that name none.
        file_times: take the files' own dates for when they were handed in.
        dry_run: only say what would be done.

    Raises:
        AutograderError: the assignment was never released, or the download or a roster cannot be
            read, or a folder cannot be written.
    """
    with Gradebook.of(course) as gradebook:
        notebooks = list(gradebook.released(assignment))
        roster = read_roster(rosters, gradebook.students(), zone)
    own_names = FileNameCollectorPlugin(config=course.config)
    submitted, collection = course.folder("submitted"), Collection()
    with open_download(download, zone) as entries:
        versions: dict[tuple[str, Scheme, str], list[Version]] = {}
        for entry in entries:
            named = read_name(entry.path, assignment, notebooks)
            if named is None or _ignored(course, entry.path):
                continue
            if named.scheme == "loose" and own_names.named_regexp:
                found_in_name = own_names.collect(entry.path)
                named = by_regexp(found_in_name) if found_in_name else named
            owners, odd = roster.owners(named)
            fault = entry.fault or (named.file and fault_of_name(named.file))
            if reason := _why_not(named, owners, fault, odd):
                collection.left[shown_name(entry.path)] = reason
            for owner in owners if named.file and not fault else ():
                key = owner.student, named.scheme, named.folder
                _add(versions.setdefault(key, []), owner, named, entry)
        came: set[str] = set()
        found = [version for several in versions.values() for version in several]
        for version in found if file_times else ():
            version.time = max(entry.modified for entry in version.entries.values())
        for version in sorted(found, key=_when):
            student = version.person.student
            try:
                folder = submitted / check_student_id(student) / assignment
                done = place(folder, version, download.name, dry_run=dry_run)
            except (OSError, AutograderError) as error:  # this one's; the others are collected
                said = f"cannot be put into {submitted.name}/{student}/{assignment}: {error}"
                for entry in version.entries.values():
                    collection.left[shown_name(entry.path)] = said
                continue
            if dry_run and done == "new" and student in came:
                done = "replaces an older one"  # which would have been put there just before
            came.add(student)
            files, late = tuple(version.entries), version.named.late
            collection.submissions.append(Collected(student, done, files, version.time, late))
    collection.missing = sorted(
        student
        for student in set(roster.people) - came
        if not (submitted / student / assignment).is_dir()
    )
    return collection


def _ignored(course: Course, path: str) -> bool:
    return any(
        Path(part).match(pattern)
        for part in path.split("/")
        for pattern in course.directories.ignore
    )


def _why_not(named: Named, owners: Sequence[Person], fault: str, odd: str) -> str:
    if fault:
        return f"{fault}: ask for it again"
    if owners and not named.file:
        return f"is text that {owners[0].student} typed in: ask for the notebook"
    return odd


def _add(versions: list[Version], owner: Person, named: Named, entry: Entry) -> None:
    """Add a file to the newest version; of two of one name, the older is a version apart."""
    if named.file == TIMESTAMP and named.scheme in {"moodle", "canvas"}:
        return  # the time is the platform's to say, not the student's
    if not versions:
        versions.append(Version(owner, named, time=named.time or owner.submitted))
    newest = versions[-1]
    there = newest.entries.get(named.file)
    order = named.order, entry.modified
    if there is not None:
        if order < (newest.named.order, there.modified):
            versions.insert(0, Version(owner, named, {named.file: entry}))
            return
        versions.insert(0, Version(owner, newest.named, {named.file: there}))
    newest.entries[named.file] = entry
    if named.order >= newest.named.order:
        newest.named = named


def _when(version: Version) -> tuple[str, float, int]:
    time = version.time.timestamp() if version.time else 0.0
    return version.person.student, time, version.named.order
