"""Downloads of each scheme become submissions, and nothing that was there is lost."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from collections.abc import Callable
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from nbgrader import api

from autograder.errors import AutograderError
from autograder.exchange import download
from autograder.exchange.collecting import Collection, collect
from autograder.submission.reading import students_with


def nbgraders_gradebook(classroom: Any) -> Any:
    return api.Gradebook(classroom.course.directories.db_url, "unrolled")


Collect = Callable[..., Collection]


@pytest.fixture
def take(classroom: Any) -> Collect:
    """Collects a download into the small course."""

    def run(path: Path, *rosters: Path, zone: tzinfo = UTC, **options: bool) -> Collection:
        return collect(classroom.course, "sums", path, rosters, zone, **options)

    return run


def done(collection: Collection) -> dict[str, str]:
    return {version.person.student: done for version, done in collection.submissions}


def files(classroom: Any, student: str) -> dict[str, str]:
    folder = classroom.folder(student)
    return {path.name: path.read_text() for path in folder.iterdir()}


def older(classroom: Any, student: str) -> list[str]:
    folder = classroom.root / "submitted" / student / "sums.older"
    return sorted((each / "sums.ipynb").read_text() for each in folder.iterdir())


@pytest.mark.parametrize(
    "path",
    [
        "{}_assignsubmission_file_/sums.ipynb",  # with folders, before Moodle 4.1
        "{}_assignsubmission_file/sums.ipynb",  # since
        "{}_assignsubmission_file_sums.ipynb",  # without folders
        "Team Rot-{}_assignsubmission_file_/sums.ipynb",  # group mode
    ],
)
def test_moodles_zip_is_matched_by_the_participants_number(
    path: str, classroom: Any, zipped: Any, worksheet: Path, take: Collect
) -> None:
    names = {"zoe": "Zoë Núñez_1000001", "ada": "Ada Vogel_1000004"}
    archive = zipped({path.format(name): student for student, name in names.items()})
    collection = take(archive, worksheet, zone=ZoneInfo("Europe/Berlin"))
    assert collection.left == {}
    assert done(collection) == {"ada": "new", "zoe": "new"}
    assert files(classroom, "ada") == {"sums.ipynb": "ada"}
    # as nbgrader writes it, and in UTC
    assert files(classroom, "zoe") == {
        "sums.ipynb": "zoe",
        "timestamp.txt": "2026-03-01 20:05:00.000000 UTC",
    }
    assert collection.missing == ["long", "orjan"]


def test_a_groups_folder_is_every_members(
    classroom: Any, zipped: Any, worksheet: Path, take: Collect
) -> None:
    archive = zipped({"Team Blau_77_assignsubmission_file/sums.ipynb": "ours"})
    assert done(take(archive, worksheet)) == {"long": "new", "orjan": "new"}
    assert files(classroom, "long")["sums.ipynb"] == "ours"


def test_blind_marking_is_collected_under_participants_numbers(
    zipped: Any, listed: Any, take: Collect
) -> None:
    blind = listed(
        "blind.csv", "Identifier,Status,Grade,Maximum Grade", ["Participant 5", "", "", "10"]
    )
    archive = zipped({"Participant_5_assignsubmission_file_/sums.ipynb": "who knows"})
    assert done(take(archive, blind)) == {"participant-5": "new"}


def test_names_alone_match_the_gradebook_in_any_spelling(
    classroom: Any, zipped: Any, take: Collect
) -> None:
    with nbgraders_gradebook(classroom) as gradebook:
        gradebook.add_student("s1", first_name="Zoë", last_name="Nunez")
    archive = zipped({"Zoe\u0308 Nu\u0301n\u0303ez_1_assignsubmission_file_/sums.ipynb": "mine"})
    assert done(take(archive)) == {"s1": "new"}


def test_names_in_a_zip_that_does_not_say_that_they_are_utf8(
    zipped: Any, worksheet: Path, take: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        zipfile.ZipInfo, "_encodeFilenameFlags", lambda self: (self.filename.encode(), 0)
    )
    archive = zipped({"李 小龙_1000003_assignsubmission_file_/sums.ipynb": "mine"})
    assert done(take(archive, worksheet)) == {"long": "new"}


def test_canvas_attempts_late_marks_and_text(
    classroom: Any, zipped: Any, canvas_book: Path, take: Collect
) -> None:
    archive = zipped(
        {
            "núñezzoë_LATE_31_901_sums-1.ipynb": "second",
            "núñezzoë_31_900_sums.ipynb": "first",
            "łośbergørjan_32_902_sums-2.ipynb": "third",
            "łośbergørjan_32_902_data-1.csv": "1",
            "vogelada_33_text.html": "<p>no time</p>",
        }
    )
    planned = take(archive, canvas_book, dry_run=True)
    collection = take(archive, canvas_book)
    assert planned == collection
    assert files(classroom, "zoe") == {"sums.ipynb": "second"}
    assert older(classroom, "zoe") == ["first"]
    assert files(classroom, "orjan") == {"sums.ipynb": "third", "data-1.csv": "1"}
    versions = [version for version, _ in collection.submissions]
    late = [version.named.late for version in versions if version.person.student == "zoe"]
    assert late == [False, True]
    assert "ada typed in" in collection.left["vogelada_33_text.html"]
    again = take(archive, canvas_book)
    assert set(done(again).values()) == {"already there"}
    assert older(classroom, "zoe") == ["first"]


def test_who_goes_back_to_an_earlier_answer_is_graded_by_it(
    classroom: Any, zipped: Any, canvas_book: Path, take: Collect
) -> None:
    attempts = {900: "first", 901: "second", 902: "first"}
    for attempt, text in attempts.items():
        archive = zipped({f"vogelada_33_{attempt}_sums.ipynb": text}, f"{attempt}.zip")
        take(archive, canvas_book)
        assert files(classroom, "ada") == {"sums.ipynb": text}


def test_canvas_groups_need_the_list_of_groups(
    classroom: Any, zipped: Any, canvas_book: Path, listed: Any, take: Collect
) -> None:
    archive = zipped({"studygroup3_31_900_sums.ipynb": "ours"})
    alone = take(archive, canvas_book, dry_run=True)
    assert "Course Roster" in alone.left["studygroup3_31_900_sums.ipynb"]
    groups = listed(
        "groups.csv",
        "name,canvas_user_id,user_id,login_id,sections,group_name",
        ["Zoë Núñez", "31", "s31", "zoe", "A", "Study Group 3"],
        ["Ada Vogel", "33", "s33", "ada", "B", "Study Group 3"],
        ["Ørjan Łoś-Berg", "32", "s32", "orjan", "A", ""],
    )
    collection = take(archive, canvas_book, groups)
    assert collection.left == {}
    assert done(collection) == {"ada": "new", "zoe": "new"}


def test_anonymous_canvas_submissions_are_kept_apart(zipped: Any, take: Collect) -> None:
    archive = zipped({"anon_aB1c2_900_sums.ipynb": "x", "LATE_anon_12345_901_sums.ipynb": "y"})
    assert set(done(take(archive))) == {"anon_aB1c2", "anon_12345"}


def test_a_notebook_whose_own_name_ends_like_an_attempt_keeps_it() -> None:
    from autograder.exchange.schemes import read_name

    for notebooks, name in ((["lab", "lab-1"], "lab-1.ipynb"), (["lab"], "lab.ipynb")):
        named = read_name("vogelada_33_900_lab-1.ipynb", "lab", notebooks)
        assert named is not None
        assert named.file == name


def test_a_folder_of_loose_notebooks(classroom: Any, tmp_path: Path, take: Collect) -> None:
    with nbgraders_gradebook(classroom) as gradebook:
        for student in ("ada", "zoe", "long", "orjan"):
            gradebook.add_student(student, last_name="Vogel" if student == "orjan" else "")
    loose = tmp_path / "loose"
    for path in ("ada.ipynb", "sums_zoe.ipynb", "long/sums/sums.ipynb", "Vogel/sums.ipynb"):
        (loose / path).parent.mkdir(parents=True, exist_ok=True)
        (loose / path).write_text(path)
    (loose / "long" / "sums" / "timestamp.txt").write_text("2026-03-01 12:00:00 UTC")
    (loose / ".DS_Store").write_text("")
    (loose / "mystery.ipynb").write_text("")
    os.utime(loose / "ada.ipynb", (1_772_366_400, 1_772_366_400))
    collection = take(loose, file_times=True)
    assert set(done(collection)) == {"ada", "zoe", "long", "orjan"}
    assert files(classroom, "ada") == {
        "sums.ipynb": "ada.ipynb",
        "timestamp.txt": "2026-03-01 12:00:00.000000 UTC",
    }
    assert list(collection.left) == ["mystery.ipynb"]
    assert "nobody known is 'mystery'" in collection.left["mystery.ipynb"]


def test_a_course_may_have_a_scheme_of_its_own(
    classroom: Any, tmp_path: Path, take: Collect
) -> None:
    with (classroom.root / "nbgrader_config.py").open("a") as config:
        config.write(
            "c.FileNameCollectorPlugin.named_regexp = "
            r"r'.*_(?P<student_id>\w+)_attempt_(?P<timestamp>[0-9-]+)_(?P<file_id>\w+)'"
        )
    with nbgraders_gradebook(classroom) as gradebook:
        gradebook.add_student("ada")
    (tmp_path / "loose").mkdir()
    for day in (30, 29):
        path = tmp_path / "loose" / f"ps1_ada_attempt_2026-01-{day}-15-00-00_sums.ipynb"
        path.write_text(str(day))
    assert take(tmp_path / "loose").left == {}
    assert files(classroom, "ada")["sums.ipynb"] == "30"
    assert files(classroom, "ada")["timestamp.txt"].startswith("2026-01-30 ")
    assert older(classroom, "ada") == ["29"]


def test_nbgraders_exchange_keeps_every_submission_with_its_time(
    classroom: Any, tmp_path: Path, take: Collect
) -> None:
    for name, text in {
        "ada+sums+2026-03-01 10:00:00.000000 UTC+ab": "first",
        "ada+sums+2026-03-02 10:00:00.000000 UTC+cd": "second",
        "ada+essay+2026-03-02 10:00:00.000000 UTC+ef": "another assignment",
        "eve+sums+2026-99-99 10:00:00 UTC": "made up",
    }.items():
        (tmp_path / "inbound" / name).mkdir(parents=True)
        (tmp_path / "inbound" / name / "sums.ipynb").write_text(text)
    collection = take(tmp_path / "inbound")
    assert files(classroom, "ada") == {
        "sums.ipynb": "second",
        "timestamp.txt": "2026-03-02 10:00:00.000000 UTC",
    }
    assert older(classroom, "ada") == ["first"]
    assert len(collection.left) == 1  # the one that was made up
    (kept,) = (classroom.root / "submitted" / "ada" / "sums.older").iterdir()
    assert kept.name == "2026-03-01 10.00.00 UTC"


def test_nothing_is_overwritten_and_the_same_again_changes_nothing(
    classroom: Any, zipped: Any, worksheet: Path, take: Collect
) -> None:
    path = "Ada Vogel_1000004_assignsubmission_file_/sums.ipynb"
    classroom.hand_in_file("ada", b"by hand")
    first, second = zipped({path: "first"}, "1.zip"), zipped({path: "second"}, "2.zip")
    assert done(take(first, worksheet, dry_run=True)) == {"ada": "replaces an older one"}
    assert files(classroom, "ada") == {"sums.ipynb": "by hand"}
    take(first, worksheet)
    assert done(take(first, worksheet)) == {"ada": "already there"}
    take(second, worksheet)
    assert files(classroom, "ada") == {"sums.ipynb": "second"}
    assert older(classroom, "ada") == ["by hand", "first"]
    # what a person repaired stays, and an old download does not come to the front again
    classroom.hand_in_file("ada", b"second, repaired")
    assert done(take(second, worksheet)) == {"ada": "already there"}
    assert done(take(first, worksheet)) == {"ada": "already there"}
    assert files(classroom, "ada") == {"sums.ipynb": "second, repaired"}
    assert students_with(classroom.root / "submitted", "sums") == ["ada"]


def test_an_older_submission_is_put_beside_a_newer_one(
    classroom: Any, tmp_path: Path, take: Collect
) -> None:
    (tmp_path / "inbound" / "ada+sums+2026-03-01 10:00:00 UTC").mkdir(parents=True)
    (tmp_path / "inbound" / "ada+sums+2026-03-01 10:00:00 UTC" / "sums.ipynb").write_text("old")
    classroom.hand_in_file("ada", b"new")
    classroom.hand_in_file("ada", b"2026-03-05 10:00:00 UTC", "timestamp.txt")
    assert done(take(tmp_path / "inbound")) == {"ada": "older than what is there"}
    assert files(classroom, "ada")["sums.ipynb"] == "new"
    assert older(classroom, "ada") == ["old"]


def test_a_time_that_is_learned_later_is_added(
    classroom: Any, zipped: Any, worksheet: Path, take: Collect
) -> None:
    classroom.hand_in_file("zoe", b"mine")
    archive = zipped({"Zoë Núñez_1000001_assignsubmission_file_/sums.ipynb": "mine"})
    assert done(take(archive, worksheet)) == {"zoe": "already there"}
    assert files(classroom, "zoe")["timestamp.txt"] == "2026-03-01 21:05:00.000000 UTC"


def test_a_student_cannot_say_when_it_was_handed_in(
    classroom: Any, zipped: Any, worksheet: Path, take: Collect
) -> None:
    folder = "Ada Vogel_1000004_assignsubmission_file_"
    take(zipped({f"{folder}/sums.ipynb": "", f"{folder}/timestamp.txt": "1999-01-01"}), worksheet)
    assert files(classroom, "ada") == {"sums.ipynb": ""}


@pytest.mark.parametrize(
    "path",
    [
        "../../evil.ipynb",
        "/tmp/evil.ipynb",
        "Ada Vogel_1000004_assignsubmission_file_../../../evil.ipynb",
        "Ada Vogel_1000004_assignsubmission_file_../evil.ipynb",
        "Ada Vogel_1000004_assignsubmission_file_/..\\..\\..\\evil.ipynb",
        "Ada Vogel_1000004_assignsubmission_file_/a\nb.ipynb",
        f"Ada Vogel_1000004_assignsubmission_file_/{'x' * 300}.ipynb",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(
    path: str, classroom: Any, zipped: Any, worksheet: Path, take: Collect
) -> None:
    before = {each for each in classroom.root.parent.rglob("*") if "evil" in each.name}
    (fault,) = take(zipped({path: "x"}), worksheet).left.values()
    assert "unusable name" in fault
    assert {each for each in classroom.root.parent.rglob("*") if "evil" in each.name} == before
    assert not classroom.folder("ada").exists()


def test_links_and_files_that_are_too_large_are_left_out(
    tmp_path: Path, zipped: Any, worksheet: Path, take: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MOST_OF_A_FILE", 100)
    folder = "Ada Vogel_1000004_assignsubmission_file_"
    archive = zipped({f"{folder}/bomb.ipynb": "0" * 101, f"{folder}/sums.ipynb": "fine"})
    with zipfile.ZipFile(archive, "a") as more:
        link = zipfile.ZipInfo(f"{folder}/link.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        more.writestr(link, "/etc/passwd")
    collection = take(archive, worksheet)
    ((version, _),) = collection.submissions
    assert list(version.entries) == ["sums.ipynb"]
    assert ["too large" in each or "link" in each for each in collection.left.values()] == [
        True
    ] * 2
    (tmp_path / "unpacked" / folder).mkdir(parents=True)
    (tmp_path / "unpacked" / folder / "sums.ipynb").symlink_to("/etc/passwd")
    (fault,) = take(tmp_path / "unpacked", worksheet).left.values()
    assert "is a link" in fault


def test_a_bomb_is_refused_before_it_is_unpacked(
    zipped: Any, take: Collect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MOST_IN_ALL", 1000)
    with pytest.raises(AutograderError, match=r"would unpack to .* give the folder"):
        take(zipped({f"{number}.ipynb": "0" * 400 for number in range(3)}))


def test_one_damaged_file_costs_only_that_student(
    classroom: Any, zipped: Any, worksheet: Path, take: Collect
) -> None:
    archive = zipped(
        {
            "Ada Vogel_1000004_assignsubmission_file_/sums.ipynb": "damage me",
            "Zoë Núñez_1000001_assignsubmission_file_/sums.ipynb": "fine",
        }
    )
    archive.write_bytes(archive.read_bytes().replace(b"damage me", b"damaged!!"))
    collection = take(archive, worksheet)
    assert done(collection) == {"zoe": "new"}
    (fault,) = collection.left.values()
    assert "Download the zip again" in fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no list of students"),
        (
            "Identifier,Full name,Last modified (submission)\nParticipant 1,A B,lundi 2 mars\n",
            "English",
        ),
    ],
)
def test_a_list_that_cannot_be_used_names_itself_and_the_fix(
    text: str, said: str, tmp_path: Path, zipped: Any, take: Collect
) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(AutograderError, match=rf"list\.csv.*{said}"):
        take(zipped({"a.ipynb": ""}), tmp_path / "list.csv")


def test_two_students_of_one_name_are_told_apart_by_a_person(
    classroom: Any, zipped: Any, listed: Any, take: Collect
) -> None:
    with nbgraders_gradebook(classroom) as gradebook:
        gradebook.add_student("a0", first_name="Ada", last_name="Vogel")
    names = [[student, "Ada", "Vogel"] for student in ("a1", "a2")]
    twins = listed("list.csv", "id,first_name,last_name", *names)
    collection = take(zipped({"Ada Vogel_7_assignsubmission_file_/sums.ipynb": ""}), twins)
    (reason,) = collection.left.values()
    assert "a0, a1, a2" in reason


def test_a_student_cannot_hand_in_for_another(
    classroom: Any, zipped: Any, canvas_book: Path, worksheet: Path, take: Collect
) -> None:
    as_others = (
        "Zoë Núñez_1000001_assignsubmission_file_/sums.ipynb",
        "zoe+sums+2026-03-01 10:00:00 UTC/sums.ipynb",
        "núñezzoë_31_900_sums.ipynb",
        "zoe/sums.ipynb",
    )
    for mine in ("ada", "Ada Vogel_1000004_assignsubmission_file"):
        archive = zipped({f"{mine}/{path}": "x" for path in as_others})
        assert set(done(take(archive, canvas_book, worksheet, dry_run=True))) == {"ada"}


def test_the_origin_says_how_the_files_were_called(
    classroom: Any, zipped: Any, canvas_book: Path, take: Collect
) -> None:
    take(zipped({"vogelada_33_900_sums-1.ipynb": "mine"}), canvas_book)
    origin = json.loads((classroom.root / "submitted" / "ada" / "sums.origin.json").read_text())
    assert origin["files"] == {"sums.ipynb": "vogelada_33_900_sums-1.ipynb"}
