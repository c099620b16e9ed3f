"""One submission's session in the sandbox: when its process ends, another one replays the cells."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from autograder.protocol.errors import ProcessEnded
from autograder.protocol.limits import Limits
from autograder.sandbox.process import (
    NO_PEER,
    CallResult,
    CellResult,
    Peer,
    StudentProcess,
    TestRun,
)
from autograder.sandbox.sandbox import Sandbox

Answer = TypeVar("Answer")
# An endless loop is one: the third call would only cost everybody as much time again.
_MOST_TIMEOUTS = 2
_SEED = "import random, numpy\nrandom.seed({seed})\nnumpy.random.seed({seed})\ndel random, numpy"


class Session:
    """The student's side of grading one notebook.

    A cell that ends its process or runs out of time is left out when the others are replayed in a
    fresh one, so it costs its own points only. All share `limits.submission_seconds`.

    Whatever is asked raises ProcessEnded where it ends the process or time is up, or where it has
    run out of time so often that it is not asked again. Then the next cell or call starts from the
    state before it.

    Args:
        sandbox: where to start processes.
        files: the submission's files, by relative path.
        limits: what the submission may use.
        seed: start of the student's random numbers, the same in every process.
        opening: the instructor's first cells, if those that will be run are the same: they are run
            once for a whole class, and the student's random numbers start after them.

    Attributes:
        calls: how many calls were asked for.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        files: Mapping[str, bytes],
        limits: Limits,
        seed: int,
        opening: Sequence[str] = (),
    ) -> None:
        self._sandbox = sandbox
        given = sandbox.opening_outputs(opening) if opening else None
        self._opening = () if given is None else tuple(opening)
        self._given = list(given or [])[::-1]
        self._files = files
        self._limits = limits
        self._replayed = [_SEED.format(seed=seed)]
        self._child: StudentProcess | None = None
        self._deadline = time.monotonic() + limits.submission_seconds
        self._cell_deadline = self._deadline
        self.calls = 0
        self._timeouts: Counter[str] = Counter()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def begin_cell(self) -> None:
        """From here on, calls count towards the time of a new test cell."""
        self._cell_deadline = time.monotonic() + self._limits.cell_seconds

    def run_cell(self, source: str) -> CellResult:
        """Run one of the student's cells."""
        if self._given:
            return self._given.pop()
        try:
            result = self._alive().run_cell(source)
        except ProcessEnded:
            self._end()
            raise
        self._replayed.append(source)
        return result

    def call(
        self,
        export: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        peer: Peer = NO_PEER,
    ) -> CallResult:
        """Call one of the student's functions; see `StudentProcess.call`."""
        self.calls += 1
        return self._asking(export, lambda child: child.call(export, args, kwargs, peer))

    def fetch(self, names: Sequence[str], peer: Peer = NO_PEER) -> dict[str, Any]:
        """What the student's names are bound to now; see `StudentProcess.fetch`."""
        return self._asking("fetching of names", lambda child: child.fetch(names, peer))

    def run_test(self, test: Mapping[str, Any]) -> TestRun:
        """Run a test beside the student's code; see `StudentProcess.run_test`."""
        return self._asking(f"the test {test['name']}", lambda child: child.run_test(test))

    def _asking(self, what: str, ask: Callable[[StudentProcess], Answer]) -> Answer:
        if self._timeouts[what] >= _MOST_TIMEOUTS:
            raise ProcessEnded(
                "timeout", f"{what} ran out of time {_MOST_TIMEOUTS} times and was not called again"
            )
        if time.monotonic() > self._cell_deadline:
            seconds = self._limits.cell_seconds
            raise ProcessEnded(
                "timeout", f"the test's calls took more than {seconds:g} seconds together"
            )
        try:
            return ask(self._alive())
        except ProcessEnded as end:
            self._timeouts[what] += end.kind == "timeout"
            self._end()
            raise

    def _alive(self) -> StudentProcess:
        while self._child is None:
            self._check_time()
            child = self._sandbox.start(self._files, self._opening)
            try:
                for position, source in enumerate(self._replayed):  # noqa: B007
                    self._check_time()
                    child.run_cell(source)
            except ProcessEnded:
                child.close()
                if time.monotonic() <= self._deadline:
                    # It went well once; the rest does not have to suffer from it again.
                    del self._replayed[position]
            else:
                self._child = child
        self._check_time()
        return self._child

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline:
            seconds = self._limits.submission_seconds
            raise ProcessEnded(
                "timeout", f"the submission used up its {seconds:g} seconds of grading time"
            )

    def _end(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None
