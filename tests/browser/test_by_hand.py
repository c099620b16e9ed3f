"""A person gives points in formgrader to a submission that could not be graded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from formgrader import Formgrader
from kinds_of_assignment import KINDS, read_kind
from nbgrader.api import Gradebook
from playwright.sync_api import Page, expect

BIN = Path(sys.executable).parent


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = command
    return subprocess.run(
        [BIN / program, *arguments], cwd=root, capture_output=True, text=True, timeout=300
    )


def test_a_damaged_submission_is_graded_by_hand_and_its_page_says_so(
    page: Page, start_jupyter: Callable[..., Any], tmp_path: Path
) -> None:
    root, kind = tmp_path / "course", read_kind(KINDS / "classes.py")
    (root / "source" / "accounts").mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(
        f'c = get_config()\nc.CourseDirectory.course_id = "banking"\n'
        f'c.CourseDirectory.root = "{root}"\n'
    )
    nbformat.write(kind.notebook(), root / "source" / "accounts" / "accounts.ipynb")
    assert run(root, "autograder", "init", "--yes").returncode == 0
    assert run(root, "nbgrader", "generate_assignment", "accounts").returncode == 0
    handed_in = root / "submitted" / "cyd" / "accounts"
    handed_in.mkdir(parents=True)
    (handed_in / "accounts.ipynb").write_text("{")
    assert "1 could not be graded" in run(root, "autograder", "grade", "accounts").stdout
    first = run(root, "autograder", "feedback", "accounts").stdout
    assert first == "Feedback: 1 renewed, 0 unchanged, 0 removed.\n"
    feedback = root / "feedback" / "cyd" / "accounts" / "accounts.html"
    assert "Your notebook could not be graded." in feedback.read_text()

    server = start_jupyter(root)
    page.goto(server.url("lab"))  # logs in: formgrader's own requests carry no token
    formgrader = Formgrader(page, lambda path: server.url(f"formgrader/{path}"))
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "banking") as gradebook:
        submission = gradebook.find_submission_notebook("accounts", "accounts", "cyd").id
    formgrader.open("manage_submissions/accounts")
    expect(page.locator("#main-table .status")).to_have_text("needs manual grading")
    formgrader.open(f"submissions/{submission}/")
    expect(page.locator("body")).to_contain_text("could not be graded")
    field = page.locator(".needs_manual_grade").first  # once the page knows what is on record
    with page.expect_response(lambda answer: answer.request.method == "PUT"):
        field.fill("1")
        field.press("Tab")

    again = run(root, "autograder", "feedback", "accounts").stdout
    assert again == first
    page.goto(feedback.as_uri())
    expect(page.locator("body")).to_contain_text("1 of 3 points")
    expect(page.locator("body")).to_contain_text("Your notebook could not be graded.")
