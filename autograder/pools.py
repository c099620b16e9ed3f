"""Where submissions are graded: processes on this machine, or the workers of a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver, get_context

from autograder.errors import AutograderError

_CONNECT_SECONDS = 10

# What every worker and most notebooks need: imported once, in the process that workers fork from.
_PRELOAD = ["autograder.worker", "matplotlib.pyplot", "ipywidgets", "tqdm.auto"]


def local_jobs() -> int:
    """How many submissions this machine can grade at a time: one per core it may use."""
    return len(os.sched_getaffinity(0))


def start_early() -> None:
    """Begin to import what local workers need, while this process imports what it needs."""
    get_context("forkserver").set_forkserver_preload(_PRELOAD)
    forkserver.ensure_running()


@contextmanager
def local_pool(jobs: int) -> Iterator[tuple[Executor, int]]:
    """Processes on this machine, and how many; they end with the grader, however it ends."""
    from autograder.worker import prepare

    start_early()
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("forkserver"), initializer=prepare)
    try:
        yield pool, jobs
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def dask_pool(address: str) -> Iterator[tuple[Executor, int]]:
    """The workers of a running Dask cluster, and how many tasks they take at a time.

    A task whose worker is lost is done again by another.

    Raises:
        AutograderError: nothing answers at the address, or the cluster has no workers.
    """
    from distributed import Client

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
        with client.get_executor(pure=False) as pool:
            yield pool, threads
