"""Students' cells in the sandbox, the instructor's tests outside: what each costs whom."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.utils import determine_grade
from traitlets.config import Config, PyFileConfigLoader

from autograder.errors import AutograderError
from autograder.protocol.limits import Limits
from autograder.recording.results import METADATA_KEY
from autograder.sandbox.sandbox import Sandbox
from autograder.scheduling.batch import Plan, grade_class
from autograder.submission.instructor import InstructorNotebook
from autograder.submission.reading import parse_notebook
from autograder.submission.restore import restore
from autograder.testing.runner import Run, run_notebook, seed_for

LIMITS = Limits(cell_seconds=4, call_seconds=2, submission_seconds=30)
FULL = {"scale-values": 3, "scale-side-effects": 1, "total-values": 2, "total-parts": 4}


class Grading:
    """Grades one submission of the small course at a time, without gradebook and workers."""

    def __init__(self, classroom: Any, sandbox: Sandbox) -> None:
        self.classroom = classroom
        self.sandbox = sandbox
        self.instructor = classroom.instructor()
        self.notebook: dict[str, Any] = {}
        self.run = Run()

    def __call__(self, student: str = "ada", **answers: str) -> dict[str, float]:
        """Points by test of the right answers, except for those given."""
        return self.of_file(self.classroom.hand_in(student, **answers).read_bytes(), student)

    def of_file(self, data: bytes, student: str = "ada") -> dict[str, float]:
        cells = parse_notebook(data, "sums")
        self.notebook, _ = restore(cells, self.instructor)
        self.run = run_notebook(
            self.instructor,
            self.notebook,
            student=student,
            sandbox=self.sandbox,
            files={},
            limits=LIMITS,
        )
        graded = nbformat.from_dict(self.notebook)
        nbformat.validate(graded)
        return {
            cell.metadata.nbgrader.grade_id: determine_grade(cell)[0]
            for cell in graded.cells
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")
        }

    def text(self) -> str:
        return json.dumps(self.notebook)

    def outputs(self, name: str) -> Any:
        return next(cell["outputs"] for cell in self.notebook["cells"] if cell["id"] == name)


def with_source(instructor: InstructorNotebook, name: str, source: str) -> InstructorNotebook:
    """The instructor's notebook with another source in one cell."""
    cells = tuple(
        dataclasses.replace(cell, released=dataclasses.replace(cell.released, source=source))
        if cell.grade_id == name
        else cell
        for cell in instructor.cells
    )
    return dataclasses.replace(instructor, cells=cells)


@pytest.fixture
def grading(classroom: Any, sandbox: Sandbox) -> Grading:
    return Grading(classroom, sandbox)


def test_a_right_answer_earns_every_point(grading: Grading) -> None:
    assert grading() == FULL
    assert not grading.run.problems


def test_an_untouched_release_earns_nothing(grading: Grading) -> None:
    release = nbformat.writes(grading.classroom.release()).encode()
    assert grading.of_file(release) == dict.fromkeys(FULL, 0)


def test_a_wrong_function_costs_its_own_points_only(grading: Grading) -> None:
    wrong = "def scale(self, x, factor=1):\n    return self.weights * x\nModel.scale = scale"
    assert grading(scale=wrong) == FULL | {"scale-values": 0}


def test_a_test_that_prints_a_number_gives_partial_credit(grading: Grading) -> None:
    half = "def total(numbers):\n    return sum(numbers) if len(numbers) else -1"
    assert grading(total=half) == FULL | {"total-parts": 2}


@pytest.mark.parametrize(
    "value",
    [
        *("np.array([1, 1])", "float('nan')", "'1'", "[1]", "-1", "10**400", "1j"),
        "np.array(['a'])",
    ],
)
def test_no_returned_value_makes_partial_credit_more_than_it_is(
    grading: Grading, value: str
) -> None:
    grading.instructor = with_source(grading.instructor, "total-parts", "total([1])")
    assert grading(total="def total(numbers):\n    return 3")["total-parts"] == 3
    assert grading(total=f"def total(numbers):\n    return {value}")["total-parts"] == 0


def test_a_test_that_ends_with_false_has_failed(grading: Grading) -> None:
    grading.instructor = with_source(
        grading.instructor, "total-parts", "np.allclose(total([1]), 1)"
    )
    assert grading()["total-parts"] == 4
    assert grading(total="def total(numbers):\n    return 2")["total-parts"] == 0


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        ("self.weights += 1; return np.tanh(self.weights * x - x) * factor", "weights"),
        (
            "self.weights = self.weights * 2; return np.tanh(self.weights * x / 2) * factor",
            "weights",
        ),
        ("y = np.tanh(self.weights * x) * factor; x *= 2; return y", "x"),
        ("self.calls += 1; return np.tanh(self.weights * x) * factor", "calls"),
    ],
)
def test_a_side_effect_on_the_model_or_the_input_shows(
    grading: Grading, body: str, lost: str
) -> None:
    scores = grading(scale=f"def scale(self, x, factor=1):\n    {body}\nModel.scale = scale")
    assert scores["scale-side-effects"] == 0
    assert lost in json.dumps(grading.outputs("scale-side-effects"))


