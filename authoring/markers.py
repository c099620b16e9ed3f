"""The regions of a cell that markers on lines of their own open and close.

### BEGIN SOLUTION       ### END SOLUTION        hidden in every blank
### BEGIN HELP guided    ### END HELP            shown by a blank at level guided
### BEGIN HELP standard  ### END HELP            shown by a blank at levels guided and standard
### BEGIN HIDDEN TESTS   ### END HIDDEN TESTS    never given to students
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from authoring.errors import AuthoringError

Level = Literal["guided", "standard", "open"]
LEVELS: tuple[Level, ...] = ("guided", "standard", "open")

Region = Literal["plain", "solution", "guided", "standard", "hidden tests"]

_MARKER = re.compile(
    r"\s*###\s*(?P<edge>BEGIN|END) (?P<kind>SOLUTION|HELP|HIDDEN TESTS)(?: (?P<level>\S+))?\s*"
)
# nbgrader looks for these words anywhere in a line, so a slip of the pen must not pass as text.
_LOOKS_LIKE_A_MARKER = re.compile(r"\b(BEGIN|END)\s+(SOLUTION|HELP|HIDDEN\s+TESTS)\b")


@dataclass(frozen=True)
class Line:
    """One line of a cell, and the region that its markers put it in."""

    text: str
    region: Region

    def is_shown_at(self, level: Level) -> bool:
        """Whether a blank at this help level shows the line."""
        if self.region == "standard":
            return level in ("guided", "standard")
        return self.region in ("plain", level)


def read_lines(source: str, where: str) -> list[Line]:
    """Split a cell into lines with their regions; the marker lines themselves are left out.

    Raises:
        AuthoringError: a marker is malformed, nested, unknown or has no partner.
    """
    lines: list[Line] = []
    region: Region = "plain"
    opened = ""
    for text in source.split("\n"):
        marker = _MARKER.fullmatch(text)
        if marker is None:
            if _LOOKS_LIKE_A_MARKER.search(text):
                raise AuthoringError(
                    f"{where}: '{text.strip()}' is not a marker this course knows. Markers stand "
                    "alone on a line, e.g. '### BEGIN SOLUTION' or '### BEGIN HELP guided'."
                )
            lines.append(Line(text, region))
        elif marker["edge"] == "BEGIN":
            if region != "plain":
                raise AuthoringError(
                    f"{where}: '{text.strip()}' opens inside another region. "
                    f"Close that one first with '### END {opened}'."
                )
            region, opened = _region(marker["kind"], marker["level"], where), marker["kind"]
        else:
            if region == "plain" or marker["kind"] != opened:
                raise AuthoringError(f"{where}: '{text.strip()}' closes a region that is not open.")
            region = "plain"
    if region != "plain":
        raise AuthoringError(
            f"{where}: '### BEGIN {opened}' is never closed. Add '### END {opened}'."
        )
    return lines


def _region(kind: str, level: str | None, where: str) -> Region:
    if kind == "HELP":
        if level == "guided":
            return "guided"
        if level == "standard":
            return "standard"
        raise AuthoringError(
            f"{where}: '### BEGIN HELP {level or ''}' names no help level. "
            "Write '### BEGIN HELP guided' or '### BEGIN HELP standard'."
        )
    if level is not None:
        raise AuthoringError(f"{where}: '### BEGIN {kind}' takes no level, but has '{level}'.")
    return "solution" if kind == "SOLUTION" else "hidden tests"


def without_markers(lines: Sequence[Line]) -> str:
    """The source as a solution shows it: no markers, no hidden tests, all the rest."""
    return "\n".join(line.text for line in lines if line.region != "hidden tests").strip("\n")


def without_any_markers(source: str) -> str:
    """The same for any nbgrader assignment, by nbgrader's own rule: a marker is anywhere in a line.

    Where a region is not closed, what follows it counts as part of it.
    """
    kept, hidden = [], False
    for line in source.split("\n"):
        marker = _LOOKS_LIKE_A_MARKER.search(line)
        if marker is None:
            kept += [] if hidden else [line]
        elif marker[2].startswith("HIDDEN"):
            hidden = marker[1] == "BEGIN"
    return "\n".join(kept).strip("\n")
