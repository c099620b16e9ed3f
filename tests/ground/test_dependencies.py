"""The pip and conda descriptions of the environment name the same direct dependencies."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def name(requirement: str) -> str:
    return re.split(r"[=<>~!\[; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def names(requirements: Iterable[str]) -> set[str]:
    return {name(requirement) for requirement in requirements}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CORE = PROJECT["dependencies"]
PIP = [*CORE, *PROJECT["optional-dependencies"]["lab"]]
LOCKED = [
    line
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if line and not line.startswith((" ", "#"))
]


def conda_requirements() -> list[str]:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    nested = [inner for entry in listed if isinstance(entry, dict) for inner in entry["pip"]]
    return [entry for entry in listed if isinstance(entry, str)] + nested


def test_environment_yml_and_pyproject_name_the_same_packages() -> None:
    assert names(conda_requirements()) - {"python", "pip"} == names(PIP)


def test_the_packages_that_the_course_promises_are_direct_dependencies() -> None:
    promised = "jupyter nbgrader numpy torch torchvision higher matplotlib ipywidgets nbval"
    assert set(promised.split()) <= names(PIP)


def test_every_direct_dependency_is_pinned_in_the_lock() -> None:
    assert names(PIP) <= names(line for line in LOCKED if "==" in line)


def test_the_lock_pins_every_line_to_one_version() -> None:
    assert LOCKED
    assert [line for line in LOCKED if "==" not in line] == []


def test_versions_that_both_files_fix_agree() -> None:
    fixed = {name(r): r.split("==")[1] for r in PIP if "==" in r}
    conda = {name(r): re.split("=+", r)[1] for r in conda_requirements() if re.search(r"[^<>]=", r)}
    conda.pop("python", None)
    assert conda == fixed


def test_the_core_does_without_the_heavy_packages_of_the_lab() -> None:
    heavy = {"torch", "torchvision", "higher", "mlflow", "scikit-learn", "distributed"}
    assert not names(CORE) & heavy
