"""Gradient checkpointing for code that differentiates inside itself, and a measure of memory.

`torch.utils.checkpoint` records the graph that it later rebuilds; an inner loop needs only
its first derivatives on the way forward, so this one builds no second-order graph at all
until the meta-gradient asks for it, one segment at a time. Memory: one set of tensors per
segment boundary and the graph of one segment (Chen et al. 2016, arXiv 1604.06174, section 3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

# (tensors in, whether to keep the graph of the derivatives) → tensors out
Segment = Callable[[tuple[Tensor, ...], bool], tuple[Tensor, ...]]


def checkpointed(segment: Segment, *tensors: Tensor) -> tuple[Tensor, ...]:
    """`segment(tensors, True)`, computed again from `tensors` when it is differentiated.

    Args:
        segment: a pure function of the tensors, which calls torch.autograd.grad with the
            `create_graph` it is given. It must give the same numbers both times.
        tensors: everything that needs a gradient.
    """
    return _Checkpointed.apply(segment, *tensors)  # type: ignore[no-any-return]


class _Checkpointed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, segment: Segment, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.segment = segment
        ctx.save_for_backward(*tensors)
        with torch.enable_grad():
            results = segment(tuple(t.detach().requires_grad_() for t in tensors), False)
        return tuple(result.detach() for result in results)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        with torch.enable_grad():
            inputs = tuple(t.detach().requires_grad_() for t in ctx.saved_tensors)
            results = ctx.segment(inputs, True)
        gradients = torch.autograd.grad(results, inputs, cotangents, allow_unused=True)
        return None, *gradients


def peak_bytes(function: Callable[[], object], device: torch.device | str = "cpu") -> int:
    """The most bytes that tensors on `device` take while `function` runs, above those before it.

    Counted by torch's own allocator.
    """
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
