"""Who finds what on the hub: students their assignments, instructors the one formgrader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

ARTEFACTS = Path(__file__).parents[1] / "artefacts"
LogIn = Callable[[str], Page]


@pytest.fixture(scope="module")
def student(log_in: LogIn) -> Page:
    return log_in("student")


@pytest.fixture(scope="module")
def instructor(log_in: LogIn) -> Page:
    return log_in("instructor")


def keep(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"hub-{name}.png")


def nbgrader_menu(page: Page) -> list[str]:
    page.get_by_role("menuitem", name="Nbgrader").click()
    items = page.locator(".lm-Menu .lm-Menu-itemLabel")
    items.first.wait_for()
    found = [text for text in items.all_inner_texts() if text]
    page.keyboard.press("Escape")
    return found


def test_a_student_sees_the_assignment_list_and_nothing_to_grade_with(student: Page) -> None:
    assert nbgrader_menu(student) == ["Assignment List"]


def test_an_instructor_sees_the_course_list_too(instructor: Page) -> None:
    assert sorted(nbgrader_menu(instructor)) == ["Assignment List", "Course List"]


def test_the_course_list_leads_to_the_formgrader(instructor: Page) -> None:
    instructor.get_by_role("menuitem", name="Nbgrader").click()
    instructor.locator(".lm-Menu .lm-Menu-itemLabel", has_text="Course List").click()
    link = instructor.get_by_role("link", name="unrolled")
    link.wait_for()
    keep(instructor, "course-list")
    with instructor.context.expect_page() as opened:
        link.click()
    formgrader = opened.value
    expect(formgrader.locator("#main-table .name a")).to_have_text(["rnn-bptt"], timeout=60_000)
    assert formgrader.url.endswith("/services/unrolled/formgrader/manage_assignments")


@pytest.mark.parametrize("page", ["", "formgrader", "lab", "api/contents/course"])
def test_no_page_of_the_formgrader_opens_for_a_student(student: Page, hub: str, page: str) -> None:
    answer = student.request.get(f"{hub}/services/unrolled/{page}")
    assert answer.status == 403


def test_a_student_has_no_formgrader_of_their_own(student: Page, hub: str) -> None:
    assert student.request.get(f"{hub}/user/student/formgrader").status == 404
    assert student.request.get(f"{hub}/user/student/formgraders").status == 404


def test_nobody_can_put_the_formgrader_into_a_frame(instructor: Page, hub: str) -> None:
    answer = instructor.request.get(f"{hub}/services/unrolled/formgrader/manage_assignments")
    assert answer.status == 200
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_a_wrong_password_opens_nothing(hub: str, page: Page) -> None:
    page.goto(f"{hub}/hub/login")
    page.get_by_label("Username").fill("student")
    page.get_by_label("Password").fill("guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Invalid username or password")).to_be_visible(timeout=30_000)
