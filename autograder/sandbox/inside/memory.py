"""Inside the sandbox: how much memory all processes of one submission hold together."""

from __future__ import annotations

import os
from collections.abc import Set
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SHORTEST, _LONGEST = 0.01, 0.25
_FILLED_PER_SECOND = min(os.cpu_count() or 1, 4) << 33
"""Bytes that fresh memory can fill with in a second: 8 GiB a core, more than any program does."""


def used_bytes(own: Set[int], cap: int) -> int:
    """Bytes held by the submission: every process that the zygote sees, but our own.

    An upper bound where that is below `cap`, else the exact figure: resident sets count a page
    shared by n processes n times and cost nothing to read; proportional sets (PSS) count it once
    and are read only when they decide.
    """
    names = os.listdir("/proc")  # noqa: PTH208 (a hundred times a second: no Path objects)
    processes = [int(name) for name in names if name.isdigit() and int(name) not in own]
    resident = sum(_resident(pid) for pid in processes)
    if resident <= cap:
        return resident
    return sum(_proportional(pid) for pid in processes)


def seconds_until_full(used: int, cap: int) -> float:
    """How long a submission with `used` bytes may go unwatched: the nearer the cap, the shorter."""
    return min(max((cap - used) / _FILLED_PER_SECOND, _SHORTEST), _LONGEST)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _resident(pid)  # nothing if it is gone, too much rather than nothing if it is not
