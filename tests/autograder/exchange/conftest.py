"""Downloads as learning platforms make them, of a class that does not exist."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

Zipped = Callable[..., Path]
Listed = Callable[..., Path]


@pytest.fixture
def zipped(tmp_path: Path) -> Zipped:
    """Writes a zip: path in it to contents."""

    def write(files: Mapping[str, bytes | str], name: str = "download.zip") -> Path:
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for path, data in files.items():
                archive.writestr(path, data)
        return tmp_path / name

    return write


@pytest.fixture
def listed(tmp_path: Path) -> Listed:
    """Writes a CSV as platforms do, with a byte order mark."""

    def write(name: str, columns: str, *rows: Sequence[str]) -> Path:
        with (tmp_path / name).open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows([columns.split(","), *rows])
        return tmp_path / name

    return write


WORKSHEET = (
    "Identifier,Full name,Username,Email address,Status,Group,Grade,Maximum Grade,"
    "Grade can be changed,Last modified (submission),Last modified (grade),Feedback comments"
)


@pytest.fixture
def worksheet(listed: Listed) -> Path:
    """Moodle's grading worksheet of a class of four, two of whom are a group."""

    def row(
        number: int, name: str, user: str, group: str, time: str, can: str = "Yes"
    ) -> list[str]:
        email, status = f"{user}@uni.example", "Submitted for grading"
        participant = f"Participant {number}"
        return [participant, name, user, email, status, group, "", "10.00", can, time, "-", ""]

    return listed(
        "worksheet.csv",
        WORKSHEET,
        row(1000001, "Zoë Núñez", "zoe", "", "Sunday, 1 March 2026, 9:05 PM"),
        row(1000002, "Ørjan Łoś-Berg", "orjan", "Team Blau", "Monday, 2 March 2026, 8:00 AM"),
        row(1000003, "李 小龙", "long", "Team Blau", "Monday, 2 March 2026, 8:00 AM"),
        row(1000004, "Ada Vogel", "ada", "", "-"),
    )


CANVAS = "Student,ID,SIS User ID,SIS Login ID,Section,Sums (501),Essay (502),Final Score"


@pytest.fixture
def canvas_book(listed: Listed) -> Path:
    """Canvas's exported gradebook, with its rows about the assignments."""
    return listed(
        "canvas.csv",
        CANVAS,
        ["", "", "", "", "", "Manual Posting", "", "(read only)"],
        ["    Points Possible", "", "", "", "", "10.00", "5.00", "(read only)"],
        ["Núñez, Zoë", "31", "s31", "zoe", "A", "8.00", "4.00", "80"],
        ["Łoś-Berg, Ørjan", "32", "s32", "orjan", "A", "", "", ""],
        ["Vogel, Ada", "33", "s33", "ada", "B", "", "5.00", ""],
        ["Student, Test", "99", "", "testlogin", "A", "", "", ""],
    )
