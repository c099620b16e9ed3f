"""From a download to submissions: whose the files are, and which were handed in together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from nbgrader.plugins import FileNameCollectorPlugin

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.exchange.download import Entry, fault_of, open_download
from autograder.exchange.placing import Done, Version, place
from autograder.exchange.roster import Person, read_roster
from autograder.exchange.schemes import Named, Scheme, by_regexp, read_name
from autograder.recording.gradebook import Gradebook
from autograder.submission.reading import TIMESTAMP, check_student_id, shown_name


@dataclass
class Collection:
    """What became of a download.

    Attributes:
        submissions: each with what was done with it.
        left: file to the reason why it was not collected, and what to do.
        missing: students of the roster of whom nothing came and nothing is there.
    """

    submissions: list[tuple[Version, Done]] = field(default_factory=list)
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
        found: list[tuple[Person, Named, Entry]] = []
        for entry in entries:
            parts = map(Path, entry.path.split("/"))
            if any(part.match(glob) for part in parts for glob in course.directories.ignore):
                continue
            named = read_name(entry.path, assignment, notebooks)
            if named is None:
                continue
            if named.scheme == "loose" and own_names.named_regexp:
                said_by_name = own_names.collect(entry.path)
                named = by_regexp(said_by_name) if said_by_name else named
            owners, reason = roster.owners(named)
            if fault := entry.fault or (named.file and fault_of(named.file)):
                reason = f"{fault}: ask for it again"
            elif named.file:
                found += [(owner, named, entry) for owner in owners]
            elif owners:
                reason = f"is text that {owners[0].student} typed in: ask for the notebook"
            if reason:
                collection.left[shown_name(entry.path)] = reason
        came: set[str] = set()
        for version in sorted(_versions(found, file_times=file_times), key=_when):
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
            collection.submissions.append((version, done))
    missing = roster.people.keys() - came
    collection.missing = sorted(
        student for student in missing if not (submitted / student / assignment).is_dir()
    )
    return collection


def _versions(
    found: Iterable[tuple[Person, Named, Entry]], *, file_times: bool
) -> Iterable[Version]:
    """Files that were handed in together; of two of one name, the older is a version apart."""
    newest: dict[tuple[str, Scheme, str], Version] = {}
    older: list[Version] = []
    for owner, named, entry in sorted(found, key=lambda each: (each[1].order, each[2].modified)):
        if named.file == TIMESTAMP and named.scheme in {"moodle", "canvas"}:
            continue  # the time is the platform's to say, not the student's
        version = newest.setdefault(
            (owner.student, named.scheme, named.folder),
            Version(owner, named, time=named.time or owner.submitted),
        )
        if before := version.entries.get(named.file):
            older.append(Version(owner, version.named, {named.file: before}))
        version.entries[named.file], version.named = entry, named
    versions = [*older, *newest.values()]
    for version in versions if file_times else ():
        version.time = max(entry.modified for entry in version.entries.values())
    return versions


def _when(version: Version) -> tuple[str, float, int]:
    time = version.time.timestamp() if version.time else 0.0
    return version.person.student, time, version.named.order
