"""Inside the sandbox: how much memory all processes of one life hold together."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def lives() -> list[int]:
    """Process ids of the life, as the zygote sees them: all but bubblewrap's init and itself."""
    own = {1, os.getpid()}
    names = os.listdir("/proc")  # noqa: PTH208 (a hundred times a second: no Path objects)
    return [int(name) for name in names if name.isdigit() and int(name) not in own]


def used_bytes(cap: int) -> int:
    """Bytes held by the life: an upper bound where that is below `cap`, else the exact figure.

    Resident sets count a page shared by n processes n times and cost nothing to read;
    proportional sets (PSS) count it once and are read only when they decide.
    """
    processes = lives()
    resident = sum(_resident(pid) for pid in processes)
    if resident <= cap:
        return resident
    return sum(_proportional(pid) for pid in processes)


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
