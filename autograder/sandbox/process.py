"""The student's process as the grader sees it: one submission's interpreter, and how it ends."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from autograder.protocol import wire
from autograder.protocol.channel import Channel, ChannelClosed
from autograder.protocol.errors import EndKind, ProcessEnded, StudentError, TooLarge, WireError
from autograder.protocol.limits import Limits
from autograder.protocol.values import Refer, Resolve
from autograder.sandbox.bubblewrap import SandboxUnavailable

START_SECONDS = 60.0


@dataclass(frozen=True)
class CellResult:
    """What running one cell gave."""

    outputs: list[dict[str, Any]]
    """nbformat outputs as the child claims them, capped by its own end; a raised exception is one
    of type `error`. `presentation.presentable` makes them fit to be shown."""
    ok: bool


@dataclass(frozen=True)
class CallResult:
    """What calling an export gave, as its process claims.

    Attributes:
        args, kwargs: the arguments as the call left them, so that side effects show.
        printed: stream ("stdout" or "stderr") and text of what it printed.
        number: which question of its process this answers.
        left: what the call left behind; see `sandbox/inside/effects.py`.
    """

    value: Any
    args: list[Any]
    kwargs: dict[str, Any]
    printed: Sequence[tuple[str, str]] = ()
    number: int = 0
    left: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """The exception that ended a test, or the control that did not hold.

    Attributes:
        line: its place in the test, where there is one.
        error: the exception itself, where it was raised in the grader.
    """

    name: str
    message: str
    student_traceback: str = ""
    line: int | None = None
    error: Exception | None = None


@dataclass(frozen=True)
class TestRun:
    """What running a test gave, here or beside the student's code, as the process claims.

    Attributes:
        value: what the last line of the test gives; there, where that is a number.
        printed: stream and text of what was printed meanwhile.
    """

    __test__ = False  # not a pytest class

    value: Any
    failure: Failure | None
    printed: Sequence[tuple[str, str]]


class Peer:
    """What the grader's end makes of references; this one knows none.

    Attributes:
        shared: names of the notebook's classes whose objects cross as data.
    """

    shared: Collection[str] = ()
    refer: Refer | None = None
    resolve: Resolve | None = None

    def called(self, token: int, args: Any, kwargs: Any) -> dict[str, Any]:
        """The answer to the sandbox calling the grader's thing `token`; WireError for none."""
        raise WireError("it calls a function of the grader's that it was not given")


NO_PEER = Peer()


