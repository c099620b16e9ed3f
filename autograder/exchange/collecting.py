"""From a download into `submitted/STUDENT/ASSIGNMENT`, without losing what is there.

Beside a submission lies `ASSIGNMENT.origin.json`, which says under which names it came, and the
folder `ASSIGNMENT.older` with what it replaced. Neither nbgrader nor `autograder grade` looks at
them: both want a folder that is called like the assignment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Literal

from nbgrader.utils import parse_utc

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.exchange.download import Entry, fault_of_name, open_download
from autograder.exchange.roster import Person, read_roster
from autograder.exchange.schemes import Named, Scheme, read_name
from autograder.recording.autograded import replace_folder
from autograder.recording.gradebook import Gradebook
from autograder.submission.reading import TIMESTAMP, check_student_id, shown_name

# As nbgrader's exchange writes it.
_TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S.%f %Z"
_MODE = 0o644

Done = Literal["new", "replaces an older one", "older than what is there", "already there"]


@dataclass(frozen=True)
class Origin:
    """How a submission came.

    Attributes:
        files: path in the submission to path in the download.
        digest: of what came; a person may change the submission afterwards.
        order: of two of the same platform, the higher came later.
        back: how feedback's path must begin, for Moodle a folder; None where it is not known.
        collected: when it was put in place, in ISO format.
    """

    scheme: Scheme
    download: str
    files: Mapping[str, str]
    digest: str
    order: int
    late: bool
    back: str | None
    collected: str

    @staticmethod
    def file(folder: Path) -> Path:
        """Where the origin of the submission in a folder is."""
        return folder.with_name(f"{folder.name}.origin.json")

    @classmethod
    def of(cls, folder: Path) -> Origin | None:
        """The origin of the submission in a folder, if it was collected.

        Raises:
            AutograderError: its file is damaged.
        """
        try:
            return cls(**json.loads(cls.file(folder).read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise AutograderError(
                f"{cls.file(folder)} is damaged ({error}). Delete it, and collect again."
            ) from error


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


@dataclass
class _Version:
    """Files that were handed in together."""

    person: Person
    named: Named
    entries: dict[str, Entry] = field(default_factory=dict)
    time: datetime | None = None


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
    submitted, collection = course.folder("submitted"), Collection()
    with open_download(download, zone) as entries:
        versions: dict[tuple[str, Scheme, str], list[_Version]] = {}
        for entry in entries:
            named = read_name(entry.path, assignment, notebooks)
            if named is None or _ignored(course, entry.path):
                continue
            owners, odd = roster.owners(named)
            fault = entry.fault or (named.file and fault_of_name(named.file))
            if reason := _why_not(named, owners, fault, odd):
                collection.left[shown_name(entry.path)] = reason
            for owner in owners if named.file and not fault else ():
                key = owner.student, named.scheme, named.folder
                _add(versions.setdefault(key, []), owner, named, entry)
        found = [version for several in versions.values() for version in several]
        for version in found if file_times else ():
            version.time = max(entry.modified for entry in version.entries.values())
        for version in sorted(found, key=_when):
            student, time = version.person.student, version.time
            try:
                folder = submitted / check_student_id(student) / assignment
                done = _place(folder, version, download.name, dry_run=dry_run)
            except (OSError, AutograderError) as error:  # this one's; the others are collected
                said = f"cannot be put into {submitted.name}/{student}/{assignment}: {error}"
                collection.left.update({entry.path: said for entry in version.entries.values()})
                continue
            files, late = tuple(version.entries), version.named.late
            collection.submissions.append(Collected(student, done, files, time, late))
    came = {each.student for each in collection.submissions}
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


def _add(versions: list[_Version], owner: Person, named: Named, entry: Entry) -> None:
    """Add a file to the newest version; of two of one name, the older is a version apart."""
    if named.file == TIMESTAMP and named.scheme in {"moodle", "canvas"}:
        return  # the time is the platform's to say, not the student's
    if not versions:
        versions.append(_Version(owner, named, time=named.time or owner.submitted))
    newest = versions[-1]
    there = newest.entries.get(named.file)
    order = named.order, entry.modified
    if there is not None:
        if order < (newest.named.order, there.modified):
            versions.insert(0, _Version(owner, named, {named.file: entry}))
            return
        versions.insert(0, _Version(owner, newest.named, {named.file: there}))
    newest.entries[named.file] = entry
    if named.order >= newest.named.order:
        newest.named = named


def _when(version: _Version) -> tuple[str, float, int]:
    time = version.time.timestamp() if version.time else 0.0
    return version.person.student, time, version.named.order


def _place(folder: Path, version: _Version, download: str, *, dry_run: bool) -> Done:
    """Put one submission in its folder, or beside it if a newer one is there."""
    files = {path: entry.read() for path, entry in version.entries.items()}
    given = files.pop(TIMESTAMP, None)
    time = version.time or _time_of(given)
    digest = _digest(files)
    origin = Origin.of(folder)
    there = _read(folder) if folder.is_dir() else None
    older = folder.with_name(f"{folder.name}.older")
    if there is not None and digest in {origin.digest if origin else "", _digest(there)}:
        if time and TIMESTAMP not in there and not dry_run:
            (folder / TIMESTAMP).write_bytes(_stamp(time))
        if not dry_run and (origin is None or version.named.back):
            # The same again, but perhaps under a new number, or with a roster that knows more.
            _note(folder, version, download, digest, origin.collected if origin else "")
        return "already there"
    age = _age(version, time, there, origin) if there is not None else 0
    # Somebody may go back to an earlier answer: handed in later, it counts.
    if age <= 0 and older.is_dir() and digest in {_digest(_read(one)) for one in older.iterdir()}:
        return "already there"
    if time:
        files[TIMESTAMP] = _stamp(time)
    if age < 0:
        if not dry_run:
            replace_folder(_free(older, time), files, _MODE)
        return "older than what is there"
    if not dry_run:
        if there is not None:
            older.mkdir(exist_ok=True)
            collected = datetime.fromisoformat(origin.collected) if origin else None
            folder.rename(_free(older, _time_of(there.get(TIMESTAMP)) or collected))
        replace_folder(folder, files, _MODE)
        _note(folder, version, download, digest)
    return "new" if there is None else "replaces an older one"


def _age(
    version: _Version, time: datetime | None, there: Mapping[str, bytes], origin: Origin | None
) -> int:
    """Negative if it was handed in before what is there, positive if after, 0 if none can tell."""
    before = _time_of(there.get(TIMESTAMP))
    if time and before and time != before:
        return 1 if time > before else -1
    if origin and origin.scheme == version.named.scheme:
        return version.named.order - origin.order
    return 0


def _note(folder: Path, version: _Version, download: str, digest: str, collected: str = "") -> None:
    named, person = version.named, version.person
    back: str | None = named.back
    if named.scheme == "moodle" and named.number and named.number != person.number:
        # A group's folder: feedback needs one for each member, with the member's own number.
        back = f"{person.name}_{person.number}_assignsubmission_file_" if person.number else None
    files = {path: entry.path for path, entry in version.entries.items()}
    collected = collected or datetime.now(UTC).isoformat()
    origin = Origin(named.scheme, download, files, digest, named.order, named.late, back, collected)
    text = json.dumps(asdict(origin), indent=1, ensure_ascii=False)
    Origin.file(folder).write_text(text, encoding="utf-8")


def _free(older: Path, time: datetime | None) -> Path:
    """A name for an older submission, by its time, that is not taken."""
    name = f"{time or datetime.now(UTC):%Y-%m-%d %H.%M.%S} UTC"
    taken = [older / (name if again == 1 else f"{name} {again}") for again in range(1, 1000)]
    return next(path for path in taken if not path.exists())


def _read(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def _digest(files: Mapping[str, bytes]) -> str:
    """Of everything but the time, which may be learned later."""
    parts: Iterable[bytes] = (
        hashlib.sha256(path.encode() + b"\0" + data).digest()
        for path, data in sorted(files.items())
        if path != TIMESTAMP
    )
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _stamp(time: datetime) -> bytes:
    return time.astimezone(UTC).strftime(_TIMESTAMP_FORMAT).encode()


def _time_of(stamp: bytes | None) -> datetime | None:
    try:
        return parse_utc(stamp.decode().strip()).replace(tzinfo=UTC) if stamp else None
    except (ValueError, OverflowError):
        return None
