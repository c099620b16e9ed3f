"""Feedback pages, the report and scores are true again after anything that they depend on changes.

Each test changes one thing in a course that is graded, with pages and a report, and looks at what
a teacher does next: grades and makes feedback; or makes feedback alone, after grading by hand.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook as NbgraderGradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config

from authoring.course import Course as AuthoringCourse
from authoring.release import build_release
from autograder.errors import AutograderError
from autograder.options import read_config
from autograder.recording.derived import has_report
from autograder.reporting.renewal import Renewal, renew_feedback
from autograder.reporting.report import is_current, write_report
from autograder.scheduling import batch
from autograder.scheduling.batch import Plan, chosen_students, grade_class

BIN = Path(sys.executable).parent
WRONG = "def total(numbers):\n    return 0"
SLOW = "import time\ndef total(numbers):\n    time.sleep(0.5)\n    return float(sum(numbers))"


def run(room: Any, *command: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = command
    return subprocess.run(
        [BIN / program, *arguments], cwd=room.root, capture_output=True, text=True, timeout=120
    )


def grade(room: Any, **plan: Any) -> list[str]:
    """Grade everybody; what the command would say."""
    said: list[str] = []
    course, asked = room.course, Plan("sums", **{"jobs": 1, **plan})
    grade_class(course, asked, chosen_students(course, asked), lambda *_: None, said.append)
    return said


def feedback(room: Any) -> Renewal:
    return renew_feedback(room.course, "sums")


def page(room: Any, student: str) -> Path:
    return Path(room.root / "feedback" / student / "sums" / "sums.html")


def shown(room: Any, student: str) -> float:
    found = re.search(r'"score">([\d.]+) of', page(room, student).read_text())
    assert found is not None
    return float(found[1])


def gradebook(room: Any) -> Any:
    return NbgraderGradebook(f"sqlite:///{room.root / 'gradebook.db'}", "unrolled")


def configure(room: Any, *lines: str) -> None:
    with (room.root / "nbgrader_config.py").open("a") as config:
        config.writelines(f"{line}\n" for line in lines)


@pytest.fixture(scope="module")
def _graded(
    _built_course: Path, classroom_at: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Ada and bob handed in and are graded; they have pages, and there is a report."""
    room = classroom_at(tmp_path_factory.mktemp("graded") / "course")
    shutil.copytree(_built_course, room.root)
    for student, answers in {"ada": {"total": SLOW}, "bob": {}}.items():
        room.hand_in(student, **answers)
        room.hand_in_file(student, b"2026-01-02 00:00:00 UTC", "timestamp.txt")
    grade(room)
    feedback(room)
    write_report(room.course, "sums")
    return Path(room.root)


@pytest.fixture
def room(_graded: Path, classroom_at: Any, tmp_path: Path) -> Any:
    shutil.copytree(_graded, tmp_path / "course")
    return classroom_at(tmp_path / "course")


# --- What may change ---------------------------------------------------------------------------


def hand_in_again(room: Any) -> None:
    room.hand_in("ada", total=WRONG)


def edit(room: Any, change: Callable[[Any], None]) -> None:
    """Change the cell `total-values` of the source."""
    path = room.root / "source" / "sums" / "sums.ipynb"
    notebook = nbformat.read(path, as_version=4)
    change(next(cell for cell in notebook.cells if cell.id == "total-values"))
    nbformat.write(notebook, path)


def release(room: Any, change: Callable[[Any], None]) -> None:
    """Change the cell `total-values` of the source, and release the assignment again."""
    edit(room, change)
    build_release(AuthoringCourse.at(room.root), "sums")


def correct_a_test(room: Any) -> None:
    release(room, lambda cell: cell.update(source="assert isinstance(total([1]), int)"))


def give_more_points(room: Any) -> None:
    release(room, lambda cell: cell.metadata.nbgrader.update(points=5))


def tighten_a_limit(room: Any) -> None:
    configure(room, "c.TrustedExecute.call_seconds = 0.25")


