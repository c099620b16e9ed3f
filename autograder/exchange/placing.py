"""One submission put into `submitted/STUDENT/ASSIGNMENT`, without losing what is there.

Beside it lies `ASSIGNMENT.origin.json`, which says under which names it came, and the folder
`ASSIGNMENT.older` with what it replaced. Neither nbgrader nor `autograder grade` looks at them:
both want a folder that is called like the assignment.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Literal

from autograder.errors import AutograderError
from autograder.exchange.download import Entry
from autograder.exchange.roster import Person, simplified
from autograder.exchange.schemes import Named, Scheme, utc
from autograder.recording.autograded import replace_folder
from autograder.submission.reading import TIMESTAMP

# As nbgrader's exchange writes it.
_TIMESTAMP_FORMAT = "%Y-%m-%d %H:%M:%S.%f %Z"
_MODE = 0o644

Done = Literal["new", "replaces an older one", "older than what is there", "already there"]


@dataclass
class Version:
    """Files that were handed in together."""

    person: Person
    named: Named
    entries: dict[str, Entry] = field(default_factory=dict)
    time: datetime | None = None


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


def place(folder: Path, version: Version, download: str, *, dry_run: bool) -> Done:
    """Put one submission in its folder, or beside it if a newer one is there.

    Args:
        version: gets the time of a `timestamp.txt`, if no other is known.
        download: name of what it came in.

    Raises:
        AutograderError: a file or the origin is damaged.
        OSError: the folder cannot be read or written.
    """
    files = {path: entry.read() for path, entry in version.entries.items()}
    time = version.time = version.time or _time_of(files.pop(TIMESTAMP, None))
    stamp = {TIMESTAMP: f"{time.astimezone(UTC):{_TIMESTAMP_FORMAT}}".encode()} if time else {}
    digest = _digest(files)
    origin = Origin.of(folder)
    is_there = os.path.lexists(folder)
    there = _read(folder)
    older = folder.with_name(f"{folder.name}.older")
    if is_there and digest in {origin.digest if origin else "", _digest(there)}:
        if stamp and TIMESTAMP not in there and not dry_run:
            (folder / TIMESTAMP).write_bytes(stamp[TIMESTAMP])
        if not dry_run and (origin is None or version.named.back):
            # The same again, but perhaps under a new number, or with a roster that knows more.
            _note(folder, version, download, digest, origin.collected if origin else "")
        return "already there"
    time_there = _time_of(there.get(TIMESTAMP))
    age = _age(version, time_there, origin) if is_there else 0
    # Somebody may go back to an earlier answer: handed in later, it counts.
    if age <= 0 and older.is_dir() and digest in {_digest(_read(one)) for one in older.iterdir()}:
        return "already there"
    if age < 0:
        if not dry_run:
            replace_folder(_free(older, time), files | stamp, _MODE)
        return "older than what is there"
    if not dry_run:
        if is_there:
            older.mkdir(exist_ok=True)
            collected = datetime.fromisoformat(origin.collected) if origin else None
            folder.rename(_free(older, time_there or collected))
        replace_folder(folder, files | stamp, _MODE)
        _note(folder, version, download, digest)
    return "replaces an older one" if is_there else "new"


def _age(version: Version, time_there: datetime | None, origin: Origin | None) -> int:
    """Negative if it was handed in before what is there, positive if after, 0 if none can tell."""
    if version.time and time_there and version.time != time_there:
        return 1 if version.time > time_there else -1
    if origin and origin.scheme == version.named.scheme:
        return version.named.order - origin.order
    return 0


def _note(folder: Path, version: Version, download: str, digest: str, collected: str = "") -> None:
    named, one = version.named, version.person
    back: str | None = named.back
    if named.scheme == "moodle" and simplified(named.who) in one.groups:
        # A group's folder. Feedback needs one for each member, with the member's own number.
        back = f"{one.name}_{one.number}_assignsubmission_file_" if one.number else None
    files = {path: entry.path for path, entry in version.entries.items()}
    collected = collected or datetime.now(UTC).isoformat()
    origin = Origin(named.scheme, download, files, digest, named.order, named.late, back, collected)
    text = json.dumps(asdict(origin), indent=1, ensure_ascii=False)
    Origin.file(folder).write_text(text, encoding="utf-8")


def _free(older: Path, time: datetime | None) -> Path:
    """A name for an older submission, by its time, that is not taken."""
    name = f"{time or datetime.now(UTC):%Y-%m-%d %H.%M.%S} UTC"
    names = chain([name], (f"{name} ({again})" for again in count(2)))
    return next(older / each for each in names if not (older / each).exists())


def _read(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def _digest(files: Mapping[str, bytes]) -> str:
    """Of everything but the time, which may be learned later."""
    digest = hashlib.sha256()
    for path, data in sorted(files.items()):
        if path != TIMESTAMP:
            digest.update(hashlib.sha256(path.encode() + b"\0" + data).digest())
    return digest.hexdigest()


def _time_of(stamp: bytes | None) -> datetime | None:
    return utc(stamp.decode("utf-8", "replace").strip()) if stamp else None
