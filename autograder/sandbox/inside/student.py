"""Inside the sandbox, one process per submission: runs the student's cells and answers calls."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np

from autograder.protocol.channel import Channel, ChannelClosed
from autograder.protocol.errors import WireError
from autograder.protocol.values import Instance, can_cross
from autograder.protocol.wire import encode
from autograder.sandbox.inside.shell import CourseShell, describe

_SMALL = 1 << 20


def serve(shell: CourseShell, channel: Channel, output_cap: int) -> None:
    """Answer the grader's requests until it hangs up.

    Each answer echoes its request's number, so that an answer made up beforehand is told apart.
    """
    seed_everything(None)  # every process is forked from the same state
    student = _Student(shell, output_cap)
    owner = os.getpid()
    answers = {"files": student.files, "cell": student.cell, "call": student.call}
    while True:
        try:
            request = channel.receive()
        except ChannelClosed:
            return
        answer = answers[request["op"]](request)
        try:
            frame = encode({"number": request["number"], **answer})
        except BaseException:  # a value that cannot cross is the student's error, not a breach
            frame = encode({"number": request["number"], **_raised()})
        if os.getpid() != owner:
            os._exit(0)  # a copy that the student's code forked: only the original answers
        channel.send(frame)


def seed_everything(seed: int | None) -> None:
    """Start the random numbers of a notebook anew; from something unforeseeable for None."""
    random.seed(seed)
    np.random.seed(seed)


class _Student:
    def __init__(self, shell: CourseShell, output_cap: int) -> None:
        self.shell = shell
        self.output_cap = output_cap

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
        return {"ok": ok, "outputs": plain_json(outputs)}

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call an export; the value and the arguments as the call left them, or the error."""
        try:
            function = self._resolve(request["export"])
            args = [self._revive(item) for item in request["args"]]
            kwargs = {name: self._revive(item) for name, item in request["kwargs"].items()}
            with self.shell.capturing(0):  # a call's prints belong to no cell
                value = function(*args, **kwargs)
            return {
                "value": self._flatten(value),
                "args": [self._flatten(item) for item in args],
                "kwargs": {name: self._flatten(item) for name, item in kwargs.items()},
            }
        except BaseException:
            return _raised()

    def _resolve(self, export: str) -> Any:
        first, *rest = export.split(".")
        if first not in self.shell.user_ns:
            raise NameError(f"name '{first}' is not defined")
        return reduce(getattr, rest, self.shell.user_ns[first])

    def _revive(self, value: Any) -> Any:
        if isinstance(value, Instance):
            kind = self.shell.user_ns.get(value.class_name)
            if not isinstance(kind, type):
                raise NameError(f"the class '{value.class_name}' is not defined")
            revived: Any = object.__new__(kind)
            for name, item in value.state.items():
                setattr(revived, name, self._revive(item))
            return revived
        if isinstance(value, list):
            return [self._revive(item) for item in value]
        if isinstance(value, tuple):
            return tuple(self._revive(item) for item in value)
        if isinstance(value, dict):
            return {key: self._revive(item) for key, item in value.items()}
        return value

    def _flatten(self, value: Any, depth: int = 0) -> Any:
        if depth > 30:
            return value
        if isinstance(value, (list, tuple)):
            flat = [self._flatten(item, depth + 1) for item in value]
            return flat if isinstance(value, list) else tuple(flat)
        if isinstance(value, Mapping):
            return {key: self._flatten(item, depth + 1) for key, item in value.items()}
        name = type(value).__name__
        if self.shell.user_ns.get(name) is type(value) and hasattr(value, "__dict__"):
            flat_state = {key: self._flatten(item, depth + 1) for key, item in vars(value).items()}
            return Instance(name, {key: v for key, v in flat_state.items() if _can_cross(v)})
        return value


def _raised() -> dict[str, Any]:
    """The answer of a call that ended in the exception being handled."""
    name, message, lines = describe(*sys.exc_info())
    return {"error": {"ename": name, "evalue": message, "traceback": "\n".join(lines)}}


def _can_cross(value: Any) -> bool:
    if type(value) is np.ndarray and value.nbytes < _SMALL:  # most often it is one: do not copy it
        return can_cross(value)
    try:
        encode(value)
    except WireError:
        return False
    return True


def plain_json(value: Any) -> Any:
    """Outputs hold only what a notebook file can hold."""
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
