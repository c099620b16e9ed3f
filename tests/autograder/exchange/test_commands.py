"""`autograder collect`, `grade` and `return` in a row, as an instructor types them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent


@pytest.fixture
def run(classroom: Any) -> Any:
    def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "autograder", *arguments],
            **{"cwd": classroom.root, "capture_output": True, "text": True, "timeout": 120},
        )

    return command


def test_from_moodles_zip_to_the_zip_for_moodle(
    classroom: Any, zipped: Any, worksheet: Path, run: Any
) -> None:
    right = classroom.hand_in("ada").read_bytes()
    folder = "{}_assignsubmission_file/sums (1).ipynb"
    archive = zipped(
        {
            folder.format("Zoë Núñez_1000001"): right,
            folder.format("Ada Vogel_1000004"): b"not what is there",
            folder.format("Nobody Known_9"): right,
        }
    )
    asked = ("collect", "sums", archive, "--roster", worksheet, "--timezone", "Europe/Berlin")
    dry = run(*asked, "--dry-run")
    assert (dry.returncode, classroom.folder("zoe").exists()) == (1, False)
    told = run(*asked)
    assert told.returncode == 1
    assert "zoe: new (sums (1).ipynb, handed in 2026-03-01 20:05 UTC)" in told.stdout
    assert "ada: replaces an older one" in told.stdout
    assert "Nothing came from long, orjan." in told.stdout
    assert "'Nobody Known' (number 9)" in told.stderr

    classroom.hand_in("ada")  # what is graded is what lies there, not what is beside it
    assert run("grade", "sums").stdout.startswith("2 graded, 0 unchanged")
    assert set(classroom.scores()) == {"ada", "zoe"}
    assert classroom.scores()["zoe"]["total-values"] == 2

    (classroom.root / "feedback" / "zoe" / "sums").mkdir(parents=True)
    (classroom.root / "feedback" / "zoe" / "sums" / "sums.html").write_text("well done")
    told = run("return", "sums")
    assert told.returncode == 1
    assert "ada: has no feedback page: run `autograder feedback sums`." in told.stderr
    with zipfile.ZipFile(classroom.root / "reports" / "sums" / "feedback-moodle.zip") as back:
        assert back.namelist() == ["Zoë Núñez_1000001_assignsubmission_file/sums.html"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("collect", "sums", "nowhere.zip"), "There is no nowhere.zip"),
        (("collect", "sums", "nbgrader_config.py"), "cannot be opened as a zip"),
        (("collect", "essay", "release"), "knows no released assignment 'essay'"),
        (
            ("collect", "sums", "release", "--timezone", "Middle/Earth"),
            "no time zone 'Middle/Earth'",
        ),
        (("return", "sums"), "There are no submissions of sums"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(arguments: Any, said: str, run: Any) -> None:
    told = run(*arguments)
    assert told.returncode == 1
    assert said in told.stderr
    assert "Traceback" not in told.stderr
