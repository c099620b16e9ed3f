"""The release notebooks run unchanged where students open them, and come back with full marks.

Colab stands for the barest such place: only the notebook file is there, beside what Colab
preinstalls (see `colab`). The lab's first cell fetches the students' zip from the instructor's
address, here a server on this machine. What the editors save (see `editors`) is then collected,
graded in the sandbox and given back.
"""

from __future__ import annotations

import copy
import functools
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import editors
import nbformat
import pytest
from colab import Colab, Machine
from gtnlab_fixtures import mnist_files  # noqa: F401  (a fixture)
from nbformat import NotebookNode
from smaller import HOMEWORK, LAB, smaller

from authoring.bundle import build_bundle
from authoring.course import Course as AuthoringCourse
from authoring.release import build_release
from authoring.sample_class import read_class, submit_class
from autograder.course import Course
from autograder.recording.gradebook import Gradebook

ROOT = Path(__file__).parents[2]
ZIP = "course-students.zip"
FILES = {"rnn-bptt": "rnn_bptt.ipynb", "gtn-lab": "gtn_lab.ipynb"}
SMALLER = {"rnn-bptt": HOMEWORK, "gtn-lab": LAB}
FULL_MARKS = {"rnn-bptt": 14, "gtn-lab": 17}
SAVED: dict[str, Callable[[NotebookNode], bytes]] = {
    "colab": editors.saved_by_colab,
    "vscode": editors.saved_by_vscode,
    "older-vscode": editors.saved_by_older_vscode,
    "without-marks": editors.saved_without_marks,
}


@pytest.fixture(scope="module")
def colab(tmp_path_factory: pytest.TempPathFactory) -> Colab:
    return Colab.at(tmp_path_factory.mktemp("colab") / "all")


@pytest.fixture
def machine(colab: Colab, tmp_path: Path) -> Machine:
    return colab.machine(tmp_path)


@pytest.fixture(scope="module")
def students_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("website") / ZIP
    build_bundle(AuthoringCourse.at(ROOT), path)
    return path


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """A test has no use for a log of requests."""


