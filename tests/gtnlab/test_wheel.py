"""The wheel that students install holds gtnlab and nothing else, and works by itself."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from authoring.wheel import wheel_files

ROOT = Path(__file__).resolve().parents[2]


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9_.-]+", requirement)
    assert found is not None
    return found.group().lower()


def imports_of(module: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.fixture(scope="module")
def wheel() -> dict[str, bytes]:
    return wheel_files(ROOT)


MODULES = {
    "": {
        "__init__", "checkpointing", "cli", "console", "curriculum", "digits", "errors",
        "experiments", "files", "gradient_check", "inner_loop", "learner", "provenance", "rates",
        "teacher",
    },
    "evaluation": {
        "__init__", "architecture_search", "baselines", "full_training", "judging", "published",
        "report", "results",
    },
    "explorer": {
        "__init__", "frames", "live", "panel", "picture", "playback", "recordings",
        "stage", "static_page", "viewer",
    },
    "training": {
        "__init__", "checkpoint", "meta_training", "outer_loop", "outer_loss", "recording", "run",
        "snapshots",
    },
}  # fmt: skip
PAGE = {"curve.js", "explorer.css", "stage.js", "static_page.js"}


def test_the_wheel_holds_what_the_lab_needs_and_no_more(wheel: dict[str, bytes]) -> None:
    modules = {
        str(Path("gtnlab", room, f"{name}.py")) for room, names in MODULES.items() for name in names
    }
    page = {f"gtnlab/explorer/{name}" for name in PAGE}
    assert {name for name in wheel if ".dist-info/" not in name} == modules | page
    assert all(wheel[name] == (ROOT / name).read_bytes() for name in modules | page)


def test_the_wheel_depends_on_what_its_modules_import_and_no_more() -> None:
    student = tomllib.loads((ROOT / "gtnlab" / "pyproject.toml").read_text())["project"]
    staff = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    called = {"sklearn": "scikit-learn", "PIL": "pillow"}
    # IPython comes with ipywidgets.
    known = {*sys.stdlib_module_names, "IPython", "gtnlab"}
    imported = {
        called.get(name, name)
        for path in (ROOT / "gtnlab").rglob("*.py")
        for name in imports_of(path) - known
    }
    assert {name_of(requirement) for requirement in student["dependencies"]} == imported
    assert "optional-dependencies" not in student
    assert student["scripts"] == {"gtnlab": staff["scripts"]["gtnlab"]}


def test_the_unpacked_wheel_runs_away_from_the_course(
    wheel: dict[str, bytes], tmp_path: Path
) -> None:
    for name, content in wheel.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    # The course's own entry points are not a student's.
    code = (
        "import importlib.metadata as metadata; metadata.entry_points = lambda **_: (); "
        "import gtnlab.cli as c; print(c.__file__); c.app(['--help'])"
    )
    # -S leaves out the editable install of the course; its libraries come back by path.
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    found = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            code,
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *libraries])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(str(tmp_path))
    assert "train" in found.stdout
