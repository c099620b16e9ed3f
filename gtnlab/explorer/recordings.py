"""The recorded curricula that come with the course: where they are, and what a file must hold."""

from __future__ import annotations

import os
from pathlib import Path

from gtnlab.errors import GtnError

MAX_BYTES = 3_000_000
"""Of one file: the course is handed out by download and kept in git."""

MAX_SNAPSHOTS = 25

PROVENANCE = (
    "config", "seed", "source", "outer_steps", "seconds", "versions", "hardware", "recorded",
    "judged", "claim",
)  # fmt: skip
"""What every file says of its origin; ``claim`` is what ``verify`` checks."""

FULL_TRAINING = "full_training.json"
"""The record of architectures after full training, in the same folder."""

SEARCH = "search.json"
"""What the family's teacher found of them, also there."""

ENVIRONMENT = "GTN_CURRICULA"
PLACES = (Path("data/curricula"), Path("curricula"), Path("course-students/data/curricula"))


def find_curricula() -> Path:
    """The folder of recorded curricula.

    That is the one named by the environment variable ``GTN_CURRICULA``; else ``data/curricula``
    in this folder or in one above it; else ``curricula``, or the students' zip unpacked as
    ``course-students``, beside the notebook.

    Raises:
        GtnError: there is none, or the named one holds no curriculum.
    """
    if named := os.environ.get(ENVIRONMENT):
        folder = Path(named)
        names(folder)
        return folder
    here = Path.cwd()
    candidates = [above / PLACES[0] for above in (here, *here.parents)]
    candidates += [here / place for place in PLACES[1:]]
    for folder in candidates:
        if folder.is_dir() and any(folder.glob("*.npz")):
            return folder
    raise GtnError(
        f"No recorded curricula were found: neither {PLACES[0]} in {here} or a folder above it, "
        f"nor {PLACES[1]} or {PLACES[2]} beside the notebook. Unpack course-students.zip here, "
        f"copy the course's data/curricula folder here, or name it in the environment variable "
        f"{ENVIRONMENT}."
    )


def names(folder: Path) -> list[str]:
    """Names of the curricula in ``folder`` (files without ``.npz``), sorted.

    Raises:
        GtnError: there is no such folder, or no curriculum in it.
    """
    found = sorted(path.stem for path in folder.glob("*.npz")) if folder.is_dir() else []
    if not found:
        raise GtnError(
            f"{folder} holds no recorded curricula (.npz). Copy the course's data/curricula there, "
            "or make some: gtnlab train class, then gtnlab publish runs/class."
        )
    return found