def late_work_is_worth_nothing(room: Any) -> None:
    configure(room, "c.LateSubmissionPlugin.penalty_method = 'zero'")


def move_the_due_date(room: Any) -> None:
    with gradebook(room) as book:
        book.update_or_create_assignment("sums", duedate="2026-01-01 00:00:00 UTC")


def extend(room: Any) -> None:
    with gradebook(room) as book:
        book.grant_extension("sums", "ada", days=2)


def by_hand(room: Any, cell: str = "why", **values: Any) -> None:
    """What formgrader writes for ada when a person grades."""
    with gradebook(room) as book:
        if "manual_comment" in values:
            found = book.find_comment(cell, "sums", "sums", "ada")
        else:
            found = book.find_grade(cell, "sums", "sums", "ada")
            found.needs_manual_grade = False
        for name, value in values.items():
            setattr(found, name, value)
        book.db.commit()


def rename(room: Any) -> None:
    with gradebook(room) as book:
        book.update_or_create_student("ada", first_name="Augusta", last_name="King")


def nothing(_: Any) -> None:
    pass


def lateness(room: Any) -> None:
    late_work_is_worth_nothing(room)
    move_the_due_date(room)


# --- Pages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "change", "ada", "bob"),
    [
        pytest.param(nothing, hand_in_again, 6, 10, id="submission"),
        pytest.param(nothing, correct_a_test, 8, 8, id="tests"),
        pytest.param(nothing, give_more_points, 13, 13, id="points"),
        pytest.param(nothing, tighten_a_limit, 4, 10, id="limits"),
        pytest.param(late_work_is_worth_nothing, move_the_due_date, 0, 0, id="due date"),
        pytest.param(lateness, extend, 10, 0, id="extension"),
        pytest.param(move_the_due_date, late_work_is_worth_nothing, 0, 0, id="late policy"),
    ],
)
def test_grading_and_feedback_renew_what_has_changed(
    room: Any,
    first: Callable[[Any], None],
    change: Callable[[Any], None],
    ada: float,
    bob: float,
) -> None:
    if first is not nothing:
        first(room)
        grade(room)
        feedback(room)
    before = {student: shown(room, student) for student in ("ada", "bob")}
    change(room)
    said = "\n".join(grade(room))
    assert not has_report(room.course, "sums")
    feedback(room)
    for student, points in {"ada": ada, "bob": bob}.items():
        assert shown(room, student) == points
        told = f"{student}: {before[student]:g} → {points:g} points"
        assert (told in said) == (before[student] != points), said
    assert feedback(room) == Renewal(unchanged=("ada", "bob"))


@pytest.mark.parametrize(
    ("change", "ada", "text"),
    [
        pytest.param({"manual_score": 1.5}, 11.5, "1.5 of 2", id="manual grade"),
        pytest.param(
            {"cell": "total-values", "extra_credit": 0.5},
            10.5,
            "2.5 of 2",
            id="extra credit",
        ),
        pytest.param({"manual_comment": "Say why."}, 10, "Say why.", id="comment"),
    ],
)
@pytest.mark.parametrize("command", ["autograder feedback", "nbgrader generate_feedback"])
def test_what_a_person_gives_is_on_the_page_that_either_command_makes(
    room: Any, command: str, change: dict[str, Any], ada: float, text: str
) -> None:
    kept = page(room, "bob").stat().st_mtime_ns
    by_hand(room, **change)
    done = run(room, *command.split(), "sums")
    assert done.returncode == 0, done.stderr
    assert shown(room, "ada") == ada
    assert text in page(room, "ada").read_text()
    assert page(room, "bob").stat().st_mtime_ns == kept
    if command.startswith("autograder"):
        assert done.stdout == "Feedback: 1 renewed, 1 unchanged, 0 removed.\n"
        assert is_current(room.course, "sums")
    else:
        assert has_report(room.course, "sums") == (ada == 10)  # a comment is not in the report
    assert feedback(room) == Renewal(unchanged=("ada", "bob"))


