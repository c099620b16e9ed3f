"""Judging a curriculum: how well do fresh learners do on real digits after it?

Every accuracy comes in two measures, side by side. ``batch-statistics`` leaves the learner's
BatchNorm in train mode, so that each test batch is normalised by its own statistics: it is
what published results of this method report, and it leaks the test set's statistics.
``inference`` uses nothing but what the learner was taught with: it is what a user gets.
For a learner without BatchNorm the two are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats
from torch import Tensor, nn
from torch.func import functional_call

from gtnlab.curriculum import MEASURES, Lesson, Measure
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.inner_loop import State, unroll
from gtnlab.learner import Learner, make_learner, members

Statistics = Literal["recomputed", "running"]
STATISTICS: tuple[Statistics, ...] = get_args(Statistics)

TEST_BATCH = 512
"""Test images per batch: under ``batch-statistics`` the answer depends on it."""

# Without batch statistics any size gives the same answer: small ones stay in a CPU's cache.
INFERENCE_BATCH = {"cpu": 64, "cuda": 5000}

MIN_LEARNERS = 10


@dataclass(frozen=True)
class Scores:
    """Accuracies (0 to 1) of several fresh learners, and what they say of the next one."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def std(self) -> float:
        """Spread between learners (the sample's standard deviation)."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else 0.0

    @property
    def margin(self) -> float:
        """Half the width of the mean's 95 % confidence interval (Student's t)."""
        count = len(self.values)
        if count < 2:
            return math.nan
        return float(stats.t.ppf(0.975, count - 1)) * self.std / math.sqrt(count)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        margin = None if math.isnan(self.margin) else self.margin
        return {"mean": self.mean, "std": self.std, "margin95": margin, "values": [*self.values]}


@dataclass(frozen=True)
class Judged:
    """What fresh learners scored."""

    # For each measure [learners, checks], 0 to 1; a check after every inner step, or one at last.
    accuracy: dict[Measure, npt.NDArray[np.float64]]

    def final(self, measure: Measure) -> Scores:
        """The scores after the last inner step."""
        return Scores(tuple(float(value) for value in self.accuracy[measure][:, -1]))


def judge(
    lessons: Lesson | Sequence[Lesson],
    learner: str,
    digits: Digits,
    *,
    learners: int = MIN_LEARNERS,
    seed: int = 0,
    every_step: bool = False,
    statistics: Statistics = "recomputed",
    on_learner: Callable[[], None] | None = None,
) -> Judged:
    """Teach fresh learners and test them on real digits.

    The same seed draws the same learners whatever they are taught, so that two lessons are
    compared on the same ones.

    Args:
        lessons: one for all learners, or one for each, on the device of ``digits``.
        learner: name of the architecture, or of a family, over whose members the learners are
            spread.
        learners: how many; a result that is reported takes at least 10.
        every_step: test after every inner step instead of after the last.
        statistics: where ``inference`` takes BatchNorm's statistics from: ``recomputed`` from
            the images taught so far and the weights as they are then, or the ``running``
            averages that training leaves behind.

    Raises:
        GtnError: no such learner, or no learner at all.
    """
    if learners < 1:
        raise GtnError(f"Judging takes at least 1 learner (10 for a result), not {learners}.")
    if not isinstance(lessons, Lesson) and len(lessons) != learners:
        raise GtnError(f"{len(lessons)} lessons do not fit {learners} learners: give one each.")
    generator = torch.Generator().manual_seed(seed)
    names = members(learner)
    found: dict[Measure, list[list[float]]] = {measure: [] for measure in MEASURES}
    for index in range(learners):
        name = names[index * len(names) // learners % len(names)]
        network = make_learner(name, generator)
        lesson = lessons if isinstance(lessons, Lesson) else lessons[index]
        lesson = lesson.suited_to(name, network)
        network = network.to(digits.images.device).train()
        states = unroll(
            network,
            lesson.images,
            lesson.labels if lesson.targets is None else lesson.targets,
            lesson.tensor_lr,
            lesson.momentum,
            initial_scales=lesson.initial_scales,
            intermediate_every=1 if every_step else 0,
            differentiable=False,
        ).states
        for measure in MEASURES:
            if measure == "inference" and not network.uses_batch_statistics:
                found[measure].append(found["batch-statistics"][-1])
                continue
            if measure == "inference" and statistics == "recomputed":
                states = [
                    recomputed(network, state, lesson.images[: state.step]) for state in states
                ]
            found[measure].append(
                [accuracy_of(network, state, digits, measure) for state in states]
            )
        if on_learner is not None:
            on_learner()
    return Judged({measure: np.array(values) for measure, values in found.items()})


@torch.no_grad()
def recomputed(learner: Learner, state: State, images: Tensor) -> State:
    """``state`` with BatchNorm's statistics from all images, [steps, batch, 1, 28, 28], at once."""
    buffers = {name: buffer.clone() for name, buffer in state.buffers.items()}
    norms = [m for m in learner.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.momentum = 1.0  # the running average becomes this batch's
        with in_mode(learner, training=True):
            functional_call(learner, (state.params, buffers), (images.flatten(0, 1),))
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
    return State(state.step, state.params, buffers)


@torch.no_grad()
def accuracy_of(learner: Learner, state: State, digits: Digits, measure: Measure) -> float:
    """Share of ``digits`` (0 to 1) that ``learner`` gets right with ``state``'s weights."""
    training = measure == "batch-statistics"
    batch_bound = training and learner.uses_batch_statistics
    size = TEST_BATCH if batch_bound else INFERENCE_BATCH.get(digits.images.device.type, TEST_BATCH)
    # A test in train mode writes running statistics: into a copy.
    buffers = {name: buffer.clone() for name, buffer in state.buffers.items()}
    params = {
        name: p.contiguous(memory_format=torch.channels_last) if p.ndim == 4 else p
        for name, p in state.params.items()
    }
    right = torch.zeros((), dtype=torch.int64, device=digits.labels.device)
    with in_mode(learner, training=training):
        for images, labels in zip(
            torch.split(digits.images, size), torch.split(digits.labels, size), strict=True
        ):
            answer = functional_call(learner, (params, buffers), (images,))
            right += (answer.argmax(dim=1) == labels).sum()
    return right.item() / len(digits)


@contextmanager
def in_mode(learner: nn.Module, *, training: bool) -> Iterator[None]:
    """Put a module in train mode, or not, for a while."""
    before = learner.training
    learner.train(training)
    try:
        yield
    finally:
        learner.train(before)
