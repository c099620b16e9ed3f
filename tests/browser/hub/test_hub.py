"""The hub in the browser: who finds what, and a homework that goes round by its buttons.

One file, because one hub serves all of it: a second would want the formgrader's port.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from formgrader import SLOW, Formgrader
from playwright.sync_api import Locator, Page, expect

ARTEFACTS = Path(__file__).parents[1] / "artefacts"
NOTEBOOK = "rnn-bptt/rnn_bptt.ipynb"
QUESTIONS = {"written-truncation": 0.5, "written-reading-order": 1.5}
COMMENT = "Say what happens to the first digit."


def keep(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"hub-{name}.png")


@pytest.fixture(scope="module")
def student(log_in: Callable[[str], Page]) -> Page:
    return log_in("student")


@pytest.fixture(scope="module")
def instructor(log_in: Callable[[str], Page]) -> Page:
    return log_in("instructor")


def choose(page: Page, item: str) -> None:
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.locator(".lm-Menu .lm-Menu-itemLabel", has_text=item).click()


def nbgrader_menu(page: Page) -> set[str]:
    page.get_by_role("menuitem", name="Nbgrader").click()
    items = page.locator(".lm-Menu .lm-Menu-itemLabel")
    items.first.wait_for()
    found = set(items.all_inner_texts()) - {""}
    page.keyboard.press("Escape")
    return found


# --- who finds what ---


def test_a_student_sees_the_assignment_list_and_nothing_to_grade_with(student: Page) -> None:
    assert nbgrader_menu(student) == {"Assignment List"}


def test_an_instructor_sees_the_course_list_too(instructor: Page) -> None:
    assert nbgrader_menu(instructor) == {"Assignment List", "Course List"}


def test_the_course_list_leads_to_the_formgrader_and_its_links_to_notebooks(
    instructor: Page,
) -> None:
    choose(instructor, "Course List")
    link = instructor.get_by_role("link", name="unrolled")
    link.wait_for()
    keep(instructor, "course-list")
    with instructor.context.expect_page() as opened:
        link.click()
    name = opened.value.locator("#main-table .name a")
    expect(name).to_have_text(["rnn-bptt"], timeout=SLOW)
    assert opened.value.url.endswith("/services/unrolled/formgrader/manage_assignments")
    with instructor.context.expect_page() as opened:
        name.click()
    expect(opened.value.get_by_text("rnn_bptt.ipynb").first).to_be_visible(timeout=SLOW)


@pytest.mark.parametrize("path", ["", "formgrader", "lab", "api/contents/course"])
def test_nothing_of_the_formgrader_opens_for_a_student(student: Page, hub: str, path: str) -> None:
    assert student.request.get(f"{hub}/services/unrolled/{path}").status == 403


def test_a_student_has_no_formgrader_of_their_own(student: Page, hub: str) -> None:
    assert student.request.get(f"{hub}/user/student/formgrader").status == 404
    assert student.request.get(f"{hub}/user/student/formgraders").status == 404


def test_nobody_can_put_the_formgrader_into_a_frame(instructor: Page, hub: str) -> None:
    answer = instructor.request.get(f"{hub}/services/unrolled/formgrader/manage_assignments")
    assert answer.status == 200
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_student_cannot_read_what_the_hub_remembers(student: Page, machine: Any) -> None:
    refused = machine.run("student", "cat /srv/jupyterhub/state/*")
    assert "Permission denied" in refused.stderr


def test_a_wrong_password_opens_nothing(hub: str, page: Page) -> None:
    page.goto(f"{hub}/hub/login")
    page.get_by_label("Username").fill("student")
    page.get_by_label("Password").fill("guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Invalid username or password")).to_be_visible(timeout=SLOW)


# --- a homework goes round ---


def only_assignment(page: Page, status: str) -> Locator:
    """The one assignment that Assignment List shows under this heading."""
    found = page.locator(f"#{status}_assignments_list > .list_item")
    expect(found).to_have_count(1, timeout=SLOW)
    expect(found).to_contain_text("rnn-bptt")
    return found


def test_a_homework_goes_round_by_buttons(
    student: Page,
    instructor: Page,
    hub: str,
    machine: Any,
    answers: Callable[[str], dict[str, str]],
) -> None:
    formgrader = Formgrader(
        instructor.context.new_page(),
        lambda path: f"{hub}/services/unrolled/formgrader/{path}",
    )
    formgrader.open("manage_assignments")
    formgrader.press("assign", "Successfully created the student version")
    formgrader.press("release", "Successfully released")

    choose(student, "Assignment List")
    only_assignment(student, "released").get_by_role("button", name="Fetch").click()
    fetched = only_assignment(student, "fetched")
    notebook = json.loads(machine.do("student", f"cat {NOTEBOOK}"))
    given = {**answers("right_loops"), **dict.fromkeys(QUESTIONS, "Gradients fade on their way.")}
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = given.get(grade_id, cell["source"])
    machine.do("student", f"cat > {NOTEBOOK}", json.dumps(notebook))
    fetched.locator(".item_name a").first.click()
    fetched.get_by_role("button", name="Validate").click()
    said = student.locator(".jp-Dialog")
    expect(said).to_contain_text("Success! Your notebook passes all the tests.", timeout=SLOW)
    keep(student, "validated")
    said.get_by_role("button").last.click()
    fetched.get_by_role("button", name="Submit").click()
    submitted = only_assignment(student, "submitted")
    keep(student, "submitted")

    formgrader.open("manage_assignments")
    formgrader.press("collect", "Successfully collected")
    formgrader.page.locator("#main-table .num-submissions a", has_text="1").click()
    status = formgrader.page.locator("#main-table .status")
    expect(status).to_have_text("needs autograding", timeout=SLOW)
    formgrader.press("autograde", "Successfully autograded")
    expect(status).to_have_text("needs manual grading", timeout=SLOW)
    expect(formgrader.page.locator("#main-table .score")).to_have_text("14 / 18")
    keep(formgrader.page, "autograded")
    formgrader.open("gradebook/rnn-bptt/rnn_bptt")
    formgrader.page.locator("#main-table .name a:visible").click()
    for question, points in QUESTIONS.items():
        formgrader.grade(question, points, COMMENT)
    last = formgrader.page.locator(f"#{question}")
    last.evaluate("field => field.scrollIntoView({block: 'center'})")
    keep(formgrader.page, "manual-grading")
    formgrader.open("manage_submissions/rnn-bptt")
    expect(status).to_have_text("graded", timeout=SLOW)
    expect(formgrader.page.locator("#main-table .score")).to_have_text("16 / 18")
    formgrader.press("generate-feedback", "Successfully generated feedback")
    formgrader.press("release-feedback", "Successfully released feedback")

    student.locator("#refresh_assignments_list").click()
    expect(submitted).to_contain_text("feedback available to fetch", timeout=SLOW)
    submitted.get_by_role("button", name="Fetch Feedback").click()
    expect(submitted).to_contain_text("view feedback", timeout=SLOW)
    keep(student, "feedback-fetched")
    page = machine.do("student", "cat rnn-bptt/feedback/*/rnn_bptt.html")
    assert page.count(COMMENT) >= len(QUESTIONS)
    assert "16 of 18 points" in page
