"""What can go wrong between grader and sandbox. Both ends use it, so it imports nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

EndKind = Literal["timeout", "memory", "exit", "output", "protocol"]


class WireError(Exception):
    """A value that cannot cross, or bytes that are not a well-formed frame."""


class TooLarge(WireError):
    """A value or a frame over one of the caps."""


@dataclass(eq=False)
class StudentError(Exception):
    """The student's code raised an exception.

    Attributes:
        module: the module of the exception's class.
        values: its arguments, as far as they are numbers and strings.
        raised: a handle to the exception, where its class is one of the student's own.
        token: number of the exception that a function of the grader's raised, if it is that one.
        printed: (stream, text) of what was printed before.
    """

    ename: str
    evalue: str
    traceback: str
    module: str = "builtins"
    values: tuple[Any, ...] = ()
    raised: Any = None
    token: int | None = None
    printed: Sequence[tuple[str, str]] = ()

    def __str__(self) -> str:
        return f"{self.ename}: {self.evalue}"


@dataclass(eq=False)
class ProcessEnded(Exception):
    """The student's process ended; `reason` says why in plain words."""

    kind: EndKind
    reason: str

    def __str__(self) -> str:
        return self.reason
