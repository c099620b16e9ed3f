"""`nbgrader_config.py`: read, and explained where it cannot be."""

from __future__ import annotations

import traceback
from pathlib import Path

from traitlets.config import Config, PyFileConfigLoader

from authoring.errors import AuthoringError

CONFIG_FILE = "nbgrader_config.py"


def config_file(root: Path) -> Path:
    """The `nbgrader_config.py` in a folder.

    Raises:
        AuthoringError: there is none.
    """
    path = root / CONFIG_FILE
    if not path.is_file():
        raise AuthoringError(
            f"{root} is not a course: it has no {CONFIG_FILE}. Run the command at the course "
            "root, the folder that holds that file."
        )
    return path


def read_config(root: Path) -> Config:
    """What the `nbgrader_config.py` in a folder says.

    Raises:
        AuthoringError: there is none, or it cannot be read.
    """
    path = config_file(root)
    try:
        config: Config = PyFileConfigLoader(CONFIG_FILE, path=str(root)).load_config()
    except Exception as error:  # the file is Python: it may raise anything
        raise AuthoringError(
            f"{path}{_line_that_raised(error, path)}: {type(error).__name__}: {error}. "
            "The configuration cannot be read; correct it there, and run this again."
        ) from error
    return config


def _line_that_raised(error: Exception, path: Path) -> str:
    """Where in a configuration an error arose; where it imports something, where it does so."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f", line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
