"""What can go wrong between grader and sandbox. Both ends use it, so it imports nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

EndKind = Literal["timeout", "memory", "exit", "output", "protocol"]


class WireError(Exception):
    """A value that cannot cross, or bytes that are not a well-formed frame."""


class TooLarge(WireError):
    """A value or a frame over one of the caps."""


class StudentError(Exception):
    """The student's code raised an exception.

    Attributes:
        module: the module of the exception's class.
        values: its arguments, as far as they are numbers and strings.
        raised: a handle to the exception, where its class is one of the student's own.
        token: number of the exception that a function of the grader's raised, if it is that one.
        printed: (stream, text) of what was printed before.
    """

    def __init__(
        self,
        ename: str,
        evalue: str,
        traceback: str,
        *,
        module: str = "builtins",
        values: tuple[Any, ...] = (),
        raised: Any = None,
        token: int | None = None,
        printed: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(f"{ename}: {evalue}")
        self.ename = ename
        self.evalue = evalue
        self.traceback = traceback
        self.module = module
        self.values = values
        self.raised = raised
        self.token = token
        self.printed = printed


class ProcessEnded(Exception):
    """The student's process ended; `reason` says why in plain words."""

    def __init__(self, kind: EndKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
