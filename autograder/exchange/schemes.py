"""How learning platforms name the files of a download, and whose file a name says it is.

As Moodle's `mod/assign` (downloader.php) and Canvas's content_zipper.rb write them, and as their
counterparts read them when feedback comes back.
"""

from __future__ import annotations

import re
from collections.abc import Collection
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
    r"(?P<who>[^+]+(?:\+[^+]+)*?)\+(?P<assignment>[^+]+)\+(?P<time>\d{4}-[^+]+)(\+.*)?"
)
_ATTEMPT = re.compile(r"(?P<name>.+)-\d+(?P<suffix>\.ipynb)")


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


def read_name(path: str, assignment: str, notebooks: Collection[str]) -> Named | None:
    """What a path in a download says; None for another assignment's in nbgrader's exchange.

    Args:
        notebooks: names of the assignment's notebooks.
    """
    parts = path.split("/")
    for place, part in enumerate(parts):
        if found := _MOODLE.fullmatch(part):
            file = "/".join(each for each in (found["file"], *parts[place + 1 :]) if each)
            said = file if found["kind"] == "file" else ""
            return Named("moodle", found["who"], said, found["number"] or "", back=found["back"])
        if place < len(parts) - 1 and (found := _EXCHANGE.fullmatch(part)):
            if found["assignment"] != assignment:
                return None
            time = parse_utc(found["time"]).replace(tzinfo=UTC)
            rest = "/".join(parts[place + 1 :])
            return Named("exchange", found["who"], rest, folder=part, time=time)
    if found := _ANONYMOUS.fullmatch(parts[-1]):
        return _of_canvas(found, "", notebooks)
    if found := _CANVAS.fullmatch(parts[-1]):
        return _of_canvas(found, found["number"], notebooks)
    if _CANVAS_TEXT.fullmatch(parts[-1]):
        return Named("canvas", parts[-1].split("_")[0], "")
    return _loose(parts, assignment, notebooks)


def _of_canvas(found: re.Match[str], number: str, notebooks: Collection[str]) -> Named:
    file, again = found["file"], _ATTEMPT.fullmatch(found["file"])
    # A notebook's own name may end like this, too.
    if again and again["name"] in notebooks and file.removesuffix(".ipynb") not in notebooks:
        file = again["name"] + again["suffix"]
    late, order = bool(found["late"]), int(found["order"])
    return Named("canvas", found["who"], file, number, order, late, found["back"])


def _loose(parts: list[str], assignment: str, notebooks: Collection[str]) -> Named:
    """`STUDENT/x.ipynb`, `STUDENT/ASSIGNMENT/x.ipynb`, `STUDENT.ipynb`, `sums_STUDENT.ipynb`."""
    if len(parts) > 1:
        rest = parts[2:] if len(parts) > 2 and parts[1] == assignment else parts[1:]
        return Named("loose", parts[0], "/".join(rest))
    path = PurePosixPath(parts[0])
    for name in sorted(notebooks, key=len, reverse=True):
        if path.suffix == ".ipynb" and name in path.stem:
            return Named("loose", path.stem.replace(name, "", 1).strip(" _-+."), f"{name}.ipynb")
    file = f"{next(iter(notebooks))}.ipynb" if len(notebooks) == 1 else path.name
    return Named("loose", path.stem, file if path.suffix == ".ipynb" else path.name)
