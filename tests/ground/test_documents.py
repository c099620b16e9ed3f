"""The documents name files that are there, and commands that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from nbgrader.apps import NbGraderApp
from traitlets import import_item

import authoring.cli
import autograder.cli
import gtnlab.cli
from authoring.release import SelectExercises
from autograder.exchange.exporters import CanvasExport, MoodleExport

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *("README.md", "CONTRIBUTING.md", "SECURITY.md"),
    *(f"docs/{name}.md" for name in ("architecture", "own-assignment", "teaching", "measurements")),
    *("deploy/hub/README.md", "deploy/bundle/README.md"),
]
# What a command makes, or what only a release, a class or a student's folder has.
MADE = (
    "bundle/", "submitted/", "autograded/", "feedback/", "reports/", "data/MNIST", "demo/",
    "runs/", ".venv", "grades.csv", "gradebook.db", "penalty.py", "/srv/",
)  # fmt: skip


def tracked() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    return subprocess.check_output(command, cwd=ROOT, text=True).splitlines()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text()
    named = set(re.findall(r"[\w./-]+\.(?:py|md|toml|ipynb|js|j2|yml|lock|png|sh)\b", text))
    files = tracked()
    missing = [
        name
        for name in sorted(each.removeprefix("../") for each in named)
        if not name.startswith(MADE)
        and not any(file == name or file.endswith(f"/{name}") for file in files)
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\(([^)#\s]+)\)", path.read_text())
    assert [to for to in links if "://" not in to and not (path.parent / to).exists()] == []


OURS = {"authoring": authoring.cli.app, "autograder": autograder.cli.app, "gtnlab": gtnlab.cli.app}
CONFIGURABLE = {kind.__name__: kind for kind in (CanvasExport, MoodleExport, SelectExercises)}


def commands_in(text: str) -> Iterator[str]:
    """Commands of this course and of nbgrader, in code blocks and between backticks."""
    block = re.compile(r"```\w*\n(.*?)```", re.DOTALL)
    lines = "\n".join(block.findall(text)).replace("\\\n", " ").splitlines()
    for line in [*lines, *re.findall(r"`([^`]+)`", block.sub("", text))]:
        for command in re.split(r" && |; ", line.strip().removeprefix("$ ")):
            if re.match(rf"(?:{'|'.join(OURS)}|nbgrader) [a-z…-]", command):
                yield " ".join(command.split())


def fault_of(command: str) -> str:
    """Why a command cannot be typed as it stands; empty where it can."""
    program, *words = shlex.split(command, comments=True)
    return _fault_of_nbgrader(words) if program == "nbgrader" else _fault_of_ours(program, words)


def _fault_of_ours(program: str, words: list[str]) -> str:
    group: Any = typer.main.get_command(OURS[program])
    if words[0] == "…":
        return ""
    if (command := group.commands.get(words[0])) is None:
        return f"no command {words[0]}"
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    given = [word.split("=")[0] for word in words if word.startswith("-")]
    return ", ".join(f"no option {name}" for name in given if name not in known | {"--help"})


def _fault_of_nbgrader(words: list[str]) -> str:
    app: Any = NbGraderApp()
    while words and words[0] in app.subcommands:
        found = app.subcommands[words.pop(0)][0]
        app = (import_item(found) if isinstance(found, str) else found)()
    if app.subcommands and words[0] != "…":
        return f"no command {words[0]}"
    keys = (*app.aliases, *app.flags)
    known = {name for key in keys for name in ((key,) if isinstance(key, str) else key)}
    for option in (word[2:].split("=")[0] for word in words if word.startswith("--")):
        kind, _, trait = option.partition(".")
        if option not in known and not (trait and CONFIGURABLE[kind].class_traits().get(trait)):
            return f"no option --{option}"
    return ""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_that_a_document_names_can_be_typed(document: str) -> None:
    commands = set(commands_in((ROOT / document).read_text()))
    assert {command: fault for command in sorted(commands) if (fault := fault_of(command))} == {}


def test_the_page_for_instructors_names_their_commands() -> None:
    named = {command.split()[1] for command in commands_in((ROOT / "docs/teaching.md").read_text())}
    theirs = "release bundle audit collect grade feedback return export"
    assert named >= set(theirs.split())
