"""What is written to nbgrader's gradebook, and what survives."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook as NbgraderGradebook

from autograder.errors import AutograderError
from autograder.recording.gradebook import Gradebook
from autograder.recording.scores import NotebookScores

FULL = {"scale-values": 3.0, "scale-side-effects": 1.0, "total-values": 2.0, "total-parts": 4.0}


def never_late(student: str, score: float, seconds: float) -> None:
    return None


@pytest.fixture
def gradebook(classroom: Any) -> Iterator[Gradebook]:
    with Gradebook.of(classroom.course) as opened:
        yield opened


def write(gradebook: Gradebook, scores: dict[str, Any], **more: Any) -> None:
    scored = {"sums": NotebookScores(scores, more.pop("comments", {}))}
    late = more.pop("late", never_late)
    gradebook.write("sums", "ada", more.pop("timestamp", None), scored, late)


def submission(classroom: Any) -> Any:
    """Ada's submission as nbgrader sees it: score, penalty, grades and comments by cell."""
    with NbgraderGradebook(f"sqlite:///{classroom.root / 'gradebook.db'}", "unrolled") as book:
        found = book.find_submission("sums", "ada")
        (notebook,) = found.notebooks
        return {
            "score": found.score,
            "late": found.late_submission_penalty,
            "needs_manual_grade": found.needs_manual_grade,
            "grades": {g.name: (g.score, g.needs_manual_grade) for g in notebook.grades},
            "comments": {c.name: c.comment for c in notebook.comments},
        }


def test_the_first_grading_makes_the_student_and_the_submission_complete(
    classroom: Any, gradebook: Gradebook
) -> None:
    write(gradebook, {**FULL, "why": None}, comments={"total": "No response."})
    found = submission(classroom)
    assert found["score"] == 10
    assert found["grades"]["why"] == (0, True)
    assert found["needs_manual_grade"]
    assert found["comments"] == {"scale": None, "total": "No response.", "why": None}


def test_manual_grades_and_comments_survive_a_regrade(classroom: Any, gradebook: Gradebook) -> None:
    write(gradebook, {**FULL, "why": None})
    with NbgraderGradebook(f"sqlite:///{classroom.root / 'gradebook.db'}", "unrolled") as book:
        book.find_grade("why", "sums", "sums", "ada").manual_score = 1.5
        grade = book.find_grade("total-values", "sums", "sums", "ada")
        grade.manual_score, grade.extra_credit = 0.5, 0.25
        book.find_comment("total", "sums", "sums", "ada").manual_comment = "Well argued."
        book.db.commit()
    write(gradebook, {**FULL, "why": None, "scale-values": 0.0}, comments={"total": "Automatic."})
    found = submission(classroom)
    assert found["grades"]["why"] == (1.5, True)
    assert found["grades"]["total-values"] == (0.75, True)
    assert found["grades"]["scale-values"] == (0, False)
    assert found["comments"]["total"] == "Well argued."


def test_what_fails_half_way_changes_nothing(classroom: Any, gradebook: Gradebook) -> None:
    write(gradebook, FULL)
    before = submission(classroom)

    def breaks(student: str, score: float, seconds: float) -> float:
        raise RuntimeError("the plugin is broken")

    make_due(classroom, "2020-01-01 00:00:00")
    with pytest.raises(RuntimeError, match="plugin"):
        write(
            gradebook,
            dict.fromkeys(FULL, 0.0),
            comments={"total": "new"},
            timestamp="2021-01-01 00:00:00",
            late=breaks,
        )
    assert submission(classroom) == before


def make_due(classroom: Any, when: str) -> None:
    with sqlite3.connect(classroom.root / "gradebook.db") as database:
        database.execute("UPDATE assignment SET duedate = ?", (f"{when}.000000",))


@pytest.mark.parametrize(("asked", "given"), [(None, 0), (2.5, 2.5), (99.0, 10.0), (-3.0, 0.0)])
def test_a_late_penalty_is_the_plugins_between_nothing_and_the_new_score(
    classroom: Any, gradebook: Gradebook, asked: float | None, given: float
) -> None:
    make_due(classroom, "2020-01-01 00:00:00")
    told: list[Any] = []

    def plugin(*what: Any) -> float | None:
        told.append(what)
        return asked

    write(gradebook, FULL, timestamp="2020-01-01 00:01:00 UTC", late=plugin)
    assert told == [("ada", 10.0, 60.0)]
    assert submission(classroom)["late"] == given


@pytest.mark.parametrize("timestamp", ["yesterday", "9" * 40, "\x00", ""])
def test_a_timestamp_that_is_none_is_not_late_and_not_an_error(
    classroom: Any, gradebook: Gradebook, timestamp: str
) -> None:
    make_due(classroom, "2020-01-01 00:00:00")
    write(gradebook, FULL, timestamp=timestamp)
    assert submission(classroom)["score"] == 10


def test_a_gradebook_without_the_assignment_says_what_to_run(gradebook: Gradebook) -> None:
    with pytest.raises(AutograderError, match="nbgrader generate_assignment products"):
        gradebook.released("products")


def test_a_missing_gradebook_is_not_made_by_grading(tmp_path: Path) -> None:
    with pytest.raises(AutograderError, match="generate_assignment"):
        Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}", "unrolled")
    assert not (tmp_path / "gradebook.db").exists()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "gradebook.db").write_text("This is a diary." * 100)
    with pytest.raises(AutograderError, match=r"gradebook\.db"):
        Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}", "unrolled")


def test_grading_waits_for_formgrader_to_finish_writing(
    classroom: Any, gradebook: Gradebook
) -> None:
    import threading

    held = sqlite3.connect(classroom.root / "gradebook.db", check_same_thread=False)
    held.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(6.5, held.rollback)  # sqlite3 alone gives up after 5 seconds
    timer.start()
    write(gradebook, FULL)
    timer.join()
    assert submission(classroom)["score"] == 10
