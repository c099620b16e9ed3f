"""What one submission may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one submission in the sandbox, from its first cell to its last call."""

    cell_seconds: float = 60.0
    """Wall-clock seconds for one cell."""
    call_seconds: float = 20.0
    """Wall-clock seconds for one call, from the first byte sent to the last byte received."""
    submission_seconds: float = 600.0
    """Wall-clock seconds for the whole submission."""
    memory_bytes: int = 2 << 30
    """Memory of all of its processes together, shared pages counted once."""
    processes: int = 32
    """Processes and threads at a time."""
    output_bytes: int = 2 << 20
    """Characters that one cell may print or display; what goes beyond is cut."""
    disk_bytes: int = 64 << 20
    """All files that it may write, in memory, apart from `memory_bytes`."""