def test_points_given_by_hand_change_the_penalty_that_is_a_share_of_them(room: Any) -> None:
    lateness(room)
    grade(room)
    by_hand(room, manual_score=2.0)
    feedback(room)
    assert shown(room, "ada") == 0


def test_a_new_template_or_option_renews_every_page(room: Any) -> None:
    configure(room, "c.HTMLExporter.exclude_input_prompt = True")
    assert feedback(room).renewed == ("ada", "bob")


def test_pages_that_are_missing_cut_off_or_of_nobody_are_put_right(room: Any) -> None:
    page(room, "bob").unlink()
    page(room, "ada").write_text(page(room, "ada").read_text()[:-30])
    gone = page(room, "gone")
    gone.parent.mkdir(parents=True)
    gone.write_text("of somebody who left")
    assert feedback(room) == Renewal(renewed=("ada", "bob"), removed=("gone",))
    assert not gone.parent.exists()
    shutil.rmtree(room.root / "autograded" / "bob")
    with gradebook(room) as book:
        book.remove_student("ada")
    assert feedback(room) == Renewal(removed=("ada", "bob"))


def test_without_a_graded_submission_pages_go_and_the_message_says_what_to_do(room: Any) -> None:
    shutil.rmtree(room.root / "autograded")
    assert feedback(room) == Renewal(removed=("ada", "bob"))
    with pytest.raises(AutograderError, match="Run `autograder grade sums`"):
        feedback(room)


def test_a_page_that_cannot_be_made_is_named_and_the_others_are_made(room: Any) -> None:
    by_hand(room, manual_score=2.0)
    path = room.root / "autograded" / "bob" / "sums" / "sums.ipynb"
    path.chmod(0o644)
    path.write_text("{")
    with pytest.raises(AutograderError, match=r"The pages of bob could not be made: .*Error"):
        feedback(room)
    assert shown(room, "ada") == 12
    assert not page(room, "bob").exists()


def test_one_student_alone_can_be_renewed_by_nbgraders_command(room: Any) -> None:
    for student in ("ada", "bob"):
        page(room, student).write_text("old")
    done = run(room, "nbgrader", "generate_feedback", "sums", "--student", "ada")
    assert done.returncode == 0, done.stderr
    assert shown(room, "ada") == 10
    assert page(room, "bob").read_text() == "old"


# --- The report --------------------------------------------------------------------------------


def test_a_students_new_name_is_in_the_report_after_feedback(room: Any) -> None:
    rename(room)
    assert run(room, "autograder", "feedback", "sums").returncode == 0
    assert "Augusta King" in (room.root / "reports" / "sums" / "index.html").read_text()
    assert feedback(room) == Renewal(unchanged=("ada", "bob"))  # no page shows the name


def test_grading_renews_a_report_that_is_there_and_makes_none_that_is_not(room: Any) -> None:
    room.hand_in("ada", total=WRONG)
    rename(room)
    assert run(room, "autograder", "grade", "sums").returncode == 0
    grades = json.loads((room.root / "reports" / "sums" / "grades.json").read_text())
    assert [entry["score"] for entry in grades] == [6, 10]
    assert is_current(room.course, "sums")
    shutil.rmtree(room.root / "reports")
    assert run(room, "autograder", "grade", "sums").returncode == 0
    assert not has_report(room.course, "sums")


# --- Killed in between -------------------------------------------------------------------------


@pytest.mark.parametrize("change", [hand_in_again, move_the_due_date])
def test_pages_and_report_go_before_the_gradebook_changes(
    room: Any, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], None]
) -> None:
    late_work_is_worth_nothing(room)
    change(room)
    before = (room.root / "gradebook.db").read_bytes()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "remove_derived", killed)
    with pytest.raises(KeyboardInterrupt):
        grade(room, students=("ada",))
    assert (room.root / "gradebook.db").read_bytes() == before


