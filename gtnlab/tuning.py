"""Settings that were tried before a recorded run, and how far each got on training digits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gtnlab.errors import GtnError

__all__ = ["Progress", "Trial", "load_trials"]

FILE = "tuning.json"


@dataclass(frozen=True)
class Progress:
    """Where a run stood, as a mean over some logged outer steps up to ``outer_steps``."""

    outer_steps: int
    outer_loss: float
    accuracy: float
    """On batches of real training digits, 0 to 1; the test set was not looked at."""


@dataclass(frozen=True)
class Trial:
    """One short run: its settings, early and when it was stopped."""

    experiment: str
    settings: Mapping[str, Any]
    early: Progress
    late: Progress


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
                each["experiment"],
                dict(each["settings"]),
                Progress(**each["early"]),
                Progress(**each["late"]),
            )
            for each in json.loads(path.read_text())
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise GtnError(
            f"{path} is not a readable list of trials ({error}): take a fresh copy, or delete it."
        ) from error
