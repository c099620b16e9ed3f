"""The students' zip holds what they need, the same bytes every time, and nothing secret."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from small_course import NOTEBOOK, ROOT, cell, edited
from typer.testing import CliRunner

from authoring.bundle import build_bundle
from authoring.cli import app
from authoring.course import Course
from authoring.errors import AuthoringError
from authoring.release import build_release


@pytest.fixture
def ready(course: Course) -> Course:
    """The small course with everything that a bundle is made from."""
    build_release(course, "numbers", output=course.release)
    shutil.copytree(ROOT / "deploy" / "bundle", course.root / "deploy" / "bundle")
    (course.root / "requirements.lock").write_text("# by uv\nnumpy==2.4.6\n    # via torch\n")
    curricula = course.root / "data" / "curricula"
    curricula.mkdir(parents=True)
    (curricula / "class_learned.npz").write_bytes(b"PK\x03\x04 arrays \xff")
    return course


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "hand-out" / "students.zip"


def test_the_zip_holds_notebooks_wheel_curricula_and_how_to_start(ready: Course, out: Path) -> None:
    build_bundle(ready, out)
    with zipfile.ZipFile(out) as bundle:
        names = {name.removeprefix("course-students/") for name in bundle.namelist()}
        requirements = bundle.read("course-students/requirements.txt").decode().splitlines()
        constraints = bundle.read("course-students/constraints.txt").decode().splitlines()
        wheel = zipfile.ZipFile(
            io.BytesIO(bundle.read("course-students/gtnlab-1-py3-none-any.whl"))
        )
    assert names == {
        *("README.md", "environment.yml", "requirements.txt", "constraints.txt"),
        *("gtnlab-1-py3-none-any.whl", "data/curricula/class_learned.npz"),
        *("numbers/numbers.ipynb", "numbers/table.txt"),
    }
    assert requirements[1:] == [
        *("-c constraints.txt", "./gtnlab-1-py3-none-any.whl", "jupyterlab", "notebook")
    ]
    assert constraints[1:] == ["numpy==2.4.6"]
    assert {"gtnlab/__init__.py", "gtnlab-1.dist-info/RECORD"} <= set(wheel.namelist())


def test_the_same_files_give_the_same_bytes_whenever_they_were_written(
    ready: Course, out: Path
) -> None:
    build_bundle(ready, out)
    first = out.read_bytes()
    for path in ready.root.rglob("*"):
        os.utime(path, (10**9, 10**9))
    build_bundle(ready, out)
    assert out.read_bytes() == first
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_a_release_that_its_source_no_longer_makes_is_refused(ready: Course, out: Path) -> None:
    build_bundle(ready, out)
    before = out.read_bytes()
    with edited(ready.source / NOTEBOOK) as notebook:
        cell(notebook, "title").source = "# Numerals"
    with pytest.raises(AuthoringError, match=r"numbers\.ipynb, .*Run 'authoring release numbers'"):
        build_bundle(ready, out)
    assert out.read_bytes() == before


def test_a_release_that_is_missing_is_refused(ready: Course, out: Path) -> None:
    shutil.rmtree(ready.release)
    with pytest.raises(AuthoringError, match=r"is missing\. Run 'authoring release numbers'"):
        build_bundle(ready, out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("gtnlab/__init__.py", "total += amount\n", "gtnlab-1-py3-none-any.whl/gtnlab/__init__.py"),
        ("deploy/bundle/README.md", "assert Model().double(7) == 14", "README.md"),
        ("data/curricula/notes.txt", "You squared the number instead of doubling it.", "notes.txt"),
        ("data/curricula/misconceptions.toml", "", "must stay in source"),
    ],
    ids=["solution line in the wheel", "hidden test", "misconception", "secret file"],
)
def test_a_secret_anywhere_in_the_zip_is_refused(
    ready: Course, out: Path, file: str, text: str, says: str
) -> None:
    (ready.root / file).write_text(text)
    with pytest.raises(AuthoringError, match="nothing was bundled") as refused:
        build_bundle(ready, out)
    assert says in str(refused.value)
    assert not out.exists()


def test_without_curricula_nothing_is_bundled(ready: Course, out: Path) -> None:
    shutil.rmtree(ready.root / "data" / "curricula")
    with pytest.raises(AuthoringError, match=r"data/curricula holds no recorded curriculum"):
        build_bundle(ready, out)


def test_the_command_says_what_it_wrote_and_how_large(
    ready: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ready.root)
    done = CliRunner().invoke(app, ["bundle"])
    assert done.exit_code == 0, done.output
    assert done.output == "bundle/course-students.zip: 8 files, 0.0 MB\n"
    (ready.release / "numbers" / "table.txt").write_text("3 9\n")
    refused = CliRunner().invoke(app, ["bundle"])
    assert refused.exit_code == 1
    assert "release/numbers/table.txt: differs from what the source makes" in refused.output
