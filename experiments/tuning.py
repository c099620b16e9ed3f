"""Settings that were tried for the recorded runs, and how far each got on training digits."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gtnlab.errors import GtnError
from gtnlab.files import written_whole

__all__ = ["Progress", "Trial", "load_trials", "save_trials"]

FILE = "tuning.json"


@dataclass(frozen=True)
class Progress:
    """Where a run stood, as a mean over the outer steps up to ``outer_steps``."""

    outer_steps: int
    outer_loss: float
    accuracy: float
    """On batches of real training digits, 0 to 1; the test set was not looked at."""


@dataclass(frozen=True)
class Trial:
    """One short run of a preset with some settings changed."""

    name: str
    experiment: str
    settings: Mapping[str, Any]
    """What differs from the preset: fields of ``ExperimentConfig``."""
    reached: Sequence[Progress]
    """Earliest first; the last is the end of the run."""


def load_trials(folder: Path) -> list[Trial]:
    """The trials recorded in ``folder/tuning.json``; none if there is no such file.

    Raises:
        GtnError: the file is damaged or of another kind.
    """
    path = folder / FILE
    if not path.is_file():
        return []
    try:
        return [
            Trial(
                each["name"],
                each["experiment"],
                dict(each["settings"]),
                [Progress(**progress) for progress in each["reached"]],
            )
            for each in json.loads(path.read_text())
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise GtnError(
            f"{path} is not a readable list of trials ({error}): take a fresh copy, or delete it."
        ) from error


def save_trials(trials: Sequence[Trial], path: Path) -> None:
    """Write what :func:`load_trials` reads.

    Raises:
        GtnError: the disk is full or the folder cannot be written to.
    """
    rows = [dataclasses.asdict(trial) for trial in trials]
    with written_whole(path) as scratch:
        scratch.write_text(json.dumps(rows, indent=1) + "\n")
