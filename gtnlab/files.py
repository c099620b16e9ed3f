"""Files written so that a crash never leaves half of one, and explained where they are damaged."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import secrets
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gtnlab.errors import GtnError

# What Python, numpy and torch raise of a file that is missing, damaged or of another kind.
UNREADABLE = (
    OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RuntimeError,
    pickle.UnpicklingError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; it becomes ``path`` only if nothing went wrong.

    The temporary file lies in the same folder, so that the last step is one atomic rename:
    whatever was at ``path`` stays as it was until then.

    Raises:
        GtnError: the disk is full, or the folder cannot be written to.
    """
    # The suffix stays: some writers choose their format by it, others append their own.
    scratch = path.with_name(f".{path.stem}-{secrets.token_hex(4)}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield scratch
        with scratch.open("rb") as written:
            os.fsync(written.fileno())  # a full network disk may only say so here
        scratch.replace(path)
    except OSError as error:
        kept = f" The earlier {path.name} is untouched." if path.exists() else ""
        raise GtnError(
            f"{path} could not be written: {error.strerror or error}.{kept} "
            "Free some disk space or choose another folder (--out), and run again."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


def write_json(path: Path, record: Any) -> None:
    """Write plain values as JSON; see `written_whole`."""
    with written_whole(path) as scratch:
        scratch.write_text(json.dumps(record, indent=1) + "\n")


@contextlib.contextmanager
def explained(path: Path, what: str, advice: str) -> Iterator[None]:
    """Say of a file of ours that cannot be read what it is not, and what to do.

    Raises:
        GtnError: what is read in this context is missing, damaged or of another kind.
    """
    try:
        yield
    except UNREADABLE as error:
        raise GtnError(f"{path} is {what} ({error}): {advice}.") from error
