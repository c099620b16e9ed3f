"""What is made from grades, and taken away before they change: feedback pages, the class report.

A page that is missing is made again; one that says what is no longer true is not noticed. So it
goes first, and whoever is killed in between leaves none.
"""

from __future__ import annotations

from pathlib import Path

from autograder.course import Course
from autograder.recording.autograded import remove_folder

REPORT_FILES = ("grades.json", "index.html")


def pages_folder(course: Course, assignment: str, student: str) -> Path:
    """Where nbgrader puts a student's feedback pages."""
    return course.folder("feedback") / student / assignment


def report_folder(course: Course, assignment: str) -> Path:
    """Where the report on the class is."""
    return course.root / "reports" / assignment


def has_report(course: Course, assignment: str) -> bool:
    """Whether there is a report on the class, whole or in part."""
    return any((report_folder(course, assignment) / name).exists() for name in REPORT_FILES)


def remove_report(course: Course, assignment: str) -> None:
    """Take the report on the class away; other files in its folder stay."""
    for name in REPORT_FILES:
        (report_folder(course, assignment) / name).unlink(missing_ok=True)


def remove_derived(course: Course, assignment: str, student: str) -> None:
    """Take away what a student's grade is told in: call it before the grade changes."""
    remove_folder(pages_folder(course, assignment, student))
    remove_report(course, assignment)
