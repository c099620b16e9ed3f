"""A small homework, graded by the autograder and by a deliberately open build of it.

The open build is what plain nbgrader does: the tests run where the student's code has run, in
one interpreter without a sandbox, and what the cell shows is the verdict. An attack that earns
something there and nothing from the autograder is a test that can fail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import nbformat
import pytest
from nbgrader.utils import determine_grade

from autograder.protocol.limits import Limits
from autograder.sandbox.bubblewrap import SandboxUnavailable
from autograder.sandbox.sandbox import Sandbox
from autograder.scheduling.worker import Job
from autograder.scheduling.worker import grade as grade_job
from autograder.submission.instructor import InstructorCell, InstructorNotebook, ReleasedCell
from autograder.submission.reading import Submission

LIMITS = Limits(
    cell_seconds=10,
    call_seconds=5,
    submission_seconds=40,
    memory_bytes=300 << 20,
    processes=24,
    output_bytes=100_000,
    disk_bytes=8 << 20,
)

SETUP = """import numpy as np
grading_seed = 0"""
MODEL = """class Model:
    def __init__(self, size):
        self.W = np.random.default_rng(grading_seed).standard_normal((size, size))"""
GRADIENT = '''def gradient(self, x):
    """Of the loss |W x|² / 2 with respect to W."""
    return np.outer(self.W @ x, x)


Model.gradient = gradient'''
WRONG_GRADIENT = """def gradient(self, x):
    return np.zeros_like(self.W)


Model.gradient = gradient"""
GRADIENT_VALUES = """### BEGIN HIDDEN TESTS
def _expected_gradient(W, x):
    return np.outer(W @ x, x)
### END HIDDEN TESTS
for size in (2, 5):
    model, x = Model(size), np.random.default_rng(grading_seed + size).standard_normal(size)
    expected = _expected_gradient(model.W.copy(), x.copy())
    got = model.gradient(x)
    np.testing.assert_allclose(got, expected, rtol=1e-9)
    assert np.allclose(got, expected)
    assert np.all(np.abs(got - expected) < 1e-9)"""
NORM = '''def norm(values):
    """The root of the sum of squares."""
    return sum(value**2 for value in values) ** 0.5'''
WRONG_NORM = """def norm(values):
    return 0.0"""
NORM_VALUES = """numbers = list(np.random.default_rng(grading_seed).standard_normal(4))
got = norm(numbers)
assert abs(got - float(np.sqrt(np.sum(np.square(numbers))))) < 1e-9"""

POINTS = {"gradient-values": 3.0, "norm-values": 2.0}
_CELLS = {
    "setup": SETUP,
    "model": MODEL,
    "gradient": GRADIENT,
    "gradient-values": GRADIENT_VALUES,
    "norm": NORM,
    "norm-values": NORM_VALUES,
}
_EXPORTS = {"gradient": ("Model.gradient",), "norm": ("norm",)}


def _instructor_cell(name: str, source: str) -> InstructorCell:
    solution, points = name in _EXPORTS, POINTS.get(name)
    released = ReleasedCell(
        grade_id=name,
        cell_type="code",
        source=source if not solution else "raise NotImplementedError()",
        checksum="",
        locked=not solution,
        grade=points is not None,
        solution=solution,
        task=False,
        points=points,
    )
    return InstructorCell(
        released=released,
        cell_id=name,
        exercise=name.removesuffix("-values"),
        exports=_EXPORTS.get(name, ()),
        demonstration=False,
    )


INSTRUCTOR = InstructorNotebook(
    assignment="homework",
    name="homework",
    cells=tuple(_instructor_cell(name, source) for name, source in _CELLS.items()),
    demonstrations=frozenset(),
    metadata={},
)


def _honest_cells(answers: Mapping[str, str]) -> list[dict[str, Any]]:
    """The cells of a submission as Jupyter saves it, with these solutions in it."""
    cells = []
    for cell in INSTRUCTOR.cells:
        source = answers.get(cell.grade_id, cell.visible_source)
        made = nbformat.v4.new_code_cell(source, id=cell.grade_id)
        made.metadata["nbgrader"] = cell.nbgrader_metadata
        cells.append(made)
    return cells


Grade = Callable[..., dict[str, float]]


@pytest.fixture(scope="session")
def submission() -> Callable[..., dict[str, Any]]:
    """A student's notebook: `submission(gradient=..., norm=...)`; what is not given is right."""

    def make(**answers: str) -> dict[str, Any]:
        given = {"gradient": GRADIENT, "norm": NORM, **answers}
        return nbformat.v4.new_notebook(cells=_honest_cells(given))

    return make


@pytest.fixture(scope="session")
def grade(limits: Limits, sandboxed: None) -> Grade:
    """Points per test that the autograder gives to a notebook."""

    def points(notebook: Mapping[str, Any]) -> dict[str, float]:
        data = json.dumps(notebook).encode()
        job = Job(
            instructors=(INSTRUCTOR,),
            submission=Submission("mallory", {"homework.ipynb": data}),
            limits=limits,
            unsandboxed=False,
            fingerprint="",
        )
        (graded,) = grade_job(job)
        return _points(graded.notebook["cells"])

    return points


@pytest.fixture(scope="session")
def grade_openly(open_sandbox: Sandbox) -> Grade:
    """Points per test where tests and submission share an interpreter, as in plain nbgrader."""

    def points(notebook: Mapping[str, Any]) -> dict[str, float]:
        child = open_sandbox.start()
        cells = json.loads(json.dumps(notebook))["cells"]
        instructors = {cell.grade_id: cell for cell in INSTRUCTOR.cells}
        for cell in cells:
            known = instructors.get(cell["metadata"].get("nbgrader", {}).get("grade_id"))
            if known is not None and known.is_test and cell["source"] == known.visible_source:
                cell["source"] = known.released.source  # nbgrader puts hidden tests back
            cell["outputs"] = child.run_cell(cell["source"]).outputs
        child.close()
        return _points(cells)

    return points


def _points(cells: list[dict[str, Any]]) -> dict[str, float]:
    graded = {}
    for cell in map(nbformat.from_dict, cells):
        if cell.metadata.get("nbgrader", {}).get("grade"):
            graded[cell.metadata.nbgrader.grade_id] = determine_grade(cell)[0]
    return graded


@pytest.fixture(scope="session")
def limits() -> Limits:
    """Tight limits, so that an attack on them is over soon."""
    return LIMITS


@pytest.fixture(scope="session")
def sandboxed(limits: Limits) -> None:
    """Skips where no sandbox can be had; in continuous integration that is a failure."""
    try:
        with Sandbox(limits, preload=()):
            pass
    except SandboxUnavailable as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def sandbox(limits: Limits, sandboxed: None) -> Iterator[Sandbox]:
    """The sandbox, for the whole file."""
    with Sandbox(limits) as warm:
        yield warm


@pytest.fixture(scope="session")
def open_sandbox(limits: Limits) -> Iterator[Sandbox]:
    """The open build: the same interpreter, not confined. Only harmless attacks may run in it."""
    os.environ["COURSE_TOKEN"] = "the grader's secret"
    with Sandbox(limits, unsandboxed=True) as warm:
        yield warm
