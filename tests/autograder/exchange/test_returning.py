"""Feedback goes back under the names that the platform knows."""

from __future__ import annotations

import os
import zipfile
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from nbgrader import api

from autograder.exchange.collecting import collect
from autograder.exchange.returning import pack_feedback


def page(classroom: Any, student: str, text: str = "page") -> Path:
    """A feedback page, as `nbgrader generate_feedback` would leave it."""
    path = classroom.root / "feedback" / student / "sums" / "sums.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return sorted(archive.namelist())


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        (
            "Zoë Núñez_1000001_assignsubmission_file_/sums (1).ipynb",
            "Zoë Núñez_1000001_assignsubmission_file_/sums.html",
        ),
        (
            "Team Rot-Zoë Núñez_1000001_assignsubmission_file/sub/sums.ipynb",
            "Team Rot-Zoë Núñez_1000001_assignsubmission_file/sums.html",
        ),
        (
            "Zoë Núñez_1000001_assignsubmission_file_sums.ipynb",
            "Zoë Núñez_1000001_assignsubmission_file_sums.html",
        ),
    ],
)
def test_moodle_gets_the_names_that_it_gave(
    came: str, goes: str, classroom: Any, zipped: Any, worksheet: Path
) -> None:
    collect(classroom.course, "sums", zipped({came: "x"}), [worksheet], UTC)
    page(classroom, "zoe")
    returned = pack_feedback(classroom.course, "sums")
    ((path, count),) = returned.zips.items()
    assert (path.name, count) == ("feedback-moodle.zip", 1)
    assert names(path) == [goes]
    assert returned.left == {}


def test_without_a_worksheet_the_number_in_the_name_goes_back(classroom: Any, zipped: Any) -> None:
    folder = "Ada Vogel_1000004_assignsubmission_file"
    with api.Gradebook(classroom.course.directories.db_url, "unrolled") as gradebook:
        gradebook.add_student("ada", first_name="Ada", last_name="Vogel")
    collect(classroom.course, "sums", zipped({f"{folder}/sums.ipynb": "x"}), [], UTC)
    page(classroom, "ada")
    (path,) = pack_feedback(classroom.course, "sums").zips
    assert names(path) == [f"{folder}/sums.html"]


def test_a_group_without_its_members_numbers_is_told(
    classroom: Any, zipped: Any, listed: Any
) -> None:
    team = listed("team.csv", "id,name,Groups", ["ada", "Ada Vogel", "Team Rot"])
    archive = zipped({"Team Rot_77_assignsubmission_file/sums.ipynb": "ours"})
    collect(classroom.course, "sums", archive, [team], UTC)
    page(classroom, "ada")
    (reason,) = pack_feedback(classroom.course, "sums").left.values()
    assert "--roster GRADING_WORKSHEET" in reason


def test_each_member_of_a_moodle_group_gets_a_folder_with_the_own_number(
    classroom: Any, zipped: Any, worksheet: Path
) -> None:
    archive = zipped({"Team Blau_77_assignsubmission_file/sums.ipynb": "ours"})
    collect(classroom.course, "sums", archive, [worksheet], UTC)
    for student in ("long", "orjan"):
        page(classroom, student)
    (path,) = pack_feedback(classroom.course, "sums").zips
    assert (
        names(path)
        == [
            "李 小龙_1000003_assignsubmission_file_/sums.html",
            "Ørjan Łoś-Berg_1000002_assignsubmission_file_/sums.html",
        ][::-1]
    )


def test_canvas_gets_the_numbers_of_the_attempt_that_counts(
    classroom: Any, zipped: Any, canvas_book: Path
) -> None:
    archive = zipped(
        {
            "núñezzoë_LATE_31_901_sums-1.ipynb": "second",
            "núñezzoë_31_900_sums.ipynb": "first",
            "vogelada_33_902_My answer.ipynb": "mine",
        }
    )
    collect(classroom.course, "sums", archive, [canvas_book], UTC)
    for student in ("ada", "zoe"):
        page(classroom, student)
    (path,) = pack_feedback(classroom.course, "sums").zips
    assert names(path) == ["núñezzoë_LATE_31_901_sums-1.html", "vogelada_33_902_sums.html"]


def test_who_gets_nothing_is_told_with_the_reason(
    classroom: Any, zipped: Any, worksheet: Path
) -> None:
    folder = "{}_assignsubmission_file/sums.ipynb"
    came = ("Zoë Núñez_1000001", "Ada Vogel_1000004", "Ørjan Łoś-Berg_1000002")
    archive = zipped({folder.format(each): "x" for each in came})
    collect(classroom.course, "sums", archive, [worksheet], UTC)
    classroom.hand_in_file("by-hand", b"x")
    page(classroom, "zoe")
    os.utime(page(classroom, "ada", "of an earlier submission"), (0, 0))
    returned = pack_feedback(classroom.course, "sums")
    assert {student: reason.split(":")[0] for student, reason in returned.left.items()} == {
        "ada": "handed in again since the page was made",
        "by-hand": "did not come from Moodle or Canvas",
        "orjan": "has no feedback page",
    }
    assert list(returned.zips.values()) == [1]
