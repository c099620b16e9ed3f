"""The outer loop: teach a fresh learner, judge it on real digits, improve the teacher.

Such et al. 2019 (arXiv 1912.07768), section 3 and figure 1(a). A run directory holds
`config.json`, `metrics.jsonl` (one line per logged step) and `checkpoint.pt`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gtnlab.digits import Digits
from gtnlab.experiments import ExperimentConfig
from gtnlab.teacher import Teacher

__all__ = ["Snapshot", "StepState", "TrainResult", "load_result", "train"]


@dataclass(frozen=True)
class Snapshot:
    """What the teacher made at one moment of a run; Curriculum.save stores at most 25."""

    outer_step: int
    images: npt.NDArray[np.uint8]  # [steps, batch, 28, 28]; tanh's −1…1 as 0…255
    labels: npt.NDArray[np.int64]  # [batch]
    lr: npt.NDArray[np.float64]  # [steps]
    momentum: npt.NDArray[np.float64]  # [steps]


@dataclass(frozen=True)
class StepState:
    """What `on_step` is told, at each logged step and at the last."""

    outer_step: int  # outer steps done
    outer_steps: int  # outer steps asked for
    seconds: float  # training time so far, earlier sessions of a resumed run included
    outer_loss: float  # negative log-likelihood on the real batch
    accuracy: float  # on the real training batch, 0…1, by the path that was trained
    lr: Tensor  # [steps]
    momentum: Tensor  # [steps]
    teacher: Teacher


@dataclass(frozen=True)
class TrainResult:
    """A finished (or time-limited) run, as `load_result` also gives it back."""

    config: ExperimentConfig
    teacher: Teacher  # in train mode, on the run's device
    lr: Tensor  # [steps], detached
    momentum: Tensor  # [steps], detached
    snapshots: list[Snapshot]  # oldest first; the last is of the final teacher
    outer_step: int
    seconds: float
    source: Literal["mnist", "sklearn-digits"]
    stopped: Literal["finished", "time limit"]


def train(
    config: ExperimentConfig,
    out_dir: Path | None = None,
    *,
    resume: bool = False,
    time_limit: float | None = None,
    quiet: bool = False,
    on_step: Callable[[StepState], None] | None = None,
    log_every: int = 20,
    save_every: int = 200,
    digits: Digits | None = None,
) -> TrainResult:
    """Meta-train a teacher.

    Args:
        config: the experiment.
        out_dir: run directory; None keeps everything in memory (no checkpoint, no metrics file).
        resume: continue the run in `out_dir` from its checkpoint, exactly as if never stopped.
        time_limit: stop after this many seconds of this call, with a complete result.
        quiet: no progress bar.
        on_step: called with a `StepState` at each logged step and at the last one.
        log_every: outer steps between two logged steps (each waits for the device once).
        save_every: outer steps between two checkpoints.
        digits: real training images on the run's device; None loads MNIST (or the fallback).

    Raises:
        GtnError: no GPU when asked, `out_dir` holds another run, nothing to resume, the loss
            diverged (the last good state stays in `checkpoint.pt`), or the disk is full.
    """
    raise NotImplementedError


def load_result(out_dir: Path, device: torch.device | str = "cpu") -> TrainResult:
    """The last checkpoint of a run as a result, to evaluate or record.

    Raises:
        GtnError: `out_dir` holds no readable checkpoint.
    """
    raise NotImplementedError
