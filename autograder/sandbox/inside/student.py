"""Inside the sandbox, one process per submission: runs the student's cells and answers calls."""

from __future__ import annotations

import builtins
import os
import random
import sys
from contextlib import suppress
from itertools import dropwhile
from pathlib import Path
from traceback import walk_tb
from typing import Any

import numpy as np

from autograder.protocol.channel import Channel, ChannelClosed
from autograder.protocol.values import Refer
from autograder.protocol.wire import encode
from autograder.sandbox.inside.controls import run_test
from autograder.sandbox.inside.effects import Effects
from autograder.sandbox.inside.references import OPERATIONS, References
from autograder.sandbox.inside.shell import CourseShell, Outputs, describe

_PRINTED = 20_000


def seed_everything(seed: int | None) -> None:
    """Start the random numbers of a notebook anew; from something unforeseeable for None."""
    random.seed(seed)
    np.random.seed(seed)


class Student:
    """The submission's end of the channel.

    Each answer echoes its request's number, so that an answer made up beforehand is told apart.
    """

    def __init__(self, shell: CourseShell, channel: Channel, output_cap: int) -> None:
        self.shell = shell
        self.channel = channel
        self.output_cap = output_cap
        self.references = References(shell.user_ns, self.ask)
        self.effects = Effects()
        self._owner = os.getpid()
        answers = (self.files, self.cell, self.call, self.fetch, self.test)
        self._answers = {each.__name__: each for each in answers}
        self._run_test = run_test

    def serve(self) -> None:
        """Answer the grader's requests until it hangs up."""
        seed_everything(None)  # every process is forked from the same state
        with suppress(ChannelClosed):
            while True:
                self.answer(self._receive())

    def answer(self, request: dict[str, Any]) -> None:
        number = request["number"]
        self.references.shared = frozenset(request["shared"])
        given = self._answers[request["op"]](request)
        try:
            frame = encode({"number": number, **given}, refer=self._refer(request))
        except BaseException:  # a value that cannot cross is the student's error, not a breach
            frame = encode({"number": number, **_raised(), "raised": None, "printed": []})
        if os.getpid() != self._owner:
            os._exit(0)  # a copy that the student's code forked: only the original answers
        self.channel.send(frame)

    def _refer(self, request: dict[str, Any]) -> Refer | None:
        """How to send what is not data; not at all to a grader that keeps no handles."""
        return self.references.refer if request.get("handles") else None

    def files(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            for name, content in request["files"].items():
                path = Path(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        except OSError as error:
            return {"error": str(error)}
        return {}

    def cell(self, request: dict[str, Any]) -> dict[str, Any]:
        ok, outputs = self.shell.run(request["source"], self.output_cap)
        return {"ok": ok, "outputs": outputs}

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call an export; the value and the arguments as the call left them, or the error."""
        with self.shell.capturing(_PRINTED) as outputs:
            try:
                args, kwargs = request["args"], request["kwargs"]
                export = request["export"]
                function = OPERATIONS.get(export) or self.references.named(export)
                self.effects.before()
                with np.errstate(**request["errstate"]):  # as the test set it
                    value = function(*args, **kwargs)
                    left = self.effects.after(request["number"], value, request["errstate"])
                answer = {"value": value, "args": args, "kwargs": kwargs, "left": left}
            except BaseException:
                answer = _raised()
        return {**answer, "printed": _printed(outputs)}

    def fetch(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the student's names are bound to now, each as a frame of its own."""
        found: dict[str, Any] = {}
        for name in request["names"]:
            if name in self.shell.user_ns:
                try:
                    found[name] = encode(self.shell.user_ns[name], refer=self._refer(request))
                except BaseException as error:
                    found[name] = f"{type(error).__name__}: {error}"
        return {"found": found}

    def test(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one of the instructor's tests here; see `controls`."""
        with self.shell.capturing(self.output_cap) as outputs:
            done = self._run_test(request["test"], self.shell.user_ns)
        error, told = done["error"], None
        if error is not None:
            name, message, lines = describe(error)
            own, trace = f"<{request['test']['name']}>", walk_tb(error.__traceback__)
            at = (line for frame, line in trace if frame.f_code.co_filename == own)
            told = {"ename": name, "evalue": message, "line": next(at, None)}
            # from the first line of the student's own code on
            told["traceback"] = "\n".join(
                dropwhile(lambda line: 'File "Cell In[' not in line, lines)
            )
        return {**done, "error": told, "printed": _printed(outputs)}

    def ask(self, token: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Have the grader call one of its own functions; answers what it asks meanwhile."""
        message = {"callback": token, "args": list(args), "kwargs": kwargs}
        self.channel.send(encode(message, refer=self.references.refer))
        while "op" in (message := self._receive()):
            self.answer(message)
        if "error" in message:
            error = message["error"]
            kind = getattr(builtins, error["ename"], None)
            proper = kind if isinstance(kind, type) and issubclass(kind, Exception) else Exception
            raised: Any = proper(error["evalue"])
            raised.__grader_token__ = error["token"]
            raise raised
        return message["value"]

    def _receive(self) -> Any:
        return self.channel.receive(resolve=self.references.resolve)


def _printed(outputs: Outputs) -> list[list[str]]:
    """(stream, text) of what was printed."""
    return [
        [item["name"], item["text"]] for item in outputs.take() if item["output_type"] == "stream"
    ]


def _raised() -> dict[str, Any]:
    """The answer of a call that ended in the exception being handled."""
    error = sys.exception()
    assert error is not None
    module, token = type(error).__module__, getattr(error, "__grader_token__", None)
    name, message, lines = describe(error)
    told = {
        "ename": name,
        "evalue": message,
        "traceback": "\n".join(lines),
        "module": module,
        "args": [arg for arg in error.args if type(arg) in (str, int, float)],
        "token": token if isinstance(token, int) else None,
    }
    if module != "__main__":
        return {"error": told, "raised": None}
    # the grader may look at it: without the frames, which hold on to all that was in them
    error.__traceback__ = error.__context__ = None
    return {"error": told, "raised": error}
