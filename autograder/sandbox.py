"""The grader's end of the sandbox: start a life for a submission, run its cells, call its code.

with Zygote(Limits()) as zygote:
    child = zygote.start({"data.txt": b"..."})
    child.run_cell("import numpy as np\ndef double(x): return 2 * x")
    child.call("double", [np.arange(3)]).value  # array([0, 2, 4])
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import TracebackType
from typing import Any, Literal, Self

from autograder import syscalls, wire
from autograder.bubblewrap import SandboxUnavailable, UserMap, explain, sandboxed, zygote_arguments
from autograder.channel import Channel, ChannelClosed
from autograder.errors import AutograderError
from autograder.limits import Limits

__all__ = [
    "CallResult",
    "CellResult",
    "Child",
    "ChildDied",
    "Limits",
    "SandboxUnavailable",
    "StudentError",
    "Zygote",
]

DeathKind = Literal["timeout", "memory", "exit", "output", "protocol"]

_START_SECONDS = 60.0
_PRELOAD = ("numpy", "matplotlib.pyplot", "ipywidgets", "tqdm.auto")


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


class StudentError(AutograderError):
    """The student's code raised an exception."""

    def __init__(self, ename: str, evalue: str, traceback: str) -> None:
        super().__init__(f"{ename}: {evalue}")
        self.ename = ename
        self.evalue = evalue
        self.traceback = traceback


class ChildDied(AutograderError):
    """The life of a submission ended; `reason` says why in plain words."""

    def __init__(self, kind: DeathKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class Zygote:
    """One warm sandboxed interpreter; forks one life per submission, one at a time.

    `unsandboxed=True` is the explicit way round on a machine without a sandbox: the same
    interface, with per-process limits only. Use it from the thread that entered it, and keep that
    thread alive: the kernel ends the sandbox together with it.

    Raises SandboxUnavailable on entering, with why and what to do.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        unsandboxed: bool = False,
        preload: Sequence[str] = _PRELOAD,
    ) -> None:
        self.limits = limits or Limits()
        self.unsandboxed = unsandboxed
        self.preload = tuple(preload)
        self.seccomp = False
        """Whether the system-call filter is on; false where libseccomp is missing."""
        self._process: subprocess.Popen[bytes] | None = None
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self._launch()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self, files: Mapping[str, bytes] | None = None) -> Child:
        """A new life with `files` (relative names) in its working directory; ends the one before.

        Raises SandboxUnavailable if its walls cannot be raised, ChildDied if the files do not fit.
        """
        if self._child is not None:
            self._child.close()
        if self._process is None or self._process.poll() is not None:
            self._launch()
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b'{"op": "start"}'], [theirs.fileno()])
            self._control_reply()
        self._child = Child(self, Channel(ours))
        self._child._begin(files or {})
        return self._child

    def close(self) -> None:
        """End the zygote and everything in it."""
        if self._process is None:
            return
        self._child = None
        self._control.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def describe(self) -> str:
        """One line for logs and the gradebook's notes."""
        if self.unsandboxed:
            return "not sandboxed: per-process limits only"
        filtered = "with a system-call filter" if self.seccomp else "no libseccomp: no call filter"
        return f"sandboxed by bubblewrap, {filtered}"

    def _launch(self) -> None:
        self.close()
        program = None if self.unsandboxed else syscalls.program()
        self.seccomp = program is not None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        command = zygote_arguments(
            theirs.fileno(), self.limits, self.preload, not self.unsandboxed, program
        )
        user_map = UserMap() if os.geteuid() == 0 and not self.unsandboxed else None
        if not self.unsandboxed:
            command = sandboxed(command, user_map)
        with tempfile.TemporaryFile() as stderr, theirs:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                pass_fds=(theirs.fileno(), *(user_map.descriptors if user_map else ())),
            )
            theirs.close()
            if user_map:
                user_map.write()
            try:
                self._control_reply()
            except SandboxUnavailable:
                self.close()
                stderr.seek(0)
                raise explain(stderr.read().decode(errors="replace")) from None

    def _control_reply(self) -> dict[str, Any]:
        self._control.settimeout(_START_SECONDS)
        try:
            answer = self._control.recv(4096)
        except (TimeoutError, ConnectionResetError):
            answer = b""
        if not answer:
            raise SandboxUnavailable("the sandbox's own process ended")
        reply: dict[str, Any] = json.loads(answer)
        return reply

    def _end_child(self, child: Child) -> dict[str, Any]:
        if self._child is not child or self._process is None:
            return {}  # it ended with the zygote, or when the next one started
        self._child = None
        try:
            self._control.send(b'{"op": "close"}')
            return self._control_reply()
        except (OSError, SandboxUnavailable):
            return {"verdict": "memory"} if self._process.poll() is not None else {}