def test_an_endless_call_costs_the_tests_that_make_it_and_nothing_else(grading: Grading) -> None:
    endless = "def total(numbers):\n    while True:\n        pass"
    assert grading(total=endless) == FULL | {"total-values": 0, "total-parts": 0}
    assert grading.run.timed_out
    assert "longer than 2 s" in grading.run.problems[0]


def test_a_cell_that_dies_is_left_out_and_the_good_cells_are_replayed(grading: Grading) -> None:
    notebook = json.loads(grading.classroom.hand_in("ada").read_bytes())
    at = next(i for i, cell in enumerate(notebook["cells"]) if cell["id"] == "look")
    for source in ("helper = 5", "import os; os._exit(0)", "helper += 1"):
        cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "id": "x"}
        at += 1
        notebook["cells"].insert(at, cell | {"id": f"x{at}", "execution_count": None})
    for cell in notebook["cells"]:
        if cell["id"] == "total":
            cell["source"] = "def total(numbers):\n    return sum(numbers) if helper == 6 else None"
    assert grading.of_file(json.dumps(notebook).encode()) == FULL
    assert "ended the interpreter" in grading.run.problems[0]


def test_a_function_may_die_in_one_test_and_pass_the_next(grading: Grading) -> None:
    dies = (
        "def total(numbers):\n"
        "    if len(numbers) == 3:\n        import os; os._exit(1)\n"
        "    return sum(numbers)"
    )
    assert grading(total=dies) == FULL | {"total-values": 0}


def test_what_only_looks_odd_costs_nothing(grading: Grading) -> None:
    notebook = json.loads(grading.classroom.hand_in("ada").read_bytes())
    helper = {
        "cell_type": "code",
        "source": "import warnings\nhelp_me = np.tanh\nwarnings.warn('careful')\n1 / 0",
        "metadata": {"tags": ["demonstration"]},
        "outputs": [],
        "execution_count": 7,
    }
    notebook["cells"].insert(1, {"cell_type": "markdown", "source": "mine", "metadata": {}})
    notebook["cells"].insert(3, helper)
    for cell in notebook["cells"]:
        if cell.get("id") == "scale":
            cell["source"] = (
                "def scale(self, x, factor=1):\n"
                "    warnings.warn('slow'); print('hello')\n"
                "    return help_me(self.weights * x) * factor\n"
                "Model.scale = scale"
            )
    assert grading.of_file(b"\xef\xbb\xbf" + json.dumps(notebook).encode()) == FULL


def test_a_warning_in_the_test_itself_costs_nothing(grading: Grading) -> None:
    noisy = "class Zero(float):\n    pass\ndef total(numbers):\n    return np.float64(sum(numbers))"
    assert grading(total=noisy) == FULL


def test_demonstrations_are_not_run(grading: Grading) -> None:
    grading()
    assert grading.outputs("show") == []


def test_an_exception_is_shown_with_its_name_its_message_and_the_students_line(
    grading: Grading,
) -> None:
    raises = "def total(numbers):\n    raise KeyError('no numbers today')"
    assert grading(total=raises)["total-values"] == 0
    (error,) = grading.outputs("total-values")
    assert (error["ename"], error["output_type"]) == ("KeyError", "error")
    assert "no numbers today" in error["evalue"]
    assert any("no numbers today" in line and "raise" in line for line in error["traceback"])


def test_neither_hidden_tests_nor_expected_values_are_in_the_graded_notebook(
    grading: Grading,
) -> None:
    wrong = "def scale(self, x, factor=1):\n    return self.weights * x\nModel.scale = scale"
    grading(scale=wrong)
    text = grading.text()
    assert "In a hidden test" in text
    for secret in ("_expected_scale", "HIDDEN TESTS", "default_rng", "DESIRED", "ACTUAL"):
        assert secret not in text


def test_figures_and_prints_are_kept_and_html_is_not(grading: Grading) -> None:
    shows = (
        RIGHT_TOTAL
        + "\nimport matplotlib.pyplot as plt\nfrom IPython.display import HTML, display\n"
        "print('seen')\nplt.plot([1, 2])\nplt.show()\n"
        "display(HTML('<script>steal()</script>'))"
    )
    grading(total=shows)
    outputs = grading.outputs("total")
    assert {"output_type": "stream", "name": "stdout", "text": "seen\n"} in outputs
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert "steal" not in grading.text().replace(json.dumps(shows)[1:-1], "")


RIGHT_TOTAL = "def total(numbers):\n    return sum(numbers)"


