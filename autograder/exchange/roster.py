"""Who is in the class: rows of a platform's CSV, matched with the students that nbgrader knows."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from autograder.errors import AutograderError
from autograder.exchange.schemes import Named, utc

# What may be a student's id in nbgrader, the likeliest first. `ID` is Canvas's own number.
_IDS = (
    *("id", "Username", "SIS Login ID", "login_id", "ID number", "SIS User ID", "user_id"),
    *("Email address", "Email", "email"),
)
_NUMBERS = ("Identifier", "ID", "canvas_user_id", "lms_user_id")
_NAMES = ("Full name", "Student", "name")
_FIRST = ("First name", "FirstName", "first_name")
_LAST = ("Last name", "Surname", "LastName", "last_name")
_GROUPS = ("Group", "Groups", "group_name")
_TIME = "Last modified (submission)"


@dataclass(frozen=True)
class Person:
    """One student of the class.

    Attributes:
        student: nbgrader's id.
        name: as the platform or the gradebook writes it; empty in blind marking.
        spellings: the name's words in both orders, simplified.
        ids: everything else that is this student's alone, such as the address.
        number: Canvas's user id or Moodle's number of the participant.
        groups: simplified names of groups.
        submitted: when the platform says that the last submission came in.
    """

    student: str
    name: str = ""
    spellings: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    number: str = ""
    groups: frozenset[str] = frozenset()
    submitted: datetime | None = None


def simplified(name: str) -> str:
    """A name without case, accents and what is no letter: platforms drop and recode these."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


@dataclass
class Roster:
    """The class: nbgrader's ids to students."""

    people: dict[str, Person]

    def matching(self, ids: Iterable[str], spellings: Collection[str]) -> list[Person]:
        """Students with one of these ids, the likeliest first; else all of that name."""
        for wanted in filter(None, ids):
            for one in self.people.values():
                if wanted in {one.student, *one.ids}:
                    return [one]
        return [one for one in self.people.values() if not one.spellings.isdisjoint(spellings)]

    def of_rows(self, rows: Sequence[Mapping[str, str]]) -> list[Person | None]:
        """The student whose row each is; None where it fits nobody, or a name fits several."""
        described = [_described(row) for row in rows]
        names = Counter(name for _, one in described for name in one.spellings)
        found = [
            self.matching(ids, [name for name in one.spellings if names[name] == 1])
            for ids, one in described
        ]
        return [people[0] if len(people) == 1 else None for people in found]

    def owners(self, named: Named) -> tuple[list[Person], str]:
        """Whose file it is: one student, the members of a group, or nobody; and what is odd."""
        if named.scheme == "exchange" or named.who.startswith("anon_"):
            return [self.people.get(named.who, Person(named.who))], ""
        everybody, who = self.people.values(), simplified(named.who)
        # In group mode, Moodle writes `Group-Ada Lovelace`.
        parts = [named.who, *(named.who[at.end() :] for at in re.finditer("-", named.who))]
        members = [one for one in everybody if who and who in one.groups]
        for one in [one for one in everybody if named.number and one.number == named.number]:
            # In blind marking everybody is `Participant`, and the list has no names either.
            known = one.spellings | {"participant"}
            if not one.spellings or known & {simplified(part) for part in parts}:
                return [one], ""
            if named.scheme == "canvas" and not members:
                return [one], (
                    f"{one.student} has this number, but is not called {named.who!r}; if that is a "
                    "group, add --roster with Canvas's list of it (People, Download Course Roster "
                    "CSV), for the other members"
                )
        if members:
            return members, ""
        for part in parts:
            found = self.matching([part], [simplified(part)])
            if len(found) == 1:
                return found, ""
            if found:
                names = ", ".join(sorted(one.student for one in found))
                return [], f"{part!r} may be any of {names}; put it into submitted/ by hand"
        number = f" (number {named.number})" if named.number else ""
        return [], (
            f"nobody known is {named.who!r}{number}; give the platform's list with --roster, or "
            "put the file into submitted/ by hand"
        )


def read_roster(
    files: Sequence[Path], known: Iterable[Mapping[str, str]], zone: tzinfo = UTC
) -> Roster:
    """The class, from nbgrader's gradebook and from files of a platform.

    Args:
        known: rows of the students in the gradebook; a row that fits one is that student's.
        zone: the time zone of the times in the files, which name none.

    Raises:
        AutograderError: a file cannot be read, or is none of those that are known.
    """
    roster = Roster({one.student: one for _, one in map(_described, known)})
    for path in files:
        rows = read_table(path)[1]
        for row, matched in zip(rows, roster.of_rows(rows), strict=True):
            ids, one = _described(row)
            if not ids:
                continue  # an empty line, or Canvas's rows about the assignments
            before = matched or Person(one.student)
            roster.people[before.student] = Person(
                student=before.student,
                name=one.name or before.name,
                spellings=one.spellings | before.spellings,
                ids=one.ids | before.ids,
                number=one.number or before.number,
                groups=one.groups | before.groups,
                submitted=_time(row.get(_TIME, ""), zone, path) or before.submitted,
            )
    return roster


def _described(row: Mapping[str, str]) -> tuple[list[str], Person]:
    """What a row says of a student, and what the student's id may be, the likeliest first."""
    ids = [row[column].strip() for column in _IDS if row.get(column, "").strip()]
    number = re.sub(r"^\D+", "", _first(row, _NUMBERS))
    if not ids and number:  # blind marking hides everything else
        ids = [f"participant-{number}" if "Identifier" in row else number]
    full, first, last = _first(row, _NAMES), _first(row, _FIRST), _first(row, _LAST)
    if "," in full and not first:  # as Canvas sorts them
        last, first = full.split(",", 1)
    names, group = (full, f"{first} {last}", f"{last} {first}"), _first(row, _GROUPS)
    one = Person(
        student=ids[0] if ids else "",
        name=full or f"{first} {last}".strip(),
        spellings=frozenset(map(simplified, names)) - {""},
        ids=frozenset(ids),
        number=number,
        groups=frozenset(map(simplified, (group, *re.split("[,;]", group)))) - {""},
    )
    return ids + [each.split("@")[0] for each in ids if "@" in each], one


def _first(row: Mapping[str, str], columns: Sequence[str]) -> str:
    return next((row[column].strip() for column in columns if row.get(column, "").strip()), "")


def _time(text: str, zone: tzinfo, path: Path) -> datetime | None:
    if text.strip() in {"", "-"}:
        return None
    time = utc(text)
    if time is None:
        raise AutograderError(
            f"{path}: the time {text!r} cannot be read. Set Moodle's language to English, and "
            "download the grading worksheet again."
        )
    return time.replace(tzinfo=zone).astimezone(UTC)


def read_table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The columns and rows of a platform's CSV.

    Raises:
        AutograderError: it cannot be read, or has no column that says who is who.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise AutograderError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise AutograderError(f"{path} is not UTF-8. Save it as CSV UTF-8, unchanged.") from error
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restval="")
    try:
        columns, rows = list(reader.fieldnames or ()), list(reader)
    except csv.Error as error:
        raise AutograderError(f"{path} is damaged ({error}). Download it again.") from error
    if not set(columns) & {*_IDS, *_NUMBERS} or not set(columns) & {*_NAMES, *_FIRST, *_NUMBERS}:
        raise AutograderError(
            f"{path} is no list of students that is known: its first line must have the columns of "
            "Moodle's grading worksheet or participants, of Canvas's gradebook or groups (in "
            "English), or id, first_name, last_name and email."
        )
    return columns, rows
