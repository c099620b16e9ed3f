"""An assignment of one's own, from formgrader's *Add new assignment* to graded feedback.

The walk of docs/own-assignment.md, whose pictures it takes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from formgrader import Formgrader
from kinds_of_assignment import KINDS, read_kind
from playwright.sync_api import Page, expect

BIN = Path(sys.executable).parent
ARTEFACTS = Path(__file__).parent / "artefacts"


def run(root: Path, *command: str) -> str:
    program, *arguments = command
    done = subprocess.run(
        [BIN / program, *arguments], cwd=root, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def keep(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"own-{name}.png")


def add_assignment(formgrader: Formgrader, name: str) -> None:
    page = formgrader.page
    page.get_by_role("link", name="Add new assignment").click()
    box = formgrader.box()
    box.locator("input.name").fill(name)
    page.wait_for_timeout(600)  # the box slides in
    keep(page, "add-assignment")
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        box.locator("button.save").click()
    page.locator("#main-table .name", has_text=name).wait_for()


def test_from_a_new_assignment_to_feedback(
    page: Page, start_jupyter: Callable[..., Any], tmp_path: Path
) -> None:
    root = tmp_path / "course"
    root.mkdir()
    (root / "nbgrader_config.py").write_text(
        f'c = get_config()\nc.CourseDirectory.course_id = "banking"\n'
        f'c.CourseDirectory.root = "{root}"\n'
    )
    assert "Nothing is released yet" in run(root, "autograder", "init", "--yes")
    server = start_jupyter(root)
    formgrader = Formgrader(page, lambda path: server.url(f"formgrader/{path}"))
    formgrader.open("manage_assignments")
    add_assignment(formgrader, "accounts")

    kind = read_kind(KINDS / "classes.py")
    nbformat.write(kind.notebook(), root / "source" / "accounts" / "accounts.ipynb")
    formgrader.open("manage_assignments")
    formgrader.press("assign", "Successfully created the student version")
    assert (root / "audit" / "accounts.json").is_file()
    release = nbformat.read(root / "release" / "accounts" / "accounts.ipynb", as_version=4)
    for student, answer in {"ada": "right", "bob": "wrong"}.items():
        folder = root / "submitted" / student / "accounts"
        folder.mkdir(parents=True)
        nbformat.write(kind.answered(release, answer), folder / "accounts.ipynb")

    audited = run(root, "authoring", "audit", "accounts")
    assert audited.count("outside") == len(kind.tests)
    assert "2 graded" in run(root, "autograder", "grade", "accounts")
    formgrader.open("manage_submissions/accounts")
    scores = page.locator("#main-table .score")
    expect(scores).to_have_text(["3 / 3", "0 / 3"])
    keep(page, "graded")
    run(root, "nbgrader", "generate_feedback", "accounts")
    page.goto((root / "feedback" / "bob" / "accounts" / "accounts.html").as_uri())
    expect(page.locator("body")).to_contain_text("0 of 3 points")
    expect(page.locator("body")).to_contain_text("In the test, at:")
    keep(page, "feedback")
