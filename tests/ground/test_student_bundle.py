"""The students' zip, unzipped and started as its README says.

One thing is not as on a student's machine: PyTorch and the other large packages are not installed
again (minutes and gigabytes) but taken from this environment, where the same lock put them. The
course's own package comes from the zip.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from authoring.bundle import build_bundle
from authoring.course import Course
from authoring.sample_class import answers_in

ROOT = Path(__file__).resolve().parents[2]
# Of the tests' environment: a copy of MNIST, and not to fight over the cores.
SHARED = ("MNIST_ROOT", "OMP_NUM_THREADS")
PASSED = "Gradient check for parameter {} passed."

# Run by the student's Python: cells from the top to the named one, in a kernel of its own.
RUN = """
import sys, nbformat
from nbclient import NotebookClient
path, last = sys.argv[1:]
notebook = nbformat.read(path, as_version=4)
ids = [cell.id for cell in notebook.cells]
notebook.cells = notebook.cells[: ids.index(last) + 1]
beside = {"metadata": {"path": path.rsplit("/", 1)[0]}}
NotebookClient(notebook, timeout=300, resources=beside).execute()
for output in notebook.cells[-1].outputs:
    print(output.get("text", ""))
"""


@dataclass(frozen=True)
class Student:
    """A student's copy of the course and their Python."""

    folder: Path
    python: Path

    def run(self, *arguments: str, cwd: str = ".") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=self.folder / cwd,
            env={
                "HOME": str(self.folder),
                "PATH": f"{self.python.parent}:/usr/bin:/bin",
                **{name: os.environ[name] for name in SHARED if name in os.environ},
            },
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )

    def answer(self, assignment: str, name: str, answers: str) -> None:
        """Write answers from the sample class into the notebook."""
        path = ROOT / "data" / "sample-class" / assignment / answers
        given = answers_in(path.read_text(), path)
        notebook = self.folder / assignment / name
        content = json.loads(notebook.read_text())
        for cell in content["cells"]:
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
            cell["source"] = given.get(grade_id, cell["source"])
        notebook.write_text(json.dumps(content))


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Student:
    """The README's steps with pip, up to opening Jupyter."""
    home = tmp_path_factory.mktemp("student")
    build_bundle(Course.at(ROOT), home / "course-students.zip")
    with zipfile.ZipFile(home / "course-students.zip") as bundle:
        bundle.extractall(home)
    folder = home / "course-students"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    python = folder / ".venv" / "bin" / "python"
    (site,) = (folder / ".venv").glob("lib/python*/site-packages")
    # A path alone: the course's editable install there is not followed.
    (site / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--quiet", "--python", str(python), "install", "--no-deps"]
    (wheel,) = folder.glob("gtnlab-*.whl")
    subprocess.run([*pip, "--no-index", wheel], check=True)
    return Student(folder, python)


def test_the_package_behind_the_lab_comes_from_the_zip(student: Student) -> None:
    done = student.run("-c", "import gtnlab; print(gtnlab.__file__)")
    assert done.stdout.startswith(str(student.folder)), done.stdout + done.stderr
    assert "No module" in student.run("-c", "import authoring").stderr


def test_what_a_student_would_install_is_what_runs_here(student: Student) -> None:
    lines = (student.folder / "constraints.txt").read_text().splitlines()[1:]
    pins = [pin for pin in map(Requirement, lines) if not pin.marker or pin.marker.evaluate()]
    pinned = {pin.name: str(pin.specifier).removeprefix("==") for pin in pins}
    project = tomllib.loads((ROOT / "gtnlab" / "pyproject.toml").read_text())["project"]
    asked = [Requirement(each).name for each in project["dependencies"]]
    for name in [*asked, "jupyterlab", "notebook"]:
        assert version(name).split("+")[0] == pinned[name]


def test_conda_installs_pips_list(student: Student) -> None:
    asked = yaml.safe_load((student.folder / "environment.yml").read_text())["dependencies"]
    assert asked[-1] == {"pip": ["-r requirements.txt"]}


def test_the_readme_names_files_that_are_there(student: Student) -> None:
    readme = (student.folder / "README.md").read_text()
    named = re.findall(r"`([\w./-]+\.(?:ipynb|txt|yml)|data/[\w/]+)`", readme)
    assert len(named) >= 6
    assert [name for name in named if not (student.folder / name).exists()] == []


def test_the_homework_ends_with_a_gradient_check_that_passes(student: Student) -> None:
    student.answer("rnn-bptt", "rnn_bptt.ipynb", "right_loops.txt")
    done = student.run("-c", RUN, "rnn-bptt/rnn_bptt.ipynb", "bptt-gradient-check")
    assert done.returncode == 0, done.stderr
    assert [name for name in "UVW" if PASSED.format(name) not in done.stdout] == []


def test_the_lab_begins_and_its_first_gradient_check_passes(student: Student) -> None:
    student.answer("gtn-lab", "gtn_lab.ipynb", "right.txt")
    done = student.run("-c", RUN, "gtn-lab/gtn_lab.ipynb", "sgd-momentum-step-gradient-check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("passed") >= 1


def test_the_lab_finds_the_recorded_curricula(student: Student) -> None:
    code = (
        "from gtnlab.explorer.recordings import *; "
        "folder = find_curricula(); print(folder, *names(folder))"
    )
    found = student.run("-c", code, cwd="gtn-lab").stdout.split()
    assert found[0] == str(student.folder / "data" / "curricula")
    assert set(found[1:]) == {path.stem for path in (ROOT / "data/curricula").glob("*.npz")}
