"""`autograder init` changes a course's configuration only as it was shown, or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kinds_of_assignment import CONFIG

from autograder.options import read_config
from autograder.settings import LINES

BIN = Path(sys.executable).parent


def init(root: Path, *options: str, said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "autograder", "init", *options],
        cwd=root,
        input=said,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def course(tmp_path: Path) -> Path:
    (tmp_path / "nbgrader_config.py").write_text(CONFIG)
    return tmp_path


def test_it_shows_the_lines_asks_and_adds_them_once(course: Path) -> None:
    done = init(course, said="y\n")
    assert done.returncode == 0, done.stderr
    assert LINES in done.stdout
    assert (course / "nbgrader_config.py").read_text() == f"{CONFIG}\n{LINES}"
    config = read_config(course)
    assert "autograder.preprocessors.TrustedExecute" in config.Autograde.autograde_preprocessors
    assert config.CourseDirectory.course_id == "any"
    assert "Nothing is released yet" in done.stdout
    before = (course / "nbgrader_config.py").read_text()
    assert "already set up" in init(course).stdout
    assert (course / "nbgrader_config.py").read_text() == before


def test_who_says_no_keeps_everything(course: Path) -> None:
    done = init(course, said="n\n")
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert (course / "nbgrader_config.py").read_text() == CONFIG


def test_a_folder_without_a_configuration_gets_one(tmp_path: Path) -> None:
    assert init(tmp_path, "--yes").returncode == 0
    assert "c = get_config()" in (tmp_path / "nbgrader_config.py").read_text()


def test_options_that_the_course_sets_itself_are_named_and_kept(course: Path) -> None:
    own = f'{CONFIG}c.Autograde.autograde_preprocessors = ["nbgrader.preprocessors.Execute"]\n'
    (course / "nbgrader_config.py").write_text(own)
    done = init(course, "--yes")
    assert done.returncode == 1
    assert "already sets c.Autograde.autograde_preprocessors" in done.stderr
    assert (course / "nbgrader_config.py").read_text() == own


def test_lines_that_the_configuration_cannot_take_are_taken_back(course: Path) -> None:
    own = f"{CONFIG}del c\n"
    (course / "nbgrader_config.py").write_text(own)
    done = init(course, "--yes")
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert (course / "nbgrader_config.py").read_text() == own


def test_comparing_writes_nothing_and_says_who_would_gain_or_lose(classroom: Any) -> None:
    def compare() -> subprocess.CompletedProcess[str]:
        command = [BIN / "autograder", "compare", "sums"]
        return subprocess.run(
            command, cwd=classroom.root, capture_output=True, text=True, timeout=120
        )

    classroom.hand_in("ada")
    subprocess.run([BIN / "autograder", "grade", "sums", "-q"], cwd=classroom.root, check=True)
    gradebook = (classroom.root / "gradebook.db").read_bytes()
    graded = classroom.graded("ada")
    same = compare()
    assert same.returncode == 0, same.stderr
    assert "4 test cells of 1 submissions: 4 equal, 0 differ." in same.stdout
    classroom.hand_in("ada", total="def total(numbers):\n    return 0")
    other = compare()
    assert "total-values" in other.stdout
    assert "AssertionError" in other.stdout
    assert "0 students would gain, 1 would lose" in other.stdout
    assert (classroom.root / "gradebook.db").read_bytes() == gradebook
    assert classroom.graded("ada") == graded
