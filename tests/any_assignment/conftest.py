"""The small assignments, released by plain nbgrader, audited and ready to be graded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from kinds_of_assignment import Kind, all_kinds, build_course

from autograder.auditing.audit import audit_notebook
from autograder.course import Course
from autograder.protocol.limits import Limits
from autograder.recording.gradebook import Gradebook
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.instructor import InstructorNotebook, read_instructors
from autograder.submission.reading import plain_cell
from autograder.submission.restore import restore
from autograder.testing.runner import run_notebook

BIN = Path(sys.executable).parent
LIMITS = Limits(cell_seconds=20, call_seconds=10, submission_seconds=60)


class AnyAssignment:
    """All kinds as one assignment of a plain nbgrader course."""

    def __init__(self, root: Path, kinds: list[Kind], sandbox: Sandbox) -> None:
        self.root, self.sandbox = root, sandbox
        self.kinds = {kind.name: kind for kind in kinds}
        course = Course.at(root)
        with Gradebook.of(course) as gradebook:
            released = gradebook.released("kinds")
        self._notebooks = {each.name: each for each in read_instructors(course, "kinds", released)}
        self._audited: dict[str, InstructorNotebook] = {}

    def instructor(self, kind: str) -> InstructorNotebook:
        """The audited notebook of a kind."""
        if kind not in self._audited:
            plain = self._notebooks[kind]
            verdicts = audit_notebook(plain, self.sandbox, LIMITS)
            self._audited[kind] = replace(plain, verdicts=verdicts)
        return self._audited[kind]

    def release(self, kind: str) -> Any:
        return nbformat.read(self.root / "release" / "kinds" / f"{kind}.ipynb", as_version=4)

    def grade(self, kind: str, answer: str) -> tuple[dict[str, float | None], Any]:
        """Scores of the tests, and the graded notebook."""
        instructor = self.instructor(kind)
        handed_in = self.kinds[kind].answered(self.release(kind), answer)
        notebook, _ = restore([plain_cell(cell) for cell in handed_in.cells], instructor)
        run_notebook(
            instructor,
            notebook,
            student=answer,
            sandbox=self.sandbox,
            files=instructor.files,
            limits=LIMITS,
        )
        scores: dict[str, float | None] = {}
        from nbgrader.utils import determine_grade

        for cell in nbformat.from_dict(notebook).cells:
            said = cell.metadata.get("nbgrader", {})
            if said.get("grade"):
                scores[said["grade_id"]] = determine_grade(cell)[0]
        return scores, notebook


@pytest.fixture(scope="session")
def any_assignment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnyAssignment]:
    root = tmp_path_factory.mktemp("any") / "course"
    kinds = all_kinds()
    build_course(root, kinds)
    command = [BIN / "nbgrader", "generate_assignment", "kinds", "--log-level=ERROR"]
    subprocess.run(command, cwd=root, check=True, timeout=300)
    with Sandbox(LIMITS) as sandbox:
        yield AnyAssignment(root, kinds, sandbox)
