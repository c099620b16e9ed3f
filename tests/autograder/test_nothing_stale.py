"""Whatever is derived is renewed or removed when what it depends on has changed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.errors import AutograderError
from autograder.recording import database, gradebook

BIN = Path(sys.executable).parent
WRONG = "def total(numbers):\n    return 0"


def run(classroom: Any, *command: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = command
    return subprocess.run(
        [BIN / program, *arguments], cwd=classroom.root, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def page(classroom: Any) -> Callable[[], str]:
    """Grades with the README's commands; ada's feedback page, or nothing."""

    def made() -> str:
        run(classroom, "autograder", "grade", "sums")
        assert run(classroom, "nbgrader", "generate_feedback", "sums").returncode == 0
        path = classroom.root / "feedback" / "ada" / "sums" / "sums.html"
        return path.read_text() if path.exists() else ""

    return made


def test_who_hands_in_again_gets_a_new_page(classroom: Any, page: Callable[[], str]) -> None:
    classroom.hand_in("ada", total=WRONG, scale="pass")
    assert "2 of 12 points" in page()
    classroom.hand_in("ada")
    assert "10 of 12 points" in page()
    classroom.hand_in_file("ada", b"{")
    broken = page()
    assert "could not be graded" in broken
    assert "damaged" in broken


def test_what_has_not_changed_keeps_its_page(classroom: Any, page: Callable[[], str]) -> None:
    classroom.hand_in("ada")
    classroom.hand_in("bob")
    page()
    path = classroom.root / "feedback" / "ada" / "sums" / "sums.html"
    before = path.stat().st_mtime_ns
    classroom.hand_in("bob", total=WRONG)
    page()
    assert path.stat().st_mtime_ns == before


@pytest.fixture
def late(classroom: Any) -> Callable[[str | None], None]:
    """Late work costs half of the score; sets the due date."""
    with (classroom.root / "nbgrader_config.py").open("a") as config:
        config.write("c.AssignLatePenalties.plugin_class = 'halving.Halving'\n")
    (classroom.root / "halving.py").write_text(
        "from nbgrader.plugins import BasePlugin\n"
        "class Halving(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n"
        "        return score / 2\n"
    )

    def due(date: str | None) -> None:
        url = f"sqlite:///{classroom.root / 'gradebook.db'}"
        with Gradebook(url, "unrolled") as gradebook:
            gradebook.update_or_create_assignment("sums", duedate=date)

    return due


def score(classroom: Any) -> float:
    with Gradebook(f"sqlite:///{classroom.root / 'gradebook.db'}", "unrolled") as gradebook:
        found = gradebook.find_submission("sums", "ada")
        return float(found.score - found.late_submission_penalty)


def test_a_due_date_that_is_moved_renews_the_penalty_and_the_page(
    classroom: Any, page: Callable[[], str], late: Callable[[str | None], None]
) -> None:
    classroom.hand_in("ada")
    classroom.hand_in_file("ada", b"2026-01-02 00:00:00 UTC", "timestamp.txt")
    late("2026-01-01 00:00:00 UTC")
    page()
    assert score(classroom) == 5
    late("2026-01-03 00:00:00 UTC")
    done = run(classroom, "autograder", "grade", "sums")
    told = "ada: 5 → 10 points (+5): the answers are unchanged, the penalty for late work is not."
    assert told in done.stdout
    assert not (classroom.root / "feedback" / "ada" / "sums").exists()
    assert score(classroom) == 10
    assert "penalty" not in run(classroom, "autograder", "grade", "sums").stdout
    late("2026-01-01 00:00:00 UTC")
    run(classroom, "autograder", "grade", "sums")
    assert score(classroom) == 5


def test_a_gradebook_that_is_held_is_waited_for_and_named(
    classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_PATIENCE_SECONDS", 0.2)
    classroom.hand_in("ada")
    other = sqlite3.connect(classroom.root / "gradebook.db", isolation_level=None)
    other.execute("begin exclusive")
    try:
        with (
            pytest.raises(AutograderError, match="Another program holds the gradebook") as held,
            gradebook.Gradebook.of(classroom.course) as opened,
        ):
            opened.withdraw("sums", "ada", "never")
    finally:
        other.close()
    assert "SELECT" not in str(held.value)
    assert "upgrade" not in str(held.value)


def test_the_wait_for_a_held_gradebook_begins_before_it_is_opened(
    classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_PATIENCE_SECONDS", 8)
    other = sqlite3.connect(classroom.root / "gradebook.db", isolation_level=None)
    other.execute("begin exclusive")
    began = time.monotonic()
    try:
        with pytest.raises(AutograderError, match="waited for 8 seconds"):
            gradebook.Gradebook.of(classroom.course)
    finally:
        other.close()
    assert time.monotonic() - began >= 7.5  # SQLite's own patience is 5


def test_nbgraders_own_command_takes_the_old_page_away_too(
    classroom: Any, page: Callable[[], str]
) -> None:
    classroom.hand_in("ada", total=WRONG, scale="pass")
    page()
    classroom.hand_in("ada")
    assert run(classroom, "nbgrader", "autograde", "sums", "--force").returncode == 0
    assert run(classroom, "nbgrader", "generate_feedback", "sums").returncode == 0
    made = (classroom.root / "feedback" / "ada" / "sums" / "sums.html").read_text()
    assert "10 of 12 points" in made


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("c.TrustedExecute.cell_seconds = 'ten'", "c.TrustedExecute.cell_seconds cannot be used"),
        ("c.CourseDirectory.ignore = 5", "c.CourseDirectory.ignore cannot be used"),
        ("c.CourseDirectory.db_url = 'here'", "c.CourseDirectory.db_url cannot be used"),
        ("c.CourseDirectory = 5", "ValueError"),
        ("c.CourseDirectory.ignore = [nobody]", "name 'nobody' is not defined"),
        ("import of_nobody", "No module named 'of_nobody'"),
        ("c.CourseDirectory.ignore = [", "'[' was never closed"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_explained_with_its_line(
    classroom: Any, line: str, says: str
) -> None:
    config = classroom.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}{line}\n")
    classroom.hand_in("ada")
    done = run(classroom, "autograder", "grade", "sums", "--quiet")
    assert done.returncode == 1
    number = len(config.read_text().splitlines())
    assert f"nbgrader_config.py, line {number}: " in done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize("plugin", ["nowhere.Halving", "halving.Wrong"])
def test_a_policy_for_late_work_that_fails_is_explained(
    classroom: Any, late: Callable[[str | None], None], plugin: str
) -> None:
    with (classroom.root / "nbgrader_config.py").open("a") as config:
        config.write(f"c.AssignLatePenalties.plugin_class = '{plugin}'\n")
    with (classroom.root / "halving.py").open("a") as policies:
        policies.write("class Wrong(Halving):\n    late_submission_penalty = None\n")
    classroom.hand_in("ada")
    classroom.hand_in_file("ada", b"2026-01-02 00:00:00 UTC", "timestamp.txt")
    late("2026-01-01 00:00:00 UTC")
    done = run(classroom, "autograder", "grade", "sums", "--quiet")
    assert done.returncode == 1
    assert "c.AssignLatePenalties.plugin_class" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
