"""Inside the sandbox: the warm interpreter that forks one process per submission and watches it.

Only our code and the instructor's runs in this process. It keeps CAP_SYS_ADMIN in its own user
namespace, to give each process fresh namespaces; it gives up every capability before the student's
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
from autograder.sandbox.inside.student import Student, seed_everything


@dataclass
class _Submission:
    pid: int
    folder: str
    """Its working directory where it is not sandboxed; inside the sandbox it goes by itself."""
    verdict: str | None = None
    """Why the zygote ended it ("memory"), None where it did not."""
    status: int | None = None
    unwatched: float | None = None
    """Seconds until its memory is to be looked at again; None for not at all."""


class Zygote:
    """Serves one grader over `control`, which sends:

    - {"op": "start"} with a socket attached: fork a process that answers there;
    - {"op": "close"}: end the process;
    - {"op": "prepare"} with two sockets attached: fork another zygote, which receives an opening on
      the second socket, runs it, sends back its outputs and serves the first;
    - {"op": "forget"}: end that one.
    """

    def __init__(
        self, control: socket.socket, limits: Limits, confinement: confine.Confinement | None
    ):
        self.control = control
        self.limits = limits
        self.confinement = confinement
        """None: not sandboxed."""
        self.shell = _warm_shell()
        self.submission: _Submission | None = None
        self.prepared: int | None = None
        """Process id of the zygote that has run the opening."""
        self.own = {1, os.getpid()}
        """Processes that belong to no submission: bubblewrap's init and the zygotes."""

    def run(self) -> None:
        gc.collect()
        gc.freeze()
        self._reply({"ready": True})
        while True:
            timeout = self.submission.unwatched if self.submission else None
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
                    self._prepare(*(socket.socket(fileno=each) for each in descriptors))
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
            self.own.add(os.getpid())
            if self._open(Channel(opening)):
                self.run()
        finally:
            os._exit(0)

    def _open(self, channel: Channel) -> bool:
        """Run an opening, the instructor's cells; false where nothing can be forked after it."""
        seed_everything(0)
        outputs = []
        for source in channel.receive()["cells"]:
            ok, given = self.shell.run(source, self.limits.output_bytes)
            outputs.append(given)
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
        folder = "" if self.confinement else tempfile.mkdtemp(prefix="submission-")
        pid = self.confinement.fork() if self.confinement else os.fork()
        if pid == 0:
            self._live(connection, folder)
        connection.close()
        self.submission = _Submission(pid, folder, unwatched=0.0 if self.confinement else None)
        self._reply({"started": True})

    def _live(self, connection: socket.socket, folder: str) -> None:
        status = 1
        try:
            os.setpgid(0, 0)
            channel = Channel(_only_descriptor(connection))
            try:
                if self.confinement:
                    self.confinement.enter()
                    confine.check_readable()
                else:
                    confine.apply_rlimits(self.limits, confine.mapped_bytes(), alone=False)
                    os.chdir(folder)
            except BaseException as error:
                channel.send(encode({"error": f"{type(error).__name__}: {error}"}))
                return
            channel.send(encode({"error": None}))
            Student(self.shell, channel, self.limits.output_bytes).serve()
            status = 0
        finally:
            os._exit(status)

    def _watch(self) -> None:
        submission = self.submission
        if submission is None or self._reap(submission):
            return
        cap = self.limits.memory_bytes
        used = used_bytes(self.own, cap)
        submission.unwatched = seconds_until_full(used, cap)
        if used > cap:
            submission.verdict = "memory"
            self._kill(submission)

    def _reap(self, submission: _Submission, options: int = os.WNOHANG) -> bool:
        pid, status = os.waitpid(submission.pid, options)
        if pid:
            submission.status, submission.unwatched = status, None
        return bool(pid)

    def _kill(self, submission: _Submission) -> None:
        os.kill(submission.pid, signal.SIGKILL)
        # process 1 of a pid namespace can be waited for only when the whole namespace is gone
        self._reap(submission, options=0)

    def _end(self) -> dict[str, Any]:
        """Kill what is left of the submission; says how it ended by itself, if it did."""
        submission = self.submission
        if submission is None:
            return {}
        self.submission = None
        alive = submission.status is None and not self._reap(submission)
        if alive:
            self._kill(submission)
        if self.confinement is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(submission.pid, signal.SIGKILL)
            shutil.rmtree(submission.folder, ignore_errors=True)
        code = os.waitstatus_to_exitcode(submission.status or 0)
        # it may have been on its way out when we killed it: then the status is its own
        own = not alive or code != -signal.SIGKILL
        return {"verdict": submission.verdict, "status": code if own else None}


def _only_descriptor(connection: socket.socket) -> socket.socket:
    """The process keeps this one socket as descriptor 3 and /dev/null as 0, 1 and 2."""
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
    gc.disable()  # what is imported here stays: no collection has to look at it
    for name in options["preload"]:
        importlib.import_module(name)
    gc.freeze()
    gc.enable()
    limits = Limits(**options["limits"])
    confinement = None
    if options["isolated"]:
        confinement = confine.prepare(limits, base64.b64decode(options["seccomp"]) or None)
    Zygote(control, limits, confinement).run()