class StudentProcess:
    """One submission's interpreter in the sandbox. Made by `Sandbox.start`.

    Every question raises ProcessEnded where the process was too slow, used too much memory, exited
    or broke the protocol, then or before.
    """

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
        """Run a cell as a notebook would; an exception makes `ok` false."""
        with self._answer("cell", self._limits.cell_seconds, {"source": source}) as answer:
            outputs = _of_type(list, answer["outputs"], "the outputs")
            return CellResult(outputs, answer["ok"] is True)

    def call(
        self,
        export: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        peer: Peer = NO_PEER,
    ) -> CallResult:
        """Call a function of the student's by its dotted name, such as "RNN.bptt".

        Args:
            export: that name, or one of the operations that handles use, such as "@getattr".
            peer: what handles and the grader's own functions mean.

        Raises:
            StudentError: it raised, or returned what cannot cross.
            WireError: the arguments cannot cross.
        """
        named = dict(kwargs or {})
        request = {"export": export, "args": list(args), "kwargs": named, "errstate": np.geterr()}
        seconds = self._limits.call_seconds
        with self._answer("call", seconds, request, peer, f"call of {export}") as answer:
            printed = _printed(answer.get("printed", ()))
            if "error" in answer:
                error = answer["error"]
                raise StudentError(
                    *_told(error),
                    module=_text(error.get("module", "")),
                    values=tuple(error.get("args", ())),
                    raised=answer["raised"],
                    token=error.get("token"),
                    printed=printed,
                )
            after = _of_type(list, answer["args"], "the arguments")
            named_after = _of_type(dict, answer["kwargs"], "the named arguments")
            if len(after) != len(args) or named_after.keys() != named.keys():
                raise KeyError("the answer has other arguments than the call")
            left = _of_type(dict, answer.get("left", {}), "what the call left behind")
            return CallResult(answer["value"], after, named_after, printed, answer["number"], left)

    def fetch(self, names: Sequence[str], peer: Peer = NO_PEER) -> dict[str, Any]:
        """What the student's names are bound to; a WireError for one that cannot cross."""
        request, seconds = {"names": list(names)}, self._limits.call_seconds
        with self._answer("fetch", seconds, request, peer, "fetching of names") as answer:
            found = answer["found"]
            if not found.keys() <= set(names):
                raise KeyError("the answer has other names than the question")
            return {
                name: wire.decode(frame, resolve=peer.resolve)
                if isinstance(frame, bytes)
                else WireError(_text(frame))
                for name, frame in found.items()
            }

    def run_test(self, test: Mapping[str, Any]) -> TestRun:
        """Run a test, told as the fields of `controls.InsideTest`, beside the student's code."""
        request = {"test": dict(test)}
        with self._answer("test", self._limits.cell_seconds, request) as answer:
            value = _of_type((bool, float, type(None)), answer["value"], "the test's value")
            failure = None
            if control := _text(answer["control"]):
                words = f"No points, because the test could not be trusted: {control}"
                failure = Failure("ControlFailed", words)
            elif (error := answer["error"]) is not None:
                line = error["line"] if type(error["line"]) is int else None
                failure = Failure(*_told(error), line)
            return TestRun(value, failure, _printed(answer["printed"]))

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
        with self._exchange("start", START_SECONDS) as deadline:
            error = self._channel.receive(deadline)["error"]
            if error is not None:
                raise SandboxUnavailable(f"a submission could not be confined: {_text(error)}")
        if files:
            request = {"files": dict(files)}
            with self._answer("files", START_SECONDS, request, what="start") as answer:
                if "error" in answer:
                    room, why = _size(self._limits.disk_bytes), _text(answer["error"])
                    raise self._end_as("memory", f"its files did not fit into {room}: {why}")

    @contextmanager
    def _answer(
        self,
        operation: str,
        seconds: float,
        request: Mapping[str, Any],
        peer: Peer = NO_PEER,
        what: str = "",
    ) -> Iterator[dict[str, Any]]:
        """Ask the process; one that gives an answer the caller cannot read is ended, too.

        Args:
            what: the operation as a message names it, where its own name would not do.
        """
        if self._ended is not None:
            raise self._ended
        self._number += 1
        number = self._number
        about = {"number": number, "op": operation, "handles": peer.resolve is not None}
        # what cannot cross is the caller's mistake: the process goes on
        frame = wire.encode({**about, "shared": list(peer.shared), **request}, refer=peer.refer)
        with self._exchange(what or operation, seconds) as deadline:
            self._channel.send(frame, deadline)
            while True:
                answer = self._channel.receive(deadline, resolve=peer.resolve)
                if not isinstance(answer, dict):
                    raise WireError("it gave no answer")
                if "callback" not in answer:
                    break
                reply = peer.called(answer["callback"], answer["args"], answer["kwargs"])
                if self._ended is not None:
                    raise self._ended
                self._channel.send(wire.encode(reply, refer=peer.refer), deadline)
            if answer.get("number") != number:
                raise WireError("it answered another question than the one asked")
            yield answer

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


def _of_type(kind: type | tuple[type, ...], value: Any, what: str) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{what} in the answer cannot be a {type(value).__name__}")
    return value


def _text(value: Any) -> str:
    return str(_of_type(str, value, "a text"))[:20_000]


def _told(error: Any) -> tuple[str, str, str]:
    """Name, message and traceback of an exception."""
    return _text(error["ename"]), _text(error["evalue"]), _text(error["traceback"])


def _printed(told: Any) -> list[tuple[str, str]]:
    return [(_text(stream), _text(text)) for stream, text in told]
