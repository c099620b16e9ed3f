"""What the diagnosis is tested with, and a small course to grade in.

The small course has one assignment, `sums`: a method, a function, a written question. Building it
takes seconds, so it is built once and copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from authoring.course import Course as AuthoringCourse
from authoring.release import build_release
from autograder.course import Course
from autograder.diagnosis import mutants as mutants
from autograder.diagnosis.misconceptions import Misconceptions, load_misconceptions
from autograder.protocol.limits import Limits
from autograder.recording.autograded import result_of
from autograder.recording.gradebook import Gradebook
from autograder.recording.results import SubmissionResult
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.instructor import InstructorNotebook, read_instructors
from autograder.submission.reading import parse_notebook

COURSE = Path(__file__).parents[2]
HOMEWORK = COURSE / "source" / "rnn-bptt"


@pytest.fixture(scope="session")
def known() -> Misconceptions:
    """The misconceptions of the homework."""
    return load_misconceptions(HOMEWORK / "misconceptions.toml")


@pytest.fixture(scope="session")
def instructor_names() -> Mapping[str, Any]:
    """What the homework's locked cells and reference answers define."""
    return mutants.instructor_names(HOMEWORK / "rnn_bptt.ipynb")


@pytest.fixture(scope="session")
def written(instructor_names: Mapping[str, Any]) -> Callable[[str, str], Callable[..., Any]]:
    """Turns the source of an answer into a function, as a student's kernel would."""

    def define(source: str, name: str = "bptt") -> Callable[..., Any]:
        names = dict(instructor_names)
        exec(source, names)
        function: Callable[..., Any] = names[name]
        return function

    return define


# Shorter than a course's, so that endless loops do not make the tests long.
LIMITS = Limits(cell_seconds=4, call_seconds=2, submission_seconds=30)

SETUP = """\
import numpy as np

grading_seed = 0


class Model:
    def __init__(self, size):
        self.weights = np.arange(1.0, size + 1)
        self.calls = 0


def softly(x):
    return np.tanh(x)"""

SCALE = """\
def scale(self, x, factor=1):
    ### BEGIN SOLUTION
    return softly(self.weights * x) * factor
    ### END SOLUTION


Model.scale = scale"""

SCALE_VALUES = """\
### BEGIN HIDDEN TESTS
def _expected_scale(weights, x, factor):
    return np.tanh(weights * x) * factor


### END HIDDEN TESTS
assert np.shape(Model(3).scale(np.ones(3))) == (3,), "scale gives one number per weight"
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(grading_seed)
for size in (1, 4):
    model, x = Model(size), rng.normal(size=size)
    np.testing.assert_allclose(model.scale(x, factor=2), _expected_scale(model.weights, x, 2))
### END HIDDEN TESTS"""

SCALE_SIDE_EFFECTS = """\
model, x = Model(3), np.ones(3)
before = [model.weights.copy(), x.copy()]
assert np.any(model.scale(x) != 0), "scale gives zeros"
assert np.array_equal(before[0], model.weights), "scale changed the weights"
assert np.array_equal(before[1], x), "scale changed x"
assert model.calls == 0"""

TOTAL = """\
def total(numbers):
    ### BEGIN SOLUTION
    return sum(numbers)
    ### END SOLUTION"""

RIGHT = {
    "scale": """\
def scale(self, x, factor=1):
    return np.tanh(self.weights * x) * factor


Model.scale = scale""",
    "total": "def total(numbers):\n    return float(np.sum(numbers))",
    "why": "Because tanh keeps everything between -1 and 1.",
}


def _nbgrader(grade_id: str, **kind: Any) -> dict[str, Any]:
    base = {"grade": False, "solution": False, "locked": True, "task": False, "schema_version": 3}
    return {**base, "grade_id": grade_id, "cell_type": "code", **kind}


def _cell(name: str, source: str, said: dict[str, Any] | None = None, **kind: Any) -> Any:
    metadata: dict[str, Any] = {"nbgrader": _nbgrader(name, **kind)}
    if said:
        metadata["exercise"] = said
    return new_code_cell(source, id=name, metadata=metadata)


