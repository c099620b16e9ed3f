"""The folder of a graded submission, exchanged as a whole."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def notebook_file(notebook: Mapping[str, Any]) -> bytes:
    """A notebook as the bytes of its file.

    On one line: nobody reads or compares these, and Python lays JSON out ten times slower.
    Half a surrogate pair, which a student's message may hold, becomes a question mark.
    """
    return json.dumps(notebook, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def exchange(folder: Path, files: Mapping[str, bytes], mode: int) -> None:
    """Put `folder` in place with exactly these files.

    The new folder is complete before the old one goes, so whoever is killed in between leaves the
    old one, none, or the new one.

    Args:
        files: relative path to contents.
        mode: permissions of the files.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left_over in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(left_over)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    new = scratch / "new"
    new.mkdir()
    for path, data in files.items():
        target = new / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(mode)
    if os.path.lexists(folder):
        folder.rename(scratch / "old")
    new.rename(folder)
    shutil.rmtree(scratch)
