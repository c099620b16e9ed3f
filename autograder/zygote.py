"""Inside the sandbox: the warm interpreter that forks one life per submission and watches it.

Only our code runs in this process. It keeps CAP_SYS_ADMIN in its own user namespace, to give each
life fresh namespaces; a life gives up every capability before the student's code starts.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from autograder import confine
from autograder.channel import Channel
from autograder.limits import Limits
from autograder.memory import used_bytes
from autograder.shell import CourseShell
from autograder.student import serve
from autograder.wire import encode

_POLL_SECONDS = 0.01


@dataclass
class _Life:
    pid: int
    folder: str
    """Its working directory where it is not sandboxed; inside the sandbox it goes by itself."""
    verdict: str | None = None
    """Why the zygote ended it ("memory"), None where it did not."""
    status: int | None = None


class Zygote:
    """Serves one grader over `control`: {"op": "start"} with a socket attached, {"op": "close"}."""

    def __init__(self, control: socket.socket, limits: Limits, walls: confine.Confinement | None):
        self.control = control
        self.limits = limits
        self.walls = walls
        """None: not sandboxed."""
        self.shell = _warm_shell()
        self.life: _Life | None = None

    def run(self) -> None:
        gc.collect()
        gc.freeze()
        self._reply({"ready": True})
        while True:
            timeout = _POLL_SECONDS if self._watching() else None
            if not select.select([self.control], [], [], timeout)[0]:
                self._watch()
                continue
            message, descriptors, _, _ = socket.recv_fds(self.control, 4096, 1)
            if not message:
                self._end()
                return
            match json.loads(message):
                case {"op": "start"}:
                    self._start(descriptors[0])
                case {"op": "close"}:
                    self._reply(self._end())

    def _reply(self, answer: dict[str, Any]) -> None:
        self.control.send(json.dumps(answer).encode())

    def _start(self, descriptor: int) -> None:
        self._end()
        connection = socket.socket(fileno=descriptor)
        folder = "" if self.walls else tempfile.mkdtemp(prefix="submission-")
        if self.walls:
            self.walls.before_fork()
        pid = os.fork()
        if pid == 0:
            self._live(connection, folder)
        if self.walls:
            self.walls.after_fork()
        connection.close()
        self.life = _Life(pid, folder)
        self._reply({"started": True})

    def _live(self, connection: socket.socket, folder: str) -> None:
        status = 1
        try:
            os.setpgid(0, 0)
            connection = _only_descriptor(connection)
            channel = Channel(connection)
            try:
                if self.walls:
                    self.walls.enter()
                    confine.check_readable()
                else:
                    confine.apply_rlimits(self.limits, confine.mapped_bytes(), alone=False)
                    os.chdir(folder)
            except BaseException as error:
                channel.send(encode({"error": f"{type(error).__name__}: {error}"}))
                return
            channel.send(encode({"error": None}))
            serve(self.shell, channel, self.limits.output_bytes)
            status = 0
        finally:
            os._exit(status)

    def _watching(self) -> bool:
        return self.walls is not None and self.life is not None and self.life.status is None

    def _watch(self) -> None:
        life = self.life
        if life is None or self._reap(life):
            return
        if used_bytes(self.limits.memory_bytes) > self.limits.memory_bytes:
            life.verdict = "memory"
            self._kill(life)

    def _reap(self, life: _Life) -> bool:
        pid, status = os.waitpid(life.pid, os.WNOHANG)
        if pid:
            life.status = status
        return bool(pid)

    def _kill(self, life: _Life) -> None:
        os.kill(life.pid, signal.SIGKILL)
        # process 1 of a pid namespace can be waited for only when the whole namespace is gone
        life.status = os.waitpid(life.pid, 0)[1]

    def _end(self) -> dict[str, Any]:
        """Kill what is left of the life; how it ended by itself, if it did."""
        life = self.life
        if life is None:
            return {}
        self.life = None
        alive = life.status is None and not self._reap(life)
        if alive:
            self._kill(life)
        if self.walls is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(life.pid, signal.SIGKILL)
            shutil.rmtree(life.folder, ignore_errors=True)
        code = os.waitstatus_to_exitcode(life.status or 0)
        # it may have been on its way out when we killed it: then the status is its own
        own = not alive or code != -signal.SIGKILL
        return {"verdict": life.verdict, "status": code if own else None}


def _only_descriptor(connection: socket.socket) -> socket.socket:
    """The life keeps this one socket as descriptor 3 and /dev/null as 0, 1 and 2."""
    raw = connection.detach()
    null = os.open("/dev/null", os.O_RDWR)
    high = os.dup2(raw, 200, inheritable=False)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.closerange(3, 200)
    os.dup2(high, 3, inheritable=False)
    os.closerange(4, 65536)
    return socket.socket(fileno=3)


def _warm_shell() -> Any:
    """An IPython shell that has run a cell and, with Matplotlib preloaded, drawn a figure."""
    shell = CourseShell.instance()
    shell.run("import numpy.random", 1 << 20)
    if "matplotlib.pyplot" in sys.modules:
        figure = "import matplotlib.pyplot as plt\n%matplotlib inline\nplt.plot([0, 1])"
        shell.run(figure, 1 << 20)
    shell.reset(new_session=True)
    return shell


def main(arguments: list[str]) -> None:
    """Called with a descriptor and JSON options by the command line that bubblewrap.py builds."""
    control = socket.socket(fileno=int(arguments[0]))
    options = json.loads(arguments[1])
    for name in options["preload"]:
        importlib.import_module(name)
    limits = Limits(**options["limits"])
    walls = None
    if options["isolated"]:
        walls = confine.prepare(limits, base64.b64decode(options["seccomp"]) or None)
    Zygote(control, limits, walls).run()
