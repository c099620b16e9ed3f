"""The one exception family of the autograder that a person may see, and how commands show it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class AutograderError(Exception):
    """Grading could not do what was asked; the message says what to do about it."""


@contextmanager
def failing_with_a_sentence(program: str = "autograder") -> Iterator[None]:
    """End the command with status 1 and the message of an `AutograderError`, not a traceback."""
    try:
        yield
    except AutograderError as error:
        print(f"{program}: {error}", file=sys.stderr)
        raise SystemExit(1) from error