@pytest.fixture(scope="module")
def address(students_zip: Path) -> Iterator[str]:
    """Where the zip can be downloaded."""
    handler = functools.partial(Quiet, directory=str(students_zip.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{ZIP}"
        server.shutdown()


@pytest.fixture(scope="module")
def install_cell() -> str:
    """The source of the lab's first code cell."""
    notebook = nbformat.read(ROOT / "release" / "gtn-lab" / FILES["gtn-lab"], as_version=4)
    source: str = next(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return source


def test_nothing_can_be_imported_that_colab_does_not_have(machine: Machine) -> None:
    done = machine.run(
        "import importlib.metadata, importlib.util, torch, ipywidgets\n"
        "print(*{each.name for each in importlib.metadata.distributions()})\n"
        "ours = 'gtnlab authoring autograder experiments nbgrader higher anywidget rich'.split()\n"
        "print(*filter(importlib.util.find_spec, ours))"
    )
    names, ours = done.stdout.split("\n")[:2]
    assert len(names.split()) > 20
    assert {"torch", "requests", "scikit-learn"} <= {*names.lower().replace("_", "-").split()}
    assert ours == "", done.stdout


@pytest.mark.parametrize("beside", ["the wheel", "the zip"])
def test_the_first_cell_installs_from_what_lies_beside_the_notebook(
    machine: Machine, install_cell: str, students_zip: Path, beside: str
) -> None:
    if beside == "the zip":
        shutil.copy(students_zip, machine.content)
    else:
        with zipfile.ZipFile(students_zip) as bundle:
            (name,) = (name for name in bundle.namelist() if name.endswith(".whl"))
            (machine.content / Path(name).name).write_bytes(bundle.read(name))
    done = machine.run(
        f"{install_cell}\nimport gtnlab.inner_loop, higher, torch\n"
        "print(gtnlab.__file__, torch.__file__)"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    said, where = done.stdout.splitlines()
    assert said.startswith("The package gtnlab is missing here, so it is now installed from ")
    assert said.endswith(".whl.")
    ours, torch = where.split()
    assert ours.startswith(str(machine.content.parent / "venv"))
    assert "preinstalled" in torch, "Colab's own PyTorch was replaced"
    assert list(machine.content.rglob("*.ipynb")) == [], "a second copy of the notebooks"


def test_the_first_cell_does_nothing_where_gtnlab_is_there(install_cell: str) -> None:
    command = [sys.executable, "-c", install_cell]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize(
    ("content", "given", "says"),
    [
        (None, "", "FileNotFoundError: The package gtnlab is missing here, and there is nothing"),
        (b"PK\x03\x04 half a zip", "", f"ValueError: {ZIP} is not a complete zip file. Put"),
        (None, "http://127.0.0.1:9/a.zip", "OSError: http://127.0.0.1:9/a.zip could not be down"),
    ],
    ids=["nothing there", "half a zip", "nobody answers"],
)
def test_the_first_cell_says_what_to_do_when_it_cannot_install(
    machine: Machine, install_cell: str, content: bytes | None, given: str, says: str
) -> None:
    if content is not None:
        (machine.content / ZIP).write_bytes(content)
    line = 'STUDENTS_ZIP = ""'
    assert line in install_cell
    done = machine.run(install_cell.replace(line, f'STUDENTS_ZIP = "{given}"'))
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(says)
    assert last.endswith("and run this cell again.")


@pytest.fixture(scope="module", params=list(FILES))
def course(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, address: str
) -> tuple[Path, str]:
    """A course with one assignment released, with the address of the zip; and the assignment."""
    assignment: str = request.param
    root = tmp_path_factory.mktemp("anywhere") / "course"
    for part in (f"source/{assignment}", f"data/sample-class/{assignment}"):
        shutil.copytree(ROOT / part, root / part)
    config = (ROOT / "nbgrader_config.py").read_text()
    (root / "nbgrader_config.py").write_text(
        f"{config}\nc.SelectExercises.students_zip = {address!r}\n"
    )
    build_release(AuthoringCourse.at(root), assignment)
    return root, assignment


@pytest.fixture(scope="module")
def executed(
    course: tuple[Path, str],
    colab: Colab,
    tmp_path_factory: pytest.TempPathFactory,
    mnist_files: Path,  # noqa: F811
) -> NotebookNode:
    """The release with right answers, run in a new Colab; only its demonstrations were shorter."""
    root, assignment = course
    submit_class(AuthoringCourse.at(root), assignment)
    path = root / "submitted" / "ada" / assignment / FILES[assignment]
    notebook = nbformat.read(path, as_version=4)
    shutil.rmtree(root / "submitted")
    run = copy.deepcopy(notebook)
    for cell in run.cells:
        cell.source = smaller(cell.source, SMALLER[assignment])
    assert [cell.source for cell in run.cells] != [cell.source for cell in notebook.cells]
    machine = colab.machine(tmp_path_factory.mktemp("machine"))
    machine.execute(run, MNIST_ROOT=str(mnist_files))
    for cell, original in zip(run.cells, notebook.cells, strict=True):
        cell.source = original.source
    return run


def test_every_cell_runs_and_nothing_is_written_to_stderr_by_a_test(
    executed: NotebookNode, course: tuple[Path, str]
) -> None:
    for cell in executed.cells:
        if cell.cell_type == "code":
            assert cell.execution_count, cell.id
            if cell.metadata.get("nbgrader", {}).get("grade"):
                assert [each for each in cell.outputs if each.get("name") == "stderr"] == []
    if course[1] == "gtn-lab":
        said = next(cell.outputs[0].text for cell in executed.cells if cell.id == "install")
        assert said.count("\n") == 1
        assert "now installed from course-students/gtnlab-" in said


def test_what_every_editor_saves_is_graded_with_full_marks_and_gets_its_page(
    executed: NotebookNode, course: tuple[Path, str]
) -> None:
    root, assignment = course
    assert executed.metadata.widgets[editors.STATE]["state"], "Colab would lose nothing"
    for student, save in SAVED.items():
        folder = root / "submitted" / student / assignment
        folder.mkdir(parents=True)
        (folder / FILES[assignment]).write_bytes(save(executed))
    for command in ("grade", "feedback"):
        done = subprocess.run(
            [Path(sys.executable).with_name("autograder"), command, assignment],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    (right,) = [
        each
        for each in read_class(root / "data" / "sample-class" / assignment)
        if each.student == "ada"
    ]
    assert sum(right.expected.values()) == FULL_MARKS[assignment]
    with Gradebook.of(Course.at(root)) as gradebook:
        recorded = gradebook.recorded(assignment)
    assert recorded.keys() == SAVED.keys()
    for student, scores in recorded.items():
        assert {name: score for (_, name), score in scores.items() if score} == right.expected
        page = root / "feedback" / student / assignment / FILES[assignment]
        assert page.with_suffix(".html").is_file()
