"""The pages and buttons of formgrader, as browser tests press them."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

SLOW = 180_000  # ms: a notebook is executed while a button waits


class Formgrader:
    """Formgrader in one page of a browser.

    Args:
        address: path within formgrader to its address.
    """

    def __init__(self, page: Page, address: Callable[[str], str]) -> None:
        self.page, self.address = page, address
        page.set_default_timeout(SLOW)

    def open(self, path: str) -> None:
        self.page.goto(self.address(path))

    def press(self, button: str, says: str) -> None:
        """Press the button in this column, and read the box that opens when it is done."""
        self.page.locator(f"#main-table .{button} a").click()
        box = self.box()
        expect(box.locator(".modal-title")).to_have_text("Success")
        expect(box.locator(".modal-body p")).to_contain_text(says)
        box.locator(".modal-footer button").click()
        box.wait_for(state="detached")

    def box(self) -> Locator:
        """The box that is open."""
        box = self.page.locator(".modal.in")
        box.wait_for()
        return box

    def grade(self, question: str, points: float, comment: str) -> None:
        """Give points and a comment; both are saved as soon as one leaves the field."""
        # The fields are there before the page knows what they hold, and are then filled again.
        self.page.locator(f"#{question}.needs_manual_grade").wait_for()
        self.page.locator(f"#{question}-comment[placeholder]").wait_for()
        for field, value in ((question, str(points)), (f"{question}-comment", comment)):
            with self.page.expect_response(lambda answer: answer.request.method == "PUT"):
                self.page.locator(f"#{field}").fill(value)
                self.page.locator(f"#{field}").press("Tab")
