"""The student's process as the grader sees it: one submission's interpreter, and how it ends."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from autograder.protocol import wire
from autograder.protocol.channel import Channel, ChannelClosed
from autograder.protocol.errors import EndKind, ProcessEnded, StudentError, TooLarge, WireError
from autograder.protocol.limits import Limits
from autograder.sandbox.bubblewrap import SandboxUnavailable

_START_SECONDS = 60.0


@dataclass(frozen=True)
class CellResult:
    """What running one cell gave."""

    outputs: list[dict[str, Any]]
    """nbformat outputs as the child claims them, capped by its own end; a raised exception is one
    of type `error`. `outputs.presentable` makes them fit to be shown."""
    ok: bool
    seconds: float


@dataclass(frozen=True)
class CallResult:
    """What calling an export gave."""

    value: Any
    args: list[Any]
    """The arguments as the call left them, so that side effects show."""
    kwargs: dict[str, Any]


class StudentProcess:
    """One submission's interpreter in the sandbox. Made by `Sandbox.start`."""

    def __init__(
        self, channel: Channel, limits: Limits, end: Callable[[StudentProcess], dict[str, Any]]
    ) -> None:
        self._channel = channel
        self._limits = limits
        self._end = end
        """Kills the process and says how it ended, if it had ended already."""
        self._ends = time.monotonic() + limits.submission_seconds
        self._number = 0
        self._ended: ProcessEnded | None = None

    def run_cell(self, source: str) -> CellResult:
        """Run a cell as a notebook would; an exception makes `ok` false.

        Raises:
            ProcessEnded: it was too slow, used too much memory, exited or broke the protocol.
        """
        started = time.monotonic()
        answer = self._ask({"op": "cell", "source": source}, self._limits.cell_seconds, "cell")
        seconds = time.monotonic() - started
        with self._exchange("cell", self._limits.cell_seconds):
            outputs = answer["outputs"]
            if not isinstance(outputs, list):
                raise TypeError("the outputs are missing from the answer")
            return CellResult(outputs, answer["ok"] is True, seconds)

    def call(
        self, export: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> CallResult:
        """Call a function of the student's by its dotted name, such as "RNN.bptt".

        Raises:
            StudentError: it raised, or returned what cannot cross.
            ProcessEnded: the process ended; see `run_cell`.
            WireError: the arguments cannot cross.
        """
        named = dict(kwargs or {})
        request = {"op": "call", "export": export, "args": list(args), "kwargs": named}
        what = f"call of {export}"
        answer = self._ask(request, self._limits.call_seconds, what)
        with self._exchange(what, self._limits.call_seconds):
            if "error" in answer:
                error = answer["error"]
                raise StudentError(*(_text(error[key]) for key in ("ename", "evalue", "traceback")))
            after, named_after = answer["args"], answer["kwargs"]
            if not isinstance(after, list) or not isinstance(named_after, dict):
                raise TypeError("the arguments are missing from the answer")
            if len(after) != len(args) or named_after.keys() != named.keys():
                raise KeyError("the answer has other arguments than the call")
            return CallResult(answer["value"], after, named_after)

    def close(self) -> None:
        """Kill the process and all that it started; nothing of them is left when this returns."""
        if self._ended is None:
            self._end_as("exit", "the submission was closed")

    def begin(self, files: Mapping[str, bytes]) -> None:
        """Wait until the process is confined, then put `files` into its working directory."""
        for name in files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{name!r} is not a name inside the submission")
        with self._exchange("start", _START_SECONDS) as deadline:
            answer = self._channel.receive(deadline)
            if answer["error"] is not None:
                raise SandboxUnavailable(
                    f"a submission could not be confined: {_text(answer['error'])}"
                )
        if files:
            request = {"op": "files", "files": dict(files)}
            answer = self._ask(request, _START_SECONDS, "start")
            if "error" in answer:
                room = _size(self._limits.disk_bytes)
                raise self._end_as(
                    "memory", f"its files did not fit into {room}: {_text(answer['error'])}"
                )

    def _ask(self, request: dict[str, Any], seconds: float, what: str) -> dict[str, Any]:
        if self._ended is not None:
            raise self._ended
        self._number += 1
        # what cannot cross is the caller's mistake: the process goes on
        frame = wire.encode({"number": self._number, **request})
        with self._exchange(what, seconds) as deadline:
            self._channel.send(frame, deadline)
            answer = self._channel.receive(deadline)
            if not isinstance(answer, dict) or answer.get("number") != self._number:
                raise WireError("it answered another question than the one asked")
            return answer

    @contextmanager
    def _exchange(self, what: str, seconds: float) -> Iterator[float]:
        """The deadline of one exchange; if anything goes wrong in it, the process is ended."""
        now = time.monotonic()
        deadline = min(now + seconds, self._ends)
        try:
            yield deadline
        except TimeoutError:
            if deadline < now + seconds:
                what, seconds = "whole submission", self._limits.submission_seconds
            raise self._end_as("timeout", f"the {what} took longer than {seconds:g} s") from None
        except ChannelClosed:
            raise self._end_as("exit", "") from None
        except TooLarge as error:
            raise self._end_as("output", f"the {what} gave back too much: {error}") from None
        except (WireError, KeyError, TypeError, AttributeError) as error:
            raise self._end_as(
                "protocol", f"the {what} tampered with the connection to the grader: {error}"
            ) from None

    def _end_as(self, kind: EndKind, reason: str) -> ProcessEnded:
        self._channel.connection.close()
        end = self._end(self)
        if end.get("verdict") == "memory":
            kind = "memory"
            reason = f"its processes together used more than {_size(self._limits.memory_bytes)}"
        elif end.get("verdict") == "gone":
            kind, reason = "exit", "the sandbox was ended from outside, not by the submission"
        elif not reason:
            kind, reason = _how_it_ended(end.get("status"))
        self._ended = ProcessEnded(kind, reason)
        return self._ended


def _how_it_ended(status: int | None) -> tuple[EndKind, str]:
    if status is None:
        return "protocol", "the code closed its connection to the grader"
    if status < 0:
        return "exit", f"the code crashed the interpreter ({signal.strsignal(-status)})"
    return "exit", f"the code ended the interpreter (exit status {status})"


def _size(count: int) -> str:
    return f"{count / (1 << 20):,.0f} MiB"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value[:20_000]
