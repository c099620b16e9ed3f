"""The course's configuration: read, and explained where it cannot be; `c.TrustedExecute`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Self

from traitlets import Bool, Float, Integer, TraitError
from traitlets.config import Config, Configurable

import authoring.config
from authoring.config import CONFIG_FILE
from authoring.errors import AuthoringError
from autograder.errors import AutograderError
from autograder.protocol.limits import Limits

_DEFAULT = Limits()


def read_config(root: Path) -> Config:
    """What the `nbgrader_config.py` in a folder says.

    Raises:
        AutograderError: there is none, or it cannot be read.
    """
    try:
        return authoring.config.read_config(root)
    except AuthoringError as error:
        raise AutograderError(str(error)) from error


@contextmanager
def options_explained() -> Iterator[None]:
    """Say in a sentence which option of the configuration cannot be used, and where it is set.

    Raises:
        AutograderError: traitlets refused an option in the block.
    """
    try:
        yield
    except TraitError as error:
        # "The 'ignore' trait of a CourseDirectory instance expected …", or of <its object at …>
        said = str(error).replace(GradingOptions.__name__, "TrustedExecute")
        named = re.search(r"'(\w+)' trait of (?:an? |<[\w.]+\.)(\w+)[^>]*?>? instance", said)
        option = f"c.{named[2]}.{named[1]}" if named else "an option"
        wanted = re.sub(r"^The '\w+' trait of .*? instance", "It", said)
        raise AutograderError(
            f"{CONFIG_FILE}{line_of(option)}: {option} cannot be used. {wanted.rstrip('.')}. "
            "Correct that line, and run this again."
        ) from None


def line_of(option: str) -> str:
    """Where the configuration in the present folder sets an option, if it does so in one line."""
    path = Path(CONFIG_FILE)
    lines = path.read_text().splitlines() if path.is_file() else []
    setting = re.compile(rf"\s*{re.escape(option)}\b")
    found = [number for number, line in enumerate(lines, 1) if setting.match(line)]
    return f", line {found[-1]}" if found else ""


class GradingOptions(Configurable):
    """The options of `TrustedExecute`; in a class of their own, as nbconvert is slow to import."""

    cell_seconds = Float(
        _DEFAULT.cell_seconds,
        help="Seconds that one cell may take; for a test cell, all its calls together.",
    ).tag(config=True)
    call_seconds = Float(
        _DEFAULT.call_seconds, help="Seconds that one call of a student's function may take."
    ).tag(config=True)
    submission_seconds = Float(
        _DEFAULT.submission_seconds, help="Seconds that one submission may take in all."
    ).tag(config=True)
    memory_bytes = Integer(
        _DEFAULT.memory_bytes, help="Memory of all processes of a submission together."
    ).tag(config=True)
    processes = Integer(
        _DEFAULT.processes, help="Processes and threads of a submission at a time."
    ).tag(config=True)
    output_bytes = Integer(
        _DEFAULT.output_bytes, help="Characters of output that are kept of one cell."
    ).tag(config=True)
    disk_bytes = Integer(
        _DEFAULT.disk_bytes, help="Files that a submission may write, in memory."
    ).tag(config=True)
    upload_bytes = Integer(
        20_000_000, help="Largest submission that is read, all its files together."
    ).tag(config=True)
    allow_unsandboxed = Bool(
        False,
        help="Grade without a sandbox: students' code then runs with your rights. "
        "The gradebook's comments will say so.",
    ).tag(config=True)

    @classmethod
    def of(cls, config: Config) -> Self:
        """The options that a course's configuration sets for `TrustedExecute`.

        Raises:
            AutograderError: one of them cannot be read.
        """
        with options_explained():
            return cls(config=Config({cls.__name__: config.TrustedExecute}))

    @property
    def limits(self) -> Limits:
        """The configured limits of one submission."""
        return Limits(**{limit.name: getattr(self, limit.name) for limit in fields(Limits)})
