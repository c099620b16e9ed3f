"""The documents name files that are there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md"]
# What a command makes, or what only a release, a class or a student's folder has.
MADE = (
    "bundle/", "submitted/", "autograded/", "feedback/", "reports/", "data/MNIST", "demo/",
    "runs/", ".venv", "grades.csv", "gradebook.db",
)  # fmt: skip


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return listed.stdout.splitlines()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_a_document_names_exists(document: str) -> None:
    text = (ROOT / document).read_text()
    named = set(re.findall(r"[\w./-]+\.(?:py|md|toml|ipynb|js|j2|yml|lock|png|sh)\b", text))
    named |= set(re.findall(r"\]\(([\w./-]+)\)", text))
    files = tracked()
    missing = [
        name
        for name in sorted(named)
        if not name.startswith(MADE)
        and not any(file == name or file.endswith(f"/{name}") for file in files)
    ]
    assert missing == []