def build_source() -> Any:
    """The instructor's notebook of the small course."""
    question = _nbgrader(
        "why", grade=True, solution=True, locked=False, points=2, cell_type="markdown"
    )
    return new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
        },
        cells=[
            new_markdown_cell("# Sums", id="title"),
            _cell("setup", SETUP),
            _cell(
                "scale",
                SCALE,
                {"name": "scale", "exports": ["Model.scale"]},
                solution=True,
                locked=False,
            ),
            _cell("scale-values", SCALE_VALUES, {"tests": "scale"}, grade=True, points=3),
            _cell(
                "scale-side-effects", SCALE_SIDE_EFFECTS, {"tests": "scale"}, grade=True, points=1
            ),
            new_code_cell("scaled = Model(2).scale(np.ones(2))\nprint(scaled)", id="look"),
            _cell(
                "total", TOTAL, {"name": "total", "exports": ["total"]}, solution=True, locked=False
            ),
            _cell(
                "total-values",
                "assert abs(total([1, 2, 3.5]) - 6.5) < 1e-12",
                {"tests": "total"},
                grade=True,
                points=2,
            ),
            _cell(
                "total-parts",
                "2 * (total([1]) == 1) + 2 * (total(np.array([])) == 0)",
                {"tests": "total"},
                grade=True,
                points=4,
            ),
            new_code_cell(
                "import time\ntime.sleep(60)", id="show", metadata={"tags": ["demonstration"]}
            ),
            new_markdown_cell("Why tanh?", id="why", metadata={"nbgrader": question}),
        ],
    )


@dataclass(frozen=True)
class Classroom:
    """A course folder, with hands to submit and eyes to look at what grading left."""

    root: Path
    assignment = "sums"
    points = 10.0

    @property
    def course(self) -> Course:
        return Course.at(self.root)

    def folder(self, student: str) -> Path:
        return self.root / "submitted" / student / "sums"

    def release(self) -> Any:
        return nbformat.read(self.root / "release" / "sums" / "sums.ipynb", as_version=4)

    def hand_in(self, student: str, **answers: str) -> Path:
        """Submit the right answers, except for those given (cell name to source)."""
        notebook = self.release()
        for cell in notebook.cells:
            if cell.id in {**RIGHT, **answers}:
                cell.source = {**RIGHT, **answers}[cell.id]
        return self.hand_in_file(student, nbformat.writes(notebook).encode())

    def hand_in_file(self, student: str, data: bytes, name: str = "sums.ipynb") -> Path:
        self.folder(student).mkdir(parents=True, exist_ok=True)
        path = self.folder(student) / name
        path.write_bytes(data)
        return path

    def instructor(self) -> InstructorNotebook:
        with Gradebook.of(self.course) as gradebook:
            released = gradebook.released("sums")
            (notebook,) = read_instructors(self.course, "sums", released)
        return notebook

    def graded(self, student: str) -> Any:
        """The notebook in `autograded`, as nbformat reads and validates it."""
        path = self.root / "autograded" / student / "sums" / "sums.ipynb"
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        return notebook

    def result(self, student: str) -> SubmissionResult:
        found = result_of(self.root / "autograded" / student / "sums" / "sums.ipynb")
        assert found is not None
        return found

    def scores(self) -> dict[str, dict[str, float | None]]:
        """Student to grade_id to automatic score, from the gradebook."""
        with Gradebook.of(self.course) as gradebook:
            return {
                student: {cell: score for (_, cell), score in found.items()}
                for student, found in gradebook.recorded("sums").items()
            }


@pytest.fixture(scope="session")
def _built_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built") / "course"
    (root / "source" / "sums").mkdir(parents=True)
    nbformat.write(build_source(), root / "source" / "sums" / "sums.ipynb")
    config = (COURSE / "nbgrader_config.py").read_text()
    limits = "".join(
        f"c.TrustedExecute.{name} = {getattr(LIMITS, name)}\n"
        for name in ("cell_seconds", "call_seconds", "submission_seconds")
    )
    blanks = 'c.SelectExercises.blanks = ["scale", "total"]\n'
    (root / "nbgrader_config.py").write_text(config + limits + blanks)
    build_release(AuthoringCourse.at(root), "sums")
    return root


@pytest.fixture(scope="session")
def classroom_at() -> type[Classroom]:
    """Makes a classroom of the folder of a course."""
    return Classroom


@pytest.fixture
def classroom(_built_course: Path, tmp_path: Path) -> Classroom:
    """A course of its own, with the assignment `sums` released."""
    root = tmp_path / "course"
    shutil.copytree(_built_course, root)
    return Classroom(root)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """A warm sandbox with short limits."""
    with Sandbox(LIMITS) as warm:
        yield warm


@pytest.fixture(scope="module")
def instructor(_built_course: Path) -> Any:
    course = Course.at(_built_course)
    with Gradebook.of(course) as gradebook:
        (notebook,) = read_instructors(course, "sums", gradebook.released("sums"))
    return notebook


@pytest.fixture(scope="module")
def released(_built_course: Path) -> list[dict[str, Any]]:
    data = (_built_course / "release" / "sums" / "sums.ipynb").read_bytes()
    return parse_notebook(data, "sums")
