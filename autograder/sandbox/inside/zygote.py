"""Inside the sandbox: the warm interpreter that forks one life per submission and watches it.

Only our code and the instructor's runs in this process. It keeps CAP_SYS_ADMIN in its own user
namespace, to give each life fresh namespaces; a life gives up every capability before the student's
code starts.
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

from autograder.protocol.channel import Channel
from autograder.protocol.limits import Limits
from autograder.protocol.wire import encode
from autograder.sandbox.inside import confine
from autograder.sandbox.inside.memory import seconds_until_full, used_bytes
from autograder.sandbox.inside.shell import CourseShell
from autograder.sandbox.inside.student import plain_json, seed_everything, serve
from autograder.startup import lasting_imports


@dataclass
class _Life:
    pid: int
    folder: str
    """Its working directory where it is not sandboxed; inside the sandbox it goes by itself."""
    verdict: str | None = None
    """Why the zygote ended it ("memory"), None where it did not."""
    status: int | None = None
    unwatched: float = 0.0
    """Seconds until its memory is to be looked at again."""


class Zygote:
    """Serves one grader over `control`, which sends:

    - {"op": "start"} with a socket attached: fork a life that answers there;
    - {"op": "close"}: end the life;
    - {"op": "prepare"} with two sockets attached: fork another zygote, which receives an opening on
      the second socket, runs it, sends back its outputs and serves the first;
    - {"op": "forget"}: end that one.
    """

    def __init__(self, control: socket.socket, limits: Limits, walls: confine.Confinement | None):
        self.control = control
        self.limits = limits
        self.walls = walls
        """None: not sandboxed."""
        self.shell = _warm_shell()
        self.life: _Life | None = None
        self.prepared: int | None = None
        """Process id of the zygote that has run the opening."""
        self.own = {1, os.getpid()}
        """Processes that belong to no life: bubblewrap's init and the zygotes."""

    def run(self) -> None:
        gc.collect()
        gc.freeze()
        self._reply({"ready": True})
        while True:
            timeout = self.life.unwatched if self.life and self._watching() else None
            if not select.select([self.control], [], [], timeout)[0]:
                self._watch()
                continue
            message, descriptors, _, _ = socket.recv_fds(self.control, 4096, 2)
            if not message:
                self._end()
                self._forget()
                return
            match json.loads(message):
                case {"op": "start"}:
                    self._start(descriptors[0])
                case {"op": "close"}:
                    self._reply(self._end())
                case {"op": "prepare"}:
                    self._prepare(*map(_socket, descriptors))
                case {"op": "forget"}:
                    self._forget()

    def _reply(self, answer: dict[str, Any]) -> None:
        self.control.send(json.dumps(answer).encode())

    def _prepare(self, control: socket.socket, opening: socket.socket) -> None:
        self._forget()
        self.prepared = os.fork()
        if self.prepared:
            self.own.add(self.prepared)
            control.close()
            opening.close()
            return
        try:
            self.control.close()
            self.control, self.prepared = control, None
            self.own |= {os.getpid()}
            if self._open(Channel(opening)):
                self.run()
        finally:
            os._exit(0)

    def _open(self, channel: Channel) -> bool:
        """Run an opening, the instructor's cells; false where lives cannot be forked after it."""
        seed_everything(0)
        outputs = []
        for source in channel.receive()["cells"]:
            ok, given = self.shell.run(source, self.limits.output_bytes)
            outputs.append(plain_json(given))
            if not ok or len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208
                channel.send(encode({"outputs": None}))
                return False
        channel.send(encode({"outputs": outputs}))
        channel.connection.close()
        return True

    def _forget(self) -> None:
        if self.prepared is not None:
            os.kill(self.prepared, signal.SIGKILL)
            os.waitpid(self.prepared, 0)
            self.own.discard(self.prepared)
            self.prepared = None

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
        used, cap = used_bytes(self.own, self.limits.memory_bytes), self.limits.memory_bytes
        life.unwatched = seconds_until_full(used, cap)
        if used > cap:
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


def _socket(descriptor: int) -> socket.socket:
    return socket.socket(fileno=descriptor)


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
        figure = (
            "import matplotlib.pyplot as plt\n%matplotlib inline\n"
            "plt.figure(figsize=(1, 1))\nplt.plot([0, 1])"
        )
        shell.run(figure, 1 << 20)
    shell.reset(new_session=True)
    return shell


def main(arguments: list[str]) -> None:
    """Called with a descriptor and JSON options by the command line that bubblewrap.py builds."""
    control = socket.socket(fileno=int(arguments[0]))
    options = json.loads(arguments[1])
    with lasting_imports():
        for name in options["preload"]:
            importlib.import_module(name)
    limits = Limits(**options["limits"])
    walls = None
    if options["isolated"]:
        walls = confine.prepare(limits, base64.b64decode(options["seccomp"]) or None)
    Zygote(control, limits, walls).run()
