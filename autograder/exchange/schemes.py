"""How learning platforms name the files of a download, and whose file a name says it is.

As Moodle's `mod/assign` (downloader.php) and Canvas's content_zipper.rb write them, and as their
counterparts read them when feedback comes back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Literal

from nbgrader.utils import parse_utc

Scheme = Literal["moodle", "canvas", "exchange", "loose"]

# Moodle makes spaces of underscores in names. Before 4.1 there was an underscore at the end, and
# files in no folder follow it directly. The number is a participant's or, since 4.0, a group's.
_MOODLE = re.compile(
    r"(?P<back>(?P<who>[^_]+)(?:_(?P<number>\d+))?_assignsubmission_(?P<kind>[a-z]+)_?)(?P<file>.*)"
)
# Canvas leaves letters, digits and underscores of a name. The second number is the attachment's.
_ANONYMOUS = re.compile(
    r"(?P<back>(?P<late>LATE_)?(?P<who>anon_[^\W_]+)_(?P<order>\d+)_)(?P<file>.+)"
)
_CANVAS = re.compile(
    r"(?P<back>(?P<who>\w+?)_(?P<late>LATE_)?(?P<number>\d+)_(?P<order>\d+)_)(?P<file>.+)"
)
_CANVAS_TEXT = re.compile(r"\w+_(LATE_)?(\d+|anon_[^\W_]+)_(?P<kind>text|link)\.html")
_EXCHANGE = re.compile(
    r"(?P<who>.+?)\+(?P<assignment>[^+]+)\+(?P<time>\d{4}-\d\d-\d\d [\d:.]+[^+]*)(\+.*)?"
)
_ATTEMPT = re.compile(r"(?P<name>.+)-\d+\.ipynb")


@dataclass(frozen=True)
class Named:
    """What the name of a file says.

    Attributes:
        who: the student or group, as the platform writes it; empty where the name says nothing.
        file: what the file is called in the submission; empty for text that was typed in.
        number: the platform's number of the student or group.
        order: the higher, the later it was handed in, as far as the name tells.
        late: the platform marked it as late.
        back: how the name begins that feedback must have.
        folder: files of one submission have the same; only the exchange has several of a student.
        time: when it was handed in, where the name says so.
    """

    scheme: Scheme
    who: str
    file: str
    number: str = ""
    order: int = 0
    late: bool = False
    back: str = ""
    folder: str = ""
    time: datetime | None = None


def utc(text: str) -> datetime | None:
    """A time as nbgrader reads it; None where it is none."""
    try:
        naive: datetime = parse_utc(text)
    except (ValueError, OverflowError, TypeError):
        return None
    return naive.replace(tzinfo=UTC)


def read_name(path: str, assignment: str, notebooks: Collection[str]) -> Named | None:
    """What a path in a download says; None for another assignment's in nbgrader's exchange.

    Only its first part counts: what is inside a student's folder, the student named. Loose files
    are at `STUDENT/x.ipynb`, `STUDENT/ASSIGNMENT/x.ipynb`, `STUDENT.ipynb` or `sums_STUDENT.ipynb`.
    """
    first, *inside = path.split("/")
    if found := _MOODLE.fullmatch(first):
        file = "/".join(filter(None, (found["file"], *inside)))
        said = file if found["kind"] == "file" else ""
        return Named("moodle", found["who"], said, found["number"] or "", back=found["back"])
    if inside and (found := _EXCHANGE.fullmatch(first)) and (time := utc(found["time"])):
        named = Named("exchange", found["who"], "/".join(inside), folder=first, time=time)
        return named if found["assignment"] == assignment else None
    if inside:
        rest = inside[1:] if len(inside) > 1 and inside[0] == assignment else inside
        return Named("loose", first, "/".join(rest))
    if found := _ANONYMOUS.fullmatch(first) or _CANVAS.fullmatch(first):
        return _of_canvas(found, notebooks)
    if _CANVAS_TEXT.fullmatch(first):
        return Named("canvas", first.split("_")[0], "")
    return _loose(PurePosixPath(first), notebooks)


def by_regexp(groups: Mapping[str, str | None]) -> Named:
    """What the course's own `c.FileNameCollectorPlugin.named_regexp` found in a name."""
    stamp = groups.get("timestamp") or ""
    file = PurePosixPath(groups["file_id"] or "").with_suffix(".ipynb")
    return Named("loose", groups["student_id"] or "", str(file), folder=stamp, time=utc(stamp))


def _of_canvas(found: re.Match[str], notebooks: Collection[str]) -> Named:
    file, again = found["file"], _ATTEMPT.fullmatch(found["file"])
    # A notebook's own name may end like this, too.
    if again and again["name"] in notebooks and file.removesuffix(".ipynb") not in notebooks:
        file = f"{again['name']}.ipynb"
    number, late = found.groupdict().get("number", ""), bool(found["late"])
    return Named("canvas", found["who"], file, number, int(found["order"]), late, found["back"])


def _loose(path: PurePosixPath, notebooks: Collection[str]) -> Named:
    """`STUDENT.ipynb`, `sums_STUDENT.ipynb`."""
    who, file = path.stem, path.name
    if path.suffix == ".ipynb":
        fitting = [name for name in notebooks if name in path.stem]
        if fitting:
            name = max(fitting, key=len)
            who, file = who.replace(name, "", 1).strip(" _-+."), f"{name}.ipynb"
        elif len(notebooks) == 1:
            file = f"{next(iter(notebooks))}.ipynb"
    return Named("loose", who, file)
