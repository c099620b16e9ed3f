"""Peak memory of a meta-gradient against inner steps, with and without gradient checkpointing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from gtnlab.checkpointing import peak_bytes
from gtnlab.errors import GtnError
from gtnlab.files import written_whole
from gtnlab.inner_loop import unroll
from gtnlab.learner import make_learner
from gtnlab.training.outer_loss import outer_loss

__all__ = ["FILE", "MemoryUse", "load_memory_use", "measure_memory_use"]

FILE = "memory.json"


@dataclass(frozen=True)
class MemoryUse:
    """Of one learner.

    Attributes:
        learner, batch, device: of what and where it was measured.
        inner_steps: lengths of the inner loop.
        stored: peak bytes at each, with all of the loop's activations kept.
        checkpointed: the same with a checkpoint about every √inner_steps steps.
    """

    learner: str
    batch: int
    device: str
    inner_steps: tuple[int, ...]
    stored: tuple[int, ...]
    checkpointed: tuple[int, ...]

    def save(self, path: Path) -> None:
        """Write it for :func:`load_memory_use`."""
        with written_whole(path) as scratch:
            scratch.write_text(json.dumps(asdict(self), indent=1) + "\n")


def measure_memory_use(
    learner: str, batch: int, inner_steps: Sequence[int], device: torch.device
) -> MemoryUse:
    """Differentiate through inner loops of these lengths, on noise."""
    stored, checkpointed = (
        tuple(_peak(learner, batch, steps, every(steps), device) for steps in inner_steps)
        for every in (lambda _: 0, lambda steps: round(steps**0.5))
    )
    return MemoryUse(learner, batch, device.type, tuple(inner_steps), stored, checkpointed)


def _peak(learner: str, batch: int, steps: int, every: int, device: torch.device) -> int:
    def meta_gradient() -> None:
        images = torch.randn(steps, batch, 1, 28, 28, device=device, requires_grad=True)
        labels = torch.arange(batch, device=device) % 10
        network = make_learner(learner, torch.Generator(device).manual_seed(0))
        taught = unroll(network, images, labels, 0.1, 0.5, checkpoint_every=every)
        loss, _ = outer_loss(
            network, taught, images, images[0].detach(), labels, "batch-statistics"
        )
        torch.autograd.backward(loss)

    return peak_bytes(meta_gradient, device)


def load_memory_use(folder: Path) -> MemoryUse | None:
    """What is recorded in ``folder/memory.json``; None if there is no such file.

    Raises:
        GtnError: the file is damaged or of another kind.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text())
        use = MemoryUse(
            learner=str(found["learner"]),
            batch=int(found["batch"]),
            device=str(found["device"]),
            inner_steps=tuple(map(int, found["inner_steps"])),
            stored=tuple(map(int, found["stored"])),
            checkpointed=tuple(map(int, found["checkpointed"])),
        )
        if not len(use.inner_steps) == len(use.stored) == len(use.checkpointed) > 0:
            raise ValueError("its columns differ in length")
        return use
    except (ValueError, KeyError, TypeError) as error:
        raise GtnError(
            f"{path} is not a readable table of memory ({error}): take a fresh copy, or delete it."
        ) from error
