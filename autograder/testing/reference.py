"""Whether the assignment's own solution passes its tests.

A test that it fails says nothing about a student's answer, so nobody loses points by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograder.protocol.limits import Limits
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.instructor import InstructorNotebook
from autograder.submission.restore import restore
from autograder.testing.runner import run_notebook

_known: dict[str, dict[str, str]] = {}


def tests_that_the_reference_fails(
    instructor: InstructorNotebook, sandbox: Sandbox, limits: Limits
) -> Mapping[str, str]:
    """grade_id of each test that the reference solution does not pass in full, to what it says.

    The reference runs as a submission would: its cells in the sandbox, the tests here. Found out
    once per process and assignment.

    Raises:
        AutograderError: see `run_notebook`.
    """
    if not instructor.reference:
        return {}
    if instructor.digest not in _known:
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
        outputs = {
            cell["metadata"].get("nbgrader", {}).get("grade_id"): cell.get("outputs", [])
            for cell in notebook["cells"]
        }
        problems = {
            cell.grade_id: _problem(outputs[cell.grade_id], cell.released.points or 0.0)
            for cell in instructor.cells
            if cell.is_test
        }
        _known.clear()
        _known[instructor.digest] = {name: problem for name, problem in problems.items() if problem}
    return _known[instructor.digest]


def _problem(outputs: list[dict[str, Any]], most: float) -> str:
    """What a test says of an answer that does not get all of its points; nothing if it does."""
    for output in outputs:
        if output["output_type"] == "error":
            return f"{output['ename']}: {output['evalue']}"[:200]
        if output["output_type"] == "execute_result" and float(output["data"]["text/plain"]) < most:
            return f"it gives {output['data']['text/plain']} of {most:g} points"
    return ""
