"""The wheel that students install holds gtnlab and nothing else, and works by itself."""

from __future__ import annotations

import ast
import itertools
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


def test_the_wheel_holds_the_modules_and_its_own_description_only(wheel: dict[str, bytes]) -> None:
    parts = [(ROOT / "gtnlab").rglob(f"*.{kind}") for kind in ("py", "js", "css")]
    modules = {path.relative_to(ROOT).as_posix() for path in itertools.chain(*parts)}
    assert {name for name in wheel if ".dist-info/" not in name} == modules
    assert all(wheel[name] == (ROOT / name).read_bytes() for name in modules)


def test_the_wheel_asks_for_nothing_that_only_staff_need() -> None:
    student = tomllib.loads((ROOT / "gtnlab" / "pyproject.toml").read_text())["project"]
    staff = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {name_of(requirement) for requirement in student["dependencies"]}
    assert not asked & {"nbgrader", "mlflow", "distributed", "jupyter", "pyseccomp", "nbval"}
    assert student["scripts"] == {"gtnlab": staff["scripts"]["gtnlab"]}
    assert student["optional-dependencies"] == {"track": ["mlflow"], "cluster": ["distributed"]}


def test_the_wheel_declares_every_package_that_its_modules_import() -> None:
    project = tomllib.loads((ROOT / "gtnlab" / "pyproject.toml").read_text())["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    declared = {name_of(requirement) for requirement in [*project["dependencies"], *extras]}
    called = {"sklearn": "scikit-learn", "PIL": "pillow"}
    # MLflow brings SQLAlchemy, which is imported with it only; IPython comes with ipywidgets.
    brought = {"sqlalchemy", "IPython", "gtnlab"}
    for path in (ROOT / "gtnlab").rglob("*.py"):
        for name in imports_of(path) - set(sys.stdlib_module_names) - brought:
            assert called.get(name, name) in declared, f"{path.name} imports {name}"


def test_the_unpacked_wheel_runs_away_from_the_course(
    wheel: dict[str, bytes], tmp_path: Path
) -> None:
    for name, content in wheel.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    # -S leaves out the editable install of the course; its libraries come back by path.
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    found = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            "import gtnlab.cli as c; print(c.__file__); c.app(['--help'])",
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
