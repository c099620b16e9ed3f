"""nbgrader's own example course, after `autograder init`, gets the scores of plain nbgrader."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import nbgrader
import pytest
from kinds_of_assignment import scores_on_record

BIN = Path(sys.executable).parent
EXAMPLES = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide" / "submitted"


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = command
    return subprocess.run(
        [BIN / program, *arguments], cwd=root, capture_output=True, text=True, timeout=300
    )


def hand_in(root: Path) -> None:
    """The example's two submissions, the right answers, and the untouched release."""
    if (EXAMPLES / "bitdiddle").is_dir() and not (root / "autotests.yml").exists():
        shutil.copytree(EXAMPLES, root / "submitted")
    shutil.copytree(root / "release" / "ps1", root / "submitted" / "untouched" / "ps1")
    right = root / "submitted" / "right" / "ps1"
    shutil.copytree(root / "release" / "ps1", right)
    for path in right.glob("*.ipynb"):
        release = nbformat.read(path, as_version=4)
        source = nbformat.read(root / "source" / "ps1" / path.name, as_version=4)
        answers = {
            cell.metadata.nbgrader.grade_id: cell.source
            for cell in source.cells
            if cell.metadata.get("nbgrader", {}).get("solution")
        }
        for cell in release.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in answers:
                cell.source = answers[name]
        path.chmod(0o644)
        nbformat.write(release, path)


@pytest.mark.parametrize("options", [(), ("--autotest",)], ids=["plain", "autotest"])
def test_the_example_course_gets_the_same_scores(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert run(tmp_path, "nbgrader", "quickstart", "course", *options).returncode == 0
    root = tmp_path / "course"
    assert run(root, "nbgrader", "generate_assignment", "ps1").returncode == 0
    hand_in(root)
    run(root, "nbgrader", "autograde", "ps1")
    plain = scores_on_record(root)
    assert plain[("right", "problem1", "correct_squares")] == 1

    ready = run(root, "autograder", "init", "--yes")
    assert ready.returncode == 0, ready.stderr
    assert "Next: autograder grade ps1" in ready.stdout
    compared = run(root, "autograder", "compare", "ps1")
    assert compared.returncode == 0, compared.stderr
    assert " 0 differ." in compared.stdout
    assert scores_on_record(root) == plain

    done = run(root, "autograder", "grade", "ps1", "--force")
    assert done.returncode == 0, done.stderr
    assert scores_on_record(root) == plain
    again = run(root, "autograder", "init", "--yes")
    assert "already set up" in again.stdout
