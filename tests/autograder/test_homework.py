"""The homework graded: right equations keep their points, whatever a bptt leaves behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from authoring.course import Course as AuthoringCourse
from authoring.exercises import without_any_markers
from authoring.release import build_release
from autograder.course import Course
from autograder.recording.gradebook import Gradebook
from autograder.scheduling.batch import Plan, grade_class

ROOT = Path(__file__).parents[2]
WRAPPED = """

right = RNN.bptt

def bptt(self, x, y):
{body}

RNN.bptt = bptt"""
VALUES = {
    "float32": "    return [g.astype(np.float32) for g in right(self, x, y)]",
    "longdouble": "    return [g.astype(np.longdouble) for g in right(self, x, y)]",
    "a tuple": "    return tuple(right(self, x, y))",
    "prints": "    print('bptt is called')\n    return right(self, x, y)",
}
EFFECTS = {
    "reseeds": "    np.random.seed(0)\n    return right(self, x, y)",
    "error settings": "    np.seterr(all='ignore')\n    return right(self, x, y)",
    "reused arrays": (
        "    found = right(self, x, y)\n"
        "    if getattr(bptt, 'kept', None) is None or bptt.kept[0].shape != found[0].shape:\n"
        "        bptt.kept = found\n"
        "    for mine, new in zip(bptt.kept, found):\n        mine[...] = new\n"
        "    return bptt.kept"
    ),
}
CLIPPED = "    return [np.clip(g, -1, 1) for g in right(self, x, y)]"


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float | None]]:
    """Kind of answer to what each automatic test of bptt gives."""
    root = tmp_path_factory.mktemp("homework") / "course"
    shutil.copytree(ROOT / "source" / "rnn-bptt", root / "source" / "rnn-bptt")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    build_release(AuthoringCourse.at(root), "rnn-bptt")
    source = nbformat.read(ROOT / "source" / "rnn-bptt" / "rnn_bptt.ipynb", as_version=4)
    (solution,) = (
        without_any_markers(cell.source)
        for cell in source.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "bptt"
    )
    answers = {**VALUES, **EFFECTS, "clipped": CLIPPED}
    for name, body in answers.items():
        notebook = nbformat.read(root / "release" / "rnn-bptt" / "rnn_bptt.ipynb", as_version=4)
        for cell in notebook.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "bptt":
                cell.source = solution + WRAPPED.format(body=body)
        folder = root / "submitted" / name / "rnn-bptt"
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / "rnn_bptt.ipynb")
    course = Course.at(root)
    grade_class(course, Plan("rnn-bptt"), sorted(answers), lambda *_: None)
    with Gradebook.of(course) as gradebook:
        recorded = gradebook.recorded("rnn-bptt")
    tests = ("shapes", "dLdV", "dLdU", "dLdW", "truncation", "side-effects")
    return {
        name: {test: recorded[name]["rnn_bptt", f"bptt-{test}"] for test in tests}
        for name in answers
    }


@pytest.mark.parametrize("name", VALUES)
def test_right_values_of_any_precision_get_every_point(
    scores: dict[str, dict[str, float]], name: str
) -> None:
    assert all(scores[name].values()), scores[name]


@pytest.mark.parametrize("name", EFFECTS)
def test_a_side_effect_costs_the_side_effect_test_only(
    scores: dict[str, dict[str, float]], name: str
) -> None:
    assert [test for test, got in scores[name].items() if not got] == ["side-effects"]


def test_clipped_gradients_are_no_right_values(scores: dict[str, dict[str, float]]) -> None:
    assert not all(scores["clipped"][f"dLd{which}"] for which in "UVW")
