"""Whether the assignment's own solution passes the tests that a submission fails.

A test that it fails too says nothing about a student's answer, so nobody loses points by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograder.protocol.limits import Limits
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.instructor import InstructorNotebook
from autograder.submission.restore import restore
from autograder.testing.runner import run_notebook

_failed_by_reference: dict[str, dict[str, str]] = {}


def unfair_tests(
    instructor: InstructorNotebook, graded: Mapping[str, Any], sandbox: Sandbox, limits: Limits
) -> dict[str, str]:
    """grade_id of each test that a submission and the reference both fail, to what it says.

    The reference runs as a submission would: its cells in the sandbox, the tests here; once per
    process and assignment, and only where a submission has failed a test.

    Args:
        graded: the submission's notebook after `run_notebook`.

    Raises:
        AutograderError: see `run_notebook`.
    """
    failed = _failed_tests(instructor, graded)
    if not failed or not instructor.reference:
        return {}
    if instructor.digest not in _failed_by_reference:
        notebook, _ = restore([dict(cell) for cell in instructor.reference], instructor)
        run_notebook(
            instructor,
            notebook,
            student="",
            sandbox=sandbox,
            files=instructor.files,
            limits=limits,
            diagnose=False,
        )
        _failed_by_reference.clear()
        _failed_by_reference[instructor.digest] = _failed_tests(instructor, notebook)
    found = _failed_by_reference[instructor.digest]
    return {name: problem for name, problem in found.items() if name in failed}


def _failed_tests(instructor: InstructorNotebook, notebook: Mapping[str, Any]) -> dict[str, str]:
    """grade_id of each test that does not give all of its points, to what it says."""
    points = {c.grade_id: c.released.points or 0.0 for c in instructor.cells if c.is_test}
    found = {}
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        if name in points and (problem := _problem(cell["outputs"], points[name])):
            found[name] = problem
    return found


def _problem(outputs: list[dict[str, Any]], most: float) -> str:
    for output in outputs:
        if output["output_type"] == "error":
            return f"{output['ename']}: {output['evalue']}"[:200]
        if output["output_type"] == "execute_result" and float(output["data"]["text/plain"]) < most:
            return f"it gives {output['data']['text/plain']} of {most:g} points"
    return ""
