"""Matplotlib inside the sandbox takes the list of fonts from outside, without private ones."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.font_manager
import pytest

from autograder.sandbox.fonts import font_lists
from autograder.sandbox.sandbox import Sandbox

NAME = f"fontlist-v{matplotlib.font_manager.FontManager.__version__}.json"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Matplotlib's cache folder, whose list has one font in the system and one at home."""
    matplotlib.font_manager.json_dump(matplotlib.font_manager.fontManager, tmp_path / NAME)
    listed = json.loads((tmp_path / NAME).read_text())
    for name, file in (("Of All", "/usr/share/fonts/all.ttf"), ("Of One", "/home/ann/one.ttf")):
        listed["ttflist"].append({**listed["ttflist"][0], "name": name, "fname": file})
    (tmp_path / NAME).write_text(json.dumps(listed))
    monkeypatch.setattr("matplotlib.get_cachedir", lambda: str(tmp_path))
    return tmp_path


def test_the_sandbox_knows_the_fonts_of_the_list_and_no_folder_outside_the_system(
    cache: Path,
) -> None:
    source = """
from matplotlib.font_manager import fontManager
print([font.name for font in fontManager.ttflist if font.name.startswith("Of ")])
print([font.fname for font in fontManager.ttflist if "/home" in font.fname])
"""
    with Sandbox(preload=["matplotlib.pyplot"]) as sandbox:
        result = sandbox.start().run_cell(source)
    assert [output["text"] for output in result.outputs] == ["['Of All']\n[]\n"]


def test_a_list_that_cannot_be_read_is_left_to_matplotlib(cache: Path) -> None:
    (cache / NAME).write_text('{"ttflist": 3}')
    (cache / "fontlist-v1.json").write_text("not JSON")
    with font_lists() as fonts:
        assert fonts == {}
