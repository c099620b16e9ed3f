"""What can go wrong between grader and sandbox. Both ends use it, so it imports nothing."""

from __future__ import annotations

from typing import Literal

EndKind = Literal["timeout", "memory", "exit", "output", "protocol"]


class WireError(Exception):
    """A value that cannot cross, or bytes that are not a well-formed frame."""


class TooLarge(WireError):
    """A value or a frame over one of the caps."""


class StudentError(Exception):
    """The student's code raised an exception."""

    def __init__(self, ename: str, evalue: str, traceback: str) -> None:
        super().__init__(f"{ename}: {evalue}")
        self.ename = ename
        self.evalue = evalue
        self.traceback = traceback


class ProcessEnded(Exception):
    """The student's process ended; `reason` says why in plain words."""

    def __init__(self, kind: EndKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
