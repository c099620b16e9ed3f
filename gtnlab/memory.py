"""How much memory a computation needs at its worst moment, as torch's allocator counts it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.profiler import ProfilerActivity, profile

__all__ = ["peak_bytes"]


def peak_bytes(function: Callable[[], object], device: torch.device | str = "cpu") -> int:
    """Bytes that tensors on `device` take at most while `function` runs, above those before it."""
    device = torch.device(device)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        function()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        function()
    # Every allocation and every release in the order in which they happened.
    changes = [
        (event.start_ns(), event.nbytes())
        for event in recorded.profiler.kineto_results.events()
        if event.name() == "[memory]"
    ]
    now = most = 0
    for _, size in sorted(changes):
        now += size
        most = max(most, now)
    return most
