"""`autograder init`: an existing nbgrader course takes on this grader."""

from __future__ import annotations

from pathlib import Path

from traitlets.config import Config

from authoring.config import CONFIG_FILE
from autograder.errors import AutograderError
from autograder.options import read_config
from autograder.settings import LINES, grade_in_sandbox


def lines_to_add(root: Path) -> str:
    """What the course's configuration still needs; empty where it has it all.

    Raises:
        AutograderError: the configuration cannot be read, or sets itself what the lines would set.
    """
    path = root / CONFIG_FILE
    if not path.is_file():
        return f"c = get_config()\n\n{LINES}"
    config, wanted = read_config(root), Config()
    grade_in_sandbox(wanted)
    clashing, complete = [], True
    for section, options in wanted.items():
        theirs = config[section]
        clashing += [
            f"c.{section}.{name}" for name, our in options.items() if theirs.get(name, our) != our
        ]
        complete = complete and options.keys() <= theirs.keys()
    if clashing:
        raise AutograderError(
            f"{path} already sets {', '.join(clashing)}. Nothing was changed. Take these lines "
            "out, or merge them by hand with what autograder/settings.py sets."
        )
    return "" if complete else LINES


def add_lines(root: Path, lines: str) -> None:
    """Add lines to the end of the course's configuration, if it can be read with them.

    Raises:
        AutograderError: it cannot; the file is as it was.
    """
    path = root / CONFIG_FILE
    before = path.read_text() if path.is_file() else ""
    path.write_text(f"{before.rstrip()}\n\n{lines}" if before.strip() else lines)
    try:
        read_config(root)
    except AutograderError:
        path.write_text(before) if before else path.unlink()
        raise
