"""What the course's configuration says about grading: `c.TrustedExecute`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Self

from traitlets import Bool, Float, Integer, TraitError
from traitlets.config import Config, Configurable, PyFileConfigLoader

from autograder.errors import AutograderError
from autograder.protocol.limits import Limits

CONFIG_FILE = "nbgrader_config.py"

_DEFAULT = Limits()


def read_config(root: Path) -> Config:
    """What the `nbgrader_config.py` in a folder says.

    Raises:
        AutograderError: there is none, or it cannot be read.
    """
    if not (root / CONFIG_FILE).is_file():
        raise AutograderError(
            f"There is no {CONFIG_FILE} in {root}. Run this at the root of the course."
        )
    try:
        config: Config = PyFileConfigLoader(CONFIG_FILE, path=str(root)).load_config()
    except Exception as error:  # the file is Python: it may raise anything
        raise AutograderError(
            f"{root / CONFIG_FILE} cannot be read: {type(error).__name__}: {error}."
        ) from error
    return config


def _line_of(option: str) -> str:
    """Where the configuration in the present folder sets an option, if it does so in one line."""
    path = Path(CONFIG_FILE)
    lines = path.read_text().splitlines() if path.is_file() else []
    found = [number for number, line in enumerate(lines, 1) if line.strip().startswith(option)]
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
        try:
            return cls(config=Config({cls.__name__: config.TrustedExecute}))
        except TraitError as error:
            said = str(error).replace(f"a {cls.__name__} instance", CONFIG_FILE)
            names = [name for name in cls.class_traits(config=True) if f"'{name}'" in said]
            option = f"c.TrustedExecute.{names[0]}" if names else "an option of c.TrustedExecute"
            raise AutograderError(
                f"{CONFIG_FILE}{_line_of(option)}: {option} cannot be used. {said}"
            ) from None

    @property
    def limits(self) -> Limits:
        """The configured limits of one submission."""
        return Limits(**{limit.name: getattr(self, limit.name) for limit in fields(Limits)})
