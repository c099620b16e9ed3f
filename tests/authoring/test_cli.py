"""The `authoring` command teaches, fails with a sentence, and exits as promised."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from small_course import NOTEBOOK
from typer.testing import CliRunner, Result

from authoring.cli import app
from authoring.course import Course

COMMANDS = ["release", "solutions", "check", "bundle", "sample-class"]


@pytest.fixture
def authoring(course: Course, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command at the course root."""
    monkeypatch.chdir(course.root)
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_gives_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"]).output
    assert f"authoring {command}" in shown


def test_help_does_not_wait_for_nbgrader() -> None:
    code = "import sys, authoring.cli; sys.exit('nbgrader' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_course_is_built_and_checked_from_the_command_line(
    authoring: Callable[..., Result], course: Course
) -> None:
    result = authoring("release", "--blanks", "square", "--level", "open")
    assert (result.exit_code, result.output) == (0, "numbers: release/numbers\n")
    notebook = nbformat.read(course.release / NOTEBOOK, as_version=4)
    assert notebook.metadata.exercise == {"blanks": ["square"], "level": "open"}
    assert authoring("solutions").exit_code == 0
    assert authoring("check").exit_code == 0
    (course.release / "numbers" / "table.txt").write_text("3 9\n")
    failed = authoring("check")
    assert failed.exit_code == 1
    assert "release/numbers/table.txt: differs" in failed.output


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["release", "--blanks", "dubble"], 1, "Choose from: double, square"),
        (["release", "--level", "easy"], 2, "easy"),
        (["release", "letters"], 1, "Assignments: numbers"),
        (["solutions", "letters"], 1, "Assignments: numbers"),
        (["sample-class", "numbers"], 1, "authoring release numbers"),
        (["sample-class"], 2, "ASSIGNMENT"),
        (["bake"], 2, "bake"),
    ],
)
def test_a_wrong_request_is_answered_in_a_sentence(
    authoring: Callable[..., Result], arguments: list[str], status: int, says: str
) -> None:
    result = authoring(*arguments)
    assert result.exit_code == status
    assert says in result.output
    assert "Traceback" not in result.output


def test_outside_a_course_the_command_says_where_to_run_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["release"])
    assert result.exit_code == 1
    assert "nbgrader_config.py" in result.output


def test_a_configuration_that_cannot_be_read_is_named_with_its_line(
    authoring: Callable[..., Result], course: Course
) -> None:
    config = course.root / "nbgrader_config.py"
    config.write_text("c = get_config()\nc.SelectExercises.level = = 3\n")
    result = authoring("release")
    assert result.exit_code == 1
    assert f"authoring: {config}, line 2: SyntaxError" in result.output
