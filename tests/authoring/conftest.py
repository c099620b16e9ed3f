"""The small homework, and its course in a folder of its own for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from small_course import build_homework, make_course

from authoring.course import Course


@pytest.fixture(scope="session")
def empty_gradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gradebook with nothing in it: nbgrader takes seconds to make one, a copy takes none."""
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with Gradebook(f"sqlite:///{path}"):
        pass
    return path


@pytest.fixture
def homework() -> NotebookNode:
    return build_homework()


@pytest.fixture
def course(tmp_path: Path, homework: NotebookNode, empty_gradebook: Path) -> Course:
    """A course of its own in a temporary folder."""
    root = tmp_path / "course"
    root.mkdir()
    shutil.copy(empty_gradebook, root)
    return make_course(root, homework)
