"""The grader's end of the sandbox: start a process per submission, run its cells, call its code.

with Sandbox(Limits()) as zygote:
    child = zygote.start({"data.txt": b"..."})
    child.run_cell("import numpy as np\ndef double(x): return 2 * x")
    child.call("double", [np.arange(3)]).value  # array([0, 2, 4])
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, Self

from autograder.protocol.channel import Channel, ChannelClosed
from autograder.protocol.errors import WireError
from autograder.protocol.limits import Limits
from autograder.protocol.wire import encode
from autograder.sandbox import syscalls
from autograder.sandbox.bubblewrap import (
    SandboxUnavailable,
    UserMap,
    explain,
    sandboxed,
    zygote_arguments,
)
from autograder.sandbox.fonts import font_lists
from autograder.sandbox.process import START_SECONDS, CellResult, StudentProcess

PRELOAD = ("numpy", "matplotlib.pyplot", "ipywidgets", "tqdm.auto")


@dataclass(frozen=True)
class Opening:
    """Cells that were run once, and the zygote whose processes start after them, or None."""

    cells: tuple[str, ...] = ()
    results: list[CellResult] | None = None
    control: socket.socket | None = None

    def close(self) -> None:
        if self.control is not None:
            self.control.close()


class Sandbox:
    """One warm interpreter, the zygote; it forks a process per submission, one at a time.

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
        preload: Sequence[str] = PRELOAD,
    ) -> None:
        self.limits = limits or Limits()
        self.unsandboxed = unsandboxed
        self.preload = tuple(preload)
        self.seccomp = False
        """Whether the system-call filter is on; false where libseccomp is missing."""
        self._process: subprocess.Popen[bytes] | None = None
        self._startup_errors: IO[bytes] | None = None
        """What it says on stderr, while it is starting."""
        self._child: StudentProcess | None = None
        self._opening = Opening()

    def __enter__(self) -> Self:
        self.begin()
        self._await_start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(
        self, files: Mapping[str, bytes] | None = None, opening: Sequence[str] = ()
    ) -> StudentProcess:
        """A new process with `files` (relative names) in its working directory; ends the last one.

        Args:
            opening: cells that it has run when it starts, if `opening_outputs` knows them.

        Raises:
            SandboxUnavailable: it cannot be confined.
            ProcessEnded: the files do not fit.
        """
        self._make_ready()
        control = self._control
        if self._opening.control is not None and self._opening.cells == tuple(opening):
            control = self._opening.control
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(control, [b'{"op": "start"}'], [theirs.fileno()])
            self._reply(control)
        self._child = StudentProcess(
            Channel(ours), self.limits, lambda child: self._end(child, control)
        )
        self._child.begin(files or {})
        return self._child

    def opening_outputs(self, cells: Sequence[str]) -> list[CellResult] | None:
        """What the instructor's first cells give, run once for all processes that start after them.

        None where processes cannot start after these: a cell fails, is slow or leaves a thread.
        """
        self._make_ready()
        if self._opening.cells != tuple(cells):
            self._opening.close()
            self._opening = self._prepare(tuple(cells))
        return self._opening.results

    def _make_ready(self) -> None:
        if self._child is not None:
            self._child.close()
        if self._process is None or self._process.poll() is not None:
            self.begin()
        self._await_start()

    def _prepare(self, cells: tuple[str, ...]) -> Opening:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours, channel = socket.socketpair()
        with theirs, channel:
            descriptors = [theirs.fileno(), channel.fileno()]
            socket.send_fds(self._control, [b'{"op": "prepare"}'], descriptors)
        deadline = time.monotonic() + self.limits.cell_seconds
        outputs = None
        with ours, suppress(ChannelClosed, TimeoutError, WireError):
            opening = Channel(ours)
            opening.send(encode({"cells": list(cells)}), deadline)
            outputs = opening.receive(deadline)["outputs"]
        if outputs is None:
            control.close()
            self._control.send(b'{"op": "forget"}')
            return Opening(cells)
        self._reply(control)
        return Opening(cells, [CellResult(given, True) for given in outputs], control)

    def close(self) -> None:
        """End the zygote and everything in it."""
        if self._process is None:
            return
        child, self._child = self._child, None
        if child is not None:
            child.close()
        self._opening.close()
        self._opening = Opening()
        self._control.close()
        if self._startup_errors is not None:  # still starting: it would not hear us yet
            self._process.kill()
            self._startup_errors.close()
            self._startup_errors = None
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

    def begin(self) -> None:
        """Begin to start the interpreter; whoever needs it waits until it is there.

        Raises SandboxUnavailable where that can be said at once.
        """
        self.close()
        program = None if self.unsandboxed else syscalls.program()
        self.seccomp = program is not None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = zygote_arguments(
            theirs.fileno(), self.limits, self.preload, not self.unsandboxed, program
        )
        user_map = UserMap() if os.geteuid() == 0 and not self.unsandboxed else None
        with ExitStack() as unless_started, theirs, font_lists() as fonts:
            unless_started.enter_context(ours)
            if not self.unsandboxed:
                command = sandboxed(command, user_map, fonts)
            descriptors = [theirs.fileno(), *fonts.values()]
            if user_map:
                descriptors += user_map.descriptors
            self._startup_errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed once it is there)
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._startup_errors,
                pass_fds=descriptors,
            )
            unless_started.pop_all()
        self._control = ours
        if user_map:
            with self._explained():
                user_map.write()

    def _await_start(self) -> None:
        if self._startup_errors is not None:
            with self._explained():
                self._reply(self._control)
            self._startup_errors.close()
            self._startup_errors = None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """A sandbox that did not start says why on stderr, better than we can."""
        try:
            yield
        except SandboxUnavailable as reason:
            stderr, self._startup_errors = self._startup_errors, None
            self.close()
            words = ""
            if stderr is not None:
                with stderr:
                    stderr.seek(0)
                    words = stderr.read().decode(errors="replace").strip()
            raise (explain(words) if words else reason) from None

    def _reply(self, control: socket.socket) -> dict[str, Any]:
        control.settimeout(START_SECONDS)
        try:
            answer = control.recv(4096)
        except (TimeoutError, ConnectionResetError):
            answer = b""
        if not answer:
            raise SandboxUnavailable("the sandbox's own process ended")
        reply: dict[str, Any] = json.loads(answer)
        return reply

    def _end(self, child: StudentProcess, control: socket.socket) -> dict[str, Any]:
        if self._child is not child or self._process is None:
            return {}  # it ended with the zygote, or when the next one started
        self._child = None
        try:
            control.send(b'{"op": "close"}')
            return self._reply(control)
        except (OSError, SandboxUnavailable):
            return {"verdict": "gone"}