# --- What would change -------------------------------------------------------------------------


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_dry_run_says_who_would_gain_or_lose_and_grading_then_says_who_did(room: Any) -> None:
    correct_a_test(room)
    by_hand(room, "total-values", manual_score=2.0)  # what a person gave stays: ada loses nothing
    room.hand_in("cyd")
    before = contents(room.root)
    dry = run(room, "autograder", "grade", "sums", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert contents(room.root) == before
    assert "bob: 10 → 8 points (-2)." in dry.stdout
    assert "0 students would gain, 1 would lose." in dry.stdout
    assert run(room, "autograder", "compare", "sums").stdout == dry.stdout
    done = run(room, "autograder", "grade", "sums")
    assert "bob: 10 → 8 points (-2).\n3 graded" in done.stdout
    assert "ada: " not in done.stdout
    assert "cyd: " not in done.stdout  # nothing was on record


# --- What could not be graded ------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda cell: cell.update(source="assert total([1]) == 2"),
        lambda cell: cell.metadata.nbgrader.update(points=5),
    ],
)
def test_what_is_changed_and_not_released_is_named_and_graded_as_released(
    room: Any, change: Callable[[Any], None]
) -> None:
    edit(room, change)
    (said,) = grade(room)
    assert "sums.ipynb has changed since its release: total-values." in said
    assert "`authoring release sums`" in said
    dry_run = run(room, "autograder", "grade", "sums", "--dry-run").stdout
    assert said in dry_run
    assert "0 students would gain, 0 would lose." in dry_run


def test_what_could_not_be_graded_has_a_page_that_says_why_and_is_graded_by_hand(room: Any) -> None:
    room.hand_in_file("ada", b"{")
    grade(room)
    feedback(room)
    said = page(room, "ada").read_text()
    assert "could not be graded" in said
    assert "damaged" in said
    listed = NbGraderAPI(config=Config(read_config(room.root))).get_submission("sums", "ada")
    assert listed["autograded"]
    assert listed["needs_manual_grade"]
    with gradebook(room) as book:
        grades = book.find_submission_notebook("sums", "sums", "ada").grades
        assert all(each.needs_manual_grade for each in grades)
        cells = [each.name for each in grades]
    assert set(cells) <= {
        cell.metadata.nbgrader.grade_id
        for cell in room.graded("ada").cells
        if "nbgrader" in cell.metadata
    }  # formgrader shows these cells, each with a field for points
    for cell in cells:
        by_hand(room, cell, manual_score=1.0)
    assert feedback(room).renewed == ("ada",)
    assert shown(room, "ada") == len(cells)
    grade(room)  # it is named in each run, and keeps what a person gave
    feedback(room)
    assert shown(room, "ada") == len(cells)


# --- A class -----------------------------------------------------------------------------------


def test_a_class_of_forty_is_regraded_and_nothing_is_left_over(classroom: Any) -> None:
    students = [f"s{number:02}" for number in range(40)]
    for number, student in enumerate(students):
        if number % 10 == 3:
            classroom.hand_in_file(student, b"{")
        else:
            classroom.hand_in(student, total="pass" if number % 2 else WRONG)
    run(classroom, "autograder", "grade", "sums", "-q")
    assert run(classroom, "autograder", "feedback", "sums").returncode == 0
    write_report(classroom.course, "sums")
    old = {student: page(classroom, student).read_text() for student in students}
    for student in students[:-1]:
        classroom.hand_in(student)
    shutil.rmtree(classroom.root / "autograded" / students[-1])
    shutil.rmtree(classroom.root / "submitted" / students[-1])
    done = run(classroom, "autograder", "grade", "sums")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" → 10 points") == 39
    told = run(classroom, "autograder", "feedback", "sums").stdout
    assert told == "Feedback: 39 renewed, 0 unchanged, 1 removed.\n"
    for student in students[:-1]:
        assert shown(classroom, student) == 10
        assert "could not be graded" not in page(classroom, student).read_text()
        assert page(classroom, student).read_text() != old[student]
    assert sorted(path.name for path in (classroom.root / "feedback").glob("*/*")) == ["sums"] * 39
    assert not list((classroom.root / "autograded").glob("*/.sums.*"))
    assert is_current(classroom.course, "sums")
    assert feedback(classroom) == Renewal(unchanged=tuple(students[:-1]))