def test_a_regrade_repeats_exactly_and_every_student_has_other_inputs(grading: Grading) -> None:
    tells = (
        "def scale(self, x, factor=1):\n"
        "    if factor == 2:\n        raise ValueError(f'{x}|{np.random.random()}')\n"
        "    return np.tanh(self.weights * x)\n"
        "Model.scale = scale"
    )
    told = []
    for student in ("ada", "ada", "bob"):
        grading(student, scale=tells)
        told.append(grading.outputs("scale-values")[0]["evalue"])
    (inputs, luck), again, (others_inputs, _) = (text.split("|") for text in told)
    assert [inputs, luck] == again
    assert inputs != others_inputs
    assert seed_for(grading.instructor, "ada") != seed_for(grading.instructor, "bob")


def test_an_instructors_cell_that_fails_is_the_instructors_fault(
    classroom: Any, sandbox: Sandbox
) -> None:
    broken = with_source(classroom.instructor(), "setup", "1 / 0")
    notebook, _ = restore(parse_notebook(classroom.hand_in("ada").read_bytes(), "sums"), broken)
    with pytest.raises(AutograderError, match=r"setup.*ZeroDivisionError"):
        run_notebook(broken, notebook, student="ada", sandbox=sandbox, files={}, limits=LIMITS)


ANSWERS: dict[str, dict[str, str]] = {
    "right": {},
    "wrong": {
        "scale": "def scale(self, x, factor=1):\n    return x\nModel.scale = scale",
        "total": "def total(numbers):\n    return numbers[5]",
    },
    "half": {
        "total": "def total(numbers):\n    return sum(numbers) if len(numbers) else -1",
        "why": "Why tanh?",
    },
    "broken": {"scale": "def scale(self, x, factor=1):\n    return (x"},
}

STOCK = {
    "sanitize_preprocessors": [
        *("ClearOutput", "DeduplicateIds", "OverwriteKernelspec"),
        *("OverwriteCells", "CheckCellMetadata"),
    ],
    "autograde_preprocessors": [
        *("Execute", "IgnorePattern", "LimitOutput"),
        *("SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata"),
    ],
}


def _config(root: Path) -> Config:
    config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    return config


def _autograde(root: Path, *, stock: bool) -> None:
    """What formgrader's button and `nbgrader autograde` do."""
    config = _config(root)
    if stock:
        for name, steps in STOCK.items():
            config.Autograde[name] = [f"nbgrader.preprocessors.{step}" for step in steps]
        config.Execute.skip_cells_with_tag = "demonstration"
        config.Autograde.pre_convert_hook = None
    for student in ANSWERS:
        answer = NbGraderAPI(config=config).autograde("sums", student)
        assert answer["success"], answer.get("log")


def _details(classroom: Any) -> dict[str, Any]:
    """Everything that grading writes: scores, whether to look by hand, automatic comments."""
    with Gradebook(f"sqlite:///{classroom.root / 'gradebook.db'}", "unrolled") as gradebook:
        return {
            submission.student.id: (
                submission.score,
                {
                    g.name: (g.auto_score, g.needs_manual_grade)
                    for n in submission.notebooks
                    for g in n.grades
                },
                {c.name: c.auto_comment for n in submission.notebooks for c in n.comments},
            )
            for submission in gradebook.assignment_submissions("sums")
        }


@pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")  # nbgrader's own
def test_our_batch_our_preprocessor_and_plain_nbgrader_write_the_same_grades(
    classroom: Any, tmp_path: Path
) -> None:
    for student, answers in ANSWERS.items():
        classroom.hand_in(student, **answers)
    ways = {way: type(classroom)(tmp_path / way) for way in ("batch", "preprocessor", "stock")}
    for way in ways.values():
        shutil.copytree(classroom.root, way.root)
    grade_class(ways["batch"].course, Plan("sums", jobs=1), list(ANSWERS), lambda *_: None)
    _autograde(ways["preprocessor"].root, stock=False)
    _autograde(ways["stock"].root, stock=True)
    graded = {way: _details(room) for way, room in ways.items()}
    assert set(graded["stock"]) == set(ANSWERS)
    assert graded["stock"]["right"][0] == 10
    assert graded["batch"] == graded["stock"]
    assert graded["preprocessor"] == graded["stock"]
    record = ways["preprocessor"].graded("wrong").metadata[METADATA_KEY]
    assert record["tests"] == ways["batch"].graded("wrong").metadata[METADATA_KEY]["tests"]
    for secret in ("_expected_scale", "HIDDEN TESTS"):
        for way in ("batch", "preprocessor"):
            assert secret not in (ways[way].root / "autograded/wrong/sums/sums.ipynb").read_text()


def test_formgraders_button_leaves_no_old_score_when_a_regrade_fails(classroom: Any) -> None:
    classroom.hand_in("ada")
    grade_class(classroom.course, Plan("sums", jobs=1), ["ada"], lambda *_: None)
    assert classroom.scores()["ada"]["total-values"] == 2
    classroom.hand_in_file("ada", b"{")
    answer = NbGraderAPI(config=_config(classroom.root)).autograde("sums", "ada", force=True)
    assert not answer["success"]
    assert set(classroom.scores()["ada"].values()) == {None}
    assert "could not finish" in _details(classroom)["ada"][2]["scale"]
