"""Files written so that a crash never leaves half of one, and explained where they are damaged."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from gtnlab.errors import GtnError

__all__ = ["explained", "written_whole"]


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


@contextlib.contextmanager
def explained(path: Path, what: str, advice: str) -> Iterator[None]:
    """Say of a file of ours that cannot be read what it is not, and what to do.

    Raises:
        GtnError: what is read in this context is missing, damaged or of another kind.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise GtnError(f"{path} is {what} ({error}): {advice}.") from error
