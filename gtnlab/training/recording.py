"""From a finished run to a recorded curriculum: every snapshot judged after each inner step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from gtnlab.curriculum import MEASURES, OPTIONAL, Curriculum, Order
from gtnlab.digits import Digits
from gtnlab.evaluation.judging import judge
from gtnlab.learner import LEARNERS, members
from gtnlab.provenance import provenance
from gtnlab.training.meta_training import TrainResult

__all__ = ["RECORDED_ORDERS", "record"]

# Shuffling draws numbers: an order added before another shuffle would change what that one draws.
RECORDED_ORDERS: tuple[Order, ...] = ("ordered", "steps-shuffled", "reversed")


def record(
    result: TrainResult, test: Digits, on_snapshot: Callable[[int, int], None] | None = None
) -> Curriculum:
    """Judge each of the run's snapshots on a part of the test digits.

    These accuracies draw curves, for which a few learners and a part of the test set do;
    ``report.report`` judges the last snapshot in full. The provenance says how many.

    Args:
        result: the run.
        test: test digits, on any device.
        on_snapshot: called with the snapshots judged and their total, for a progress bar.
    """
    config, device = result.config, test.images.device
    names = members(config.learner)
    slow = any(LEARNERS[name].slow_on_cpu for name in names) and device.type == "cpu"
    learners, images = (len(names), 500) if slow else (4, 1000)
    part = test.thinned(images)
    accuracy = np.zeros(
        (len(result.snapshots), len(RECORDED_ORDERS), len(MEASURES), config.steps), np.float32
    )
    curriculum = Curriculum(
        outer_step=np.array([snapshot.outer_step for snapshot in result.snapshots], np.int64),
        images=np.stack([snapshot.images for snapshot in result.snapshots]),
        labels=result.snapshots[-1].labels,
        lr=np.stack([snapshot.lr for snapshot in result.snapshots]),
        momentum=np.stack([snapshot.momentum for snapshot in result.snapshots]),
        **{
            name: np.stack([getattr(snapshot, name) for snapshot in result.snapshots])
            for name in OPTIONAL
            if getattr(result.snapshots[-1], name) is not None
        },
        accuracy=accuracy,
        orders=RECORDED_ORDERS,
        measures=MEASURES,
        provenance=_facts(result, len(part), learners),
    )
    generator = torch.Generator().manual_seed(config.seed)
    for index in range(len(result.snapshots)):
        lesson = curriculum.lesson(index, device)
        for row, order in enumerate(RECORDED_ORDERS):
            reordered = [lesson.reorder(order, generator) for _ in range(learners)]
            judged = judge(
                reordered,
                config.learner,
                part,
                learners=learners,
                seed=config.seed,
                every_step=True,
            )
            for column, measure in enumerate(MEASURES):
                accuracy[index, row, column] = judged.accuracy[measure].mean(axis=0)
        if on_snapshot is not None:
            on_snapshot(index + 1, len(result.snapshots))
    return curriculum


def _facts(result: TrainResult, test_images: int, learners: int) -> dict[str, Any]:
    return provenance(
        next(result.teacher.parameters()).device,
        config=result.config.to_dict(),
        seed=result.config.seed,
        source=result.source,
        outer_steps=result.outer_step,
        seconds=round(result.seconds, 1),
        cpu_seconds=round(result.cpu_seconds, 1),
        stopped=result.stopped,
        judged={"learners": learners, "test_images": test_images},
    )