class Child:
    """One life: one submission's interpreter. Made by `Zygote.start`."""

    def __init__(self, zygote: Zygote, channel: Channel) -> None:
        self._zygote = zygote
        self._channel = channel
        self._limits = zygote.limits
        self._ends = time.monotonic() + zygote.limits.submission_seconds
        self._number = 0
        self._death: ChildDied | None = None

    def run_cell(self, source: str) -> CellResult:
        """Run a cell as a notebook would; an exception makes `ok` false.

        Raises ChildDied if the life ends: too slow, too much memory, exit, breach of protocol.
        """
        started = time.monotonic()
        answer = self._ask({"op": "cell", "source": source}, self._limits.cell_seconds, "cell")
        seconds = time.monotonic() - started
        with self._mortal("cell", self._limits.cell_seconds):
            outputs = answer["outputs"]
            if not isinstance(outputs, list):
                raise TypeError("the outputs are missing from the answer")
            return CellResult(outputs, answer["ok"] is True, seconds)

    def call(
        self, export: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> CallResult:
        """Call a function of the student's by its dotted name, such as "RNN.bptt".

        Raises StudentError if it raised or returned what cannot cross, ChildDied if the life ends,
        WireError if the arguments cannot cross.
        """
        named = dict(kwargs or {})
        request = {"op": "call", "export": export, "args": list(args), "kwargs": named}
        what = f"call of {export}"
        answer = self._ask(request, self._limits.call_seconds, what)
        with self._mortal(what, self._limits.call_seconds):
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
        """Kill everything of this life; nothing of it is left when this returns."""
        if self._death is None:
            self._die("exit", "the submission was closed")

    def _begin(self, files: Mapping[str, bytes]) -> None:
        for name in files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts:
                raise ValueError(f"{name!r} is not a name inside the submission")
        with self._mortal("start", _START_SECONDS) as deadline:
            answer = self._channel.receive(deadline)
            if answer.get("error") is not None:
                raise SandboxUnavailable(
                    f"a submission's walls could not be raised: {_text(answer['error'])}"
                )
        if files:
            self._ask({"op": "files", "files": dict(files)}, _START_SECONDS, "start")

    def _ask(self, request: dict[str, Any], seconds: float, what: str) -> dict[str, Any]:
        if self._death is not None:
            raise self._death
        self._number += 1
        wire.encode(request)  # what cannot cross is the caller's mistake, before anything is sent
        with self._mortal(what, seconds) as deadline:
            if self._channel.has_bytes():
                raise wire.WireError("it spoke without being asked")
            self._channel.send({"number": self._number, **request}, deadline)
            answer = self._channel.receive(deadline)
            if not isinstance(answer, dict) or answer.get("number") != self._number:
                raise wire.WireError("it answered another question than the one asked")
            return answer

    @contextmanager
    def _mortal(self, what: str, seconds: float) -> Iterator[float]:
        """Gives the deadline of one exchange; whatever goes wrong in it ends the life, said why."""
        now = time.monotonic()
        deadline = min(now + seconds, self._ends)
        try:
            yield deadline
        except TimeoutError:
            if deadline < now + seconds:
                what, seconds = "whole submission", self._limits.submission_seconds
            raise self._die("timeout", f"the {what} took longer than {seconds:g} s") from None
        except ChannelClosed:
            raise self._die("exit", "") from None
        except wire.TooLarge as error:
            raise self._die("output", f"the {what} gave back too much: {error}") from None
        except (wire.WireError, KeyError, TypeError, AttributeError) as error:
            raise self._die(
                "protocol", f"the {what} tampered with the connection to the grader: {error}"
            ) from None

    def _die(self, kind: DeathKind, reason: str) -> ChildDied:
        self._channel.connection.close()
        end = self._zygote._end_child(self)
        if end.get("verdict") == "memory":
            kind = "memory"
            reason = f"its processes together used more than {_size(self._limits.memory_bytes)}"
        elif not reason:
            kind, reason = _how_it_ended(end.get("status"))
        self._death = ChildDied(kind, reason)
        return self._death


def _how_it_ended(status: int | None) -> tuple[DeathKind, str]:
    if status is None:
        return "protocol", "the code closed its connection to the grader"
    if status < 0:
        return "exit", f"the code crashed the interpreter ({signal.Signals(-status).name})"
    return "exit", f"the code ended the interpreter (exit status {status})"


def _size(count: int) -> str:
    return f"{count / (1 << 20):,.0f} MiB"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value[:20_000]
