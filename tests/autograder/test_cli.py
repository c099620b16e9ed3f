"""The command line: what it says, what it returns, and that it starts quickly."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent


def autograder(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "autograder", *arguments], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_help_teaches_every_option_and_the_order_of_things(tmp_path: Path) -> None:
    told = autograder(tmp_path, "grade", "--help")
    assert told.returncode == 0
    for option in (
        *(
            "--student",
            "--force",
            "--jobs",
            "--quiet",
            "--scheduler",
            "--allow-unsandboxed",
            "--dry-run",
        ),
        *("generate_assignment", "Exit status"),
    ):
        assert option in told.stdout


def test_starting_the_command_imports_nothing_slow() -> None:
    code = "import sys, autograder.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    slow = {"nbgrader", "nbformat", "numpy", "matplotlib", "torch", "distributed", "sqlalchemy"}
    assert not slow & set(loaded.stdout.split())


def test_grading_does_not_build_the_grammars_that_nobody_uses(classroom: Any) -> None:
    classroom.hand_in("ada")
    code = (
        "import sys; from autograder.cli import app\n"
        "try:\n    app(['grade', 'sums', '--quiet'])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print('lark' in sys.modules, 'nbgrader' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=classroom.root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True"]


def test_the_core_grades_without_a_package_of_the_lab(
    classroom: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    called = {"scikit-learn": "sklearn"}
    for requirement in project["optional-dependencies"]["lab"]:
        name = requirement.split("=")[0]
        absent = tmp_path / f"{called.get(name, name)}.py"
        absent.write_text("raise ImportError('the core must do without it')")
    paths = [str(tmp_path), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    classroom.hand_in("ada")
    for command in (
        ["init"],
        ["grade", "sums"],
        ["compare", "sums"],
        ["feedback", "sums"],
        ["report", "sums"],
    ):
        done = autograder(classroom.root, *command)
        assert done.returncode == 0, done.stderr
    refused = autograder(classroom.root, "grade", "sums", "--scheduler", "tcp://127.0.0.1:1")
    assert refused.returncode == 1
    assert "pip install distributed" in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [["grade"], ["grade", "sums", "--jobs", "0"], ["grade", "sums", "--fast"], ["mark"]],
)
def test_a_mistake_in_the_command_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    assert autograder(tmp_path, *arguments).returncode == 2


def test_outside_a_course_it_says_where_to_run_it(tmp_path: Path) -> None:
    done = autograder(tmp_path, "grade", "sums")
    assert done.returncode == 1
    assert "nbgrader_config.py" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_class_with_a_broken_file_is_graded_counted_and_ends_with_1(classroom: Any) -> None:
    classroom.hand_in("ada")
    classroom.hand_in("bob", total="pass", scale="pass")
    done = autograder(classroom.root, "grade", "sums")
    assert done.returncode == 0, done.stderr
    assert "2 graded, 0 unchanged, 0 could not be graded" in done.stdout
    assert "2 ok, 0 failed, 0 timed out" in done.stderr
    classroom.hand_in_file("cyd", b"{")
    done = autograder(classroom.root, "grade", "sums", "--quiet")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("cyd: not graded. sums.ipynb is damaged")
    assert done.stderr.count("\n") == 1, done.stderr
    again = autograder(classroom.root, "grade", "sums")
    assert again.returncode == 1, "what cannot be graded stays a failure until it is handed in anew"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["grade", "sums", "--student", "zoe"], "zoe has not submitted sums"),
        (["grade", "sums", "--student", "../ada"], "not a student id"),
        (["grade", "products"], "no submissions of products"),
    ],
)
def test_what_is_not_there_is_named(classroom: Any, arguments: list[str], says: str) -> None:
    classroom.hand_in("ada")
    done = autograder(classroom.root, *arguments)
    assert done.returncode == 1
    assert says in done.stderr


def test_a_machine_without_a_sandbox_refuses_says_why_and_loses_nothing(
    classroom: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom.hand_in("ada")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = autograder(classroom.root, "grade", "sums")
    assert done.returncode == 1
    assert "bubblewrap" in done.stderr
    assert classroom.scores() == {}
    allowed = autograder(classroom.root, "grade", "sums", "--allow-unsandboxed")
    assert allowed.returncode == 0, allowed.stderr
    assert classroom.scores()["ada"]["total-values"] == 2
