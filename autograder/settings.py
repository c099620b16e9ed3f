"""The lines of a course's nbgrader configuration that make nbgrader grade with this grader."""

from __future__ import annotations

from typing import Any

LINES = """\
# Grading by `autograder`: students' cells run in a sandbox, and the tests where students cannot
# reach them, wherever they work there.
from autograder.settings import grade_in_sandbox

grade_in_sandbox(c)
"""


def grade_in_sandbox(c: Any) -> None:
    """Set the options of nbgrader's converters; call it in `nbgrader_config.py`.

    The same for `autograder grade`, `nbgrader autograde` and formgrader's button. Preprocessors
    are named, not imported, so that reading the configuration costs nothing.

    Args:
        c: the configuration, from nbgrader's `get_config()`.
    """
    c.Autograde.sanitize_preprocessors = [
        "nbgrader.preprocessors.ClearOutput",
        # In place of DeduplicateIds and OverwriteCells: whatever was removed, doubled, moved or
        # renamed, the instructor's structure, tests and points are put back.
        "autograder.preprocessors.RestoreCells",
        "nbgrader.preprocessors.OverwriteKernelspec",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    c.Autograde.autograde_preprocessors = [
        # In place of Execute. Its outputs are ordinary ones: everything below is nbgrader's own.
        "autograder.preprocessors.TrustedExecute",
        "nbgrader.preprocessors.IgnorePattern",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    # A grading that fails leaves no old score behind.
    c.Autograde.pre_convert_hook = "autograder.preprocessors.withdraw_scores"
    # How each test is to be run is found out when the assignment is released.
    c.GenerateAssignment.post_convert_hook = "autograder.preprocessors.audit_release"
    # Takes away first what is no longer true: nbgrader makes only the pages that are not there.
    c.GenerateFeedback.exporter_class = "autograder.reporting.renewal.FeedbackExporter"
    c.GenerateFeedback.preprocessors = [
        "nbgrader.preprocessors.GetGrades",
        # The page opens with what the answer looks like, and does not show hidden tests.
        "autograder.reporting.feedback.OpenWithDiagnosis",
        "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
    ]
