"""The pip and conda descriptions of the environment name the same direct dependencies."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def name(requirement: str) -> str:
    return re.split(r"[=<>~!\[; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def pip_requirements() -> list[str]:
    """Of the core and of the lab."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["lab"]]


def pip_names() -> set[str]:
    return {name(requirement) for requirement in pip_requirements()}


def conda_requirements() -> list[str]:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    nested = [inner for entry in listed if isinstance(entry, dict) for inner in entry["pip"]]
    return [entry for entry in listed if isinstance(entry, str)] + nested


def test_environment_yml_and_pyproject_name_the_same_packages() -> None:
    conda_names = {name(requirement) for requirement in conda_requirements()} - {"python", "pip"}
    assert conda_names == pip_names()


def test_the_packages_that_the_course_promises_are_direct_dependencies() -> None:
    promised = "jupyter nbgrader numpy torch torchvision higher matplotlib ipywidgets nbval"
    assert set(promised.split()) <= pip_names()


def test_every_direct_dependency_is_pinned_in_the_lock() -> None:
    pinned = {
        name(line)
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line and not line.startswith((" ", "#"))
    }
    assert pip_names() <= pinned


def test_the_lock_pins_every_line_to_one_version() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    requirements = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert requirements
    assert [line for line in requirements if "==" not in line] == []


def test_versions_that_both_files_fix_agree() -> None:
    fixed = {name(r): r.split("==")[1] for r in pip_requirements() if "==" in r}
    conda = {name(r): re.split("=+", r)[1] for r in conda_requirements() if re.search(r"[^<>]=", r)}
    conda.pop("python", None)
    assert conda == fixed


def test_the_core_does_without_the_heavy_packages_of_the_lab() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    core = {name(requirement) for requirement in project["dependencies"]}
    assert not core & {"torch", "torchvision", "higher", "mlflow", "scikit-learn", "distributed"}
