"""The grader's end of the sandbox: start a life for a submission, run its cells, call its code.

with Zygote(Limits()) as zygote:
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
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from autograder import syscalls
from autograder.bubblewrap import SandboxUnavailable, UserMap, explain, sandboxed, zygote_arguments
from autograder.channel import Channel
from autograder.life import CallResult, CellResult, Child, ChildDied, StudentError
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

_START_SECONDS = 60.0
_PRELOAD = ("numpy", "matplotlib.pyplot", "ipywidgets", "tqdm.auto")


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
        self._child = Child(Channel(ours), self.limits, self._end_child)
        self._child.begin(files or {})
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
            try:
                if user_map:
                    user_map.write()
                self._control_reply()
            except SandboxUnavailable as reason:
                self.close()
                stderr.seek(0)
                words = stderr.read().decode(errors="replace").strip()
                raise (explain(words) if words else reason) from None

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
            return {"verdict": "gone"}
