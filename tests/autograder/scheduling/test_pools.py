"""Local workers: one at first, another when that is worth it."""

from __future__ import annotations

import gc
import time

import pytest

from autograder.scheduling.pools import local_pool

ONE, TWO = 2, 4
"""Room with one worker, and with two: a submission in work and one waiting for each."""


@pytest.mark.parametrize("most", [1, 2])
def test_nothing_coming_of_the_workers_brings_another_while_something_waits(
    monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr("autograder.scheduling.pools._STALLED_SECONDS", 0.5)
    with local_pool(most, gc.collect) as pool:
        hung = pool.submit(time.sleep, 2)
        pool.expect(1)
        assert pool.room == ONE
        time.sleep(0.6)
        pool.expect(0)
        assert pool.room == ONE
        pool.expect(1)
        assert pool.room == (TWO if most == 2 else ONE)
        hung.result()


def test_a_long_queue_brings_another_worker_and_a_short_one_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("autograder.scheduling.pools._WORTH_A_WORKER_SECONDS", 60.0)
    with local_pool(2, gc.collect) as pool:
        for _ in range(3):
            pool.submit(time.sleep, 0.2).result()
        pool.expect(10)  # two seconds of work
        assert pool.room == ONE
        pool.expect(1000)
        assert pool.room == TWO
