"""Snapshots of a teacher during its training: what a recorded curriculum is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gtnlab.rates import InnerRates
from gtnlab.teacher import Pixels, Teacher


@dataclass(frozen=True)
class Snapshot:
    """What the teacher made after some outer steps."""

    outer_step: int
    images: npt.NDArray[np.uint8]  # [steps, batch, 28, 28]; −1…1 as 0…255
    labels: npt.NDArray[np.int64]  # [batch]
    lr: npt.NDArray[np.float64]  # [steps]
    momentum: npt.NDArray[np.float64]  # [steps]
    # What is only there if it was learned; see `Curriculum`.
    targets: npt.NDArray[np.float32] | None = None
    tensor_factors: npt.NDArray[np.float64] | None = None
    initial_scales: npt.NDArray[np.float64] | None = None


def snapshot_steps(outer_steps: int, count: int) -> set[int]:
    """When to take `count` snapshots: from before the first step to after the last.

    Their distances grow, because a teacher changes fastest in the beginning.
    """
    return {round(outer_steps * (i / max(1, count - 1)) ** 2) for i in range(count)} | {outer_steps}


def take_snapshot(
    teacher: Teacher | Pixels, rates: InnerRates, outer_step: int, seed: int
) -> Snapshot:
    """The teacher's images and rates now; `seed` as in `made_now`."""
    images, labels, targets = made_now(teacher, seed)
    with torch.no_grad():
        learned = *rates(), rates.tensor_factors(), rates.initial_scales()
    lr, momentum, factors, scales = map(_float64, learned)
    return Snapshot(outer_step, images, labels, lr, momentum, targets, factors, scales)


def _float64(values: Tensor | None) -> Any:
    return None if values is None else values.double().cpu().numpy()


@torch.no_grad()
def made_now(
    teacher: Teacher | Pixels, seed: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.float32] | None]:
    """What the teacher makes now: images uint8 [steps, batch, 28, 28] and classes [batch].

    And soft labels [steps, batch, 10], if it learns them. `seed` is of the vectors of a `random`
    teacher; a generator of its own keeps the training from being disturbed by looking at it.
    """
    generator = torch.Generator(teacher.labels.device).manual_seed(seed)
    images, labels = teacher(generator)
    pixels = ((images.squeeze(2) + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    soft = labels.cpu().numpy() if labels.is_floating_point() else None
    return pixels.cpu().numpy(), teacher.labels.cpu().numpy(), soft
