"""Where submissions are graded: processes on this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from typing import Any

from autograder.errors import AutograderError

_CONNECT_SECONDS = 10
_MOST_DATA = 8 << 30

# Submissions in work per worker: one being graded, one waiting, so that memory stays bounded.
_AHEAD = 2
# Another local worker costs two seconds of processor time before it grades anything: it is worth
# that when the present ones have so much left to do, or when nothing has come of them for a while.
_WORTH_A_WORKER_SECONDS = 10.0
_STALLED_SECONDS = 4.0

_early: list[Executor] = []


class Pool:
    """Where a batch sends its jobs: one executor at first, more when the wait gets long.

    Args:
        start: gives another executor.
        most: so many executors at most.
        ahead: jobs to give each executor at a time.
    """

    def __init__(self, start: Callable[[], Executor], *, most: int, ahead: int) -> None:
        self._start = start
        self._most = most
        self._ahead = ahead
        self._working: dict[Executor, set[Future[Any]]] = {}
        self._finished: list[float] = []
        self._grow()

    @property
    def room(self) -> int:
        """How many jobs to give it at a time, as things are."""
        return len(self._working) * self._ahead

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Call a function in a worker; the future breaks (BrokenProcessPool) with its worker."""
        executor, working = min(self._working.items(), key=lambda item: len(item[1]))
        future = executor.submit(function, *arguments)
        working.add(future)
        future.add_done_callback(working.discard)
        future.add_done_callback(lambda _: self._finished.append(time.monotonic()))
        return future

    def expect(self, waiting: int) -> None:
        """Take on another executor if that is worth it for so many more jobs to come."""
        if not waiting or len(self._working) == self._most:
            return
        last = self._finished[-1] if self._finished else self._since
        stalled = time.monotonic() - last > _STALLED_SECONDS
        seconds_each = 0.0  # with the present workers; not known yet
        if len(self._finished) > 1:  # the first includes the start of the worker
            seconds_each = (last - self._finished[0]) / (len(self._finished) - 1)
        if stalled or waiting * seconds_each > _WORTH_A_WORKER_SECONDS:
            self._grow()

    def _grow(self) -> None:
        self._working[self._start()] = set()
        self._since = time.monotonic()
        self._finished.clear()


def local_jobs() -> int:
    """How many submissions this machine can grade at a time: one per core it may use."""
    return len(os.sched_getaffinity(0))


def start_early(prepare: Callable[[], None]) -> None:
    """Start the first local worker now: it prepares while this process imports what it needs."""
    _early.append(_start(prepare))


@contextmanager
def local_pool(jobs: int, prepare: Callable[[], None]) -> Iterator[Pool]:
    """At most so many processes on this machine; they end with the grader, however it ends.

    Args:
        prepare: what each does before its first job; it travels there by pickle.
    """
    with ExitStack() as workers:

        def start() -> Executor:
            executor = _early.pop() if _early else _start(prepare)
            workers.callback(executor.shutdown, cancel_futures=True)
            return executor

        yield Pool(start, most=jobs, ahead=_AHEAD)


def _start(prepare: Callable[[], None]) -> Executor:
    executor = ProcessPoolExecutor(1, get_context("spawn"), initializer=_become_worker)
    executor.submit(prepare)
    return executor


def _become_worker() -> None:
    """Initialise a local worker: it must not outlive a grader that was killed."""
    parent = parent_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the grader, who ends us
    # A test that multiplies two arrays of a student's shapes fails here, not the whole machine.
    _, allowed = resource.getrlimit(resource.RLIMIT_DATA)
    most = _MOST_DATA if allowed == resource.RLIM_INFINITY else min(_MOST_DATA, allowed)
    resource.setrlimit(resource.RLIMIT_DATA, (most, allowed))
    os.environ.setdefault("MPLBACKEND", "agg")

    def watch() -> None:
        if parent is not None:
            with contextlib.suppress(OSError):
                wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def dask_pool(address: str) -> Iterator[Pool]:
    """The workers of a running Dask cluster.

    A task whose worker is lost is done again by another.

    Raises:
        AutograderError: Dask is not installed, nothing answers at the address, or the cluster
            has no workers.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise AutograderError(
            "--scheduler needs Dask, which is not installed: pip install distributed."
        ) from error
    try:
        client = Client(address, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise AutograderError(
            f"No Dask scheduler answers at {address} ({error}). Start one with `dask scheduler` "
            "and workers with `dask worker ADDRESS --nthreads 1`, on machines that have this "
            "course installed and a sandbox."
        ) from error
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise AutograderError(
                f"The Dask scheduler at {address} has no workers yet. Start some with "
                f"`dask worker {address} --nthreads 1`."
            )
        with client.get_executor(pure=False) as executor:
            yield Pool(lambda: executor, most=1, ahead=threads * _AHEAD)
