"""From a finished run to a recorded curriculum: every snapshot judged after each inner step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from gtnlab.curriculum import MEASURES, OPTIONAL, Curriculum, Order
from gtnlab.digits import Digits
from gtnlab.evaluation.judging import judge
from gtnlab.learner import LEARNERS, members
from gtnlab.provenance import provenance
from gtnlab.training.outer_loop import OuterLoop

# Shuffling draws numbers: an order added before another shuffle would change what that one draws.
RECORDED_ORDERS: tuple[Order, ...] = ("ordered", "steps-shuffled", "reversed")


def record(
    run: OuterLoop, test: Digits, on_snapshot: Callable[[int, int], None] | None = None
) -> Curriculum:
    """Judge each of a run's snapshots on a part of the test digits.

    These accuracies draw curves, for which a few learners and a part of the test set do;
    ``report.report`` judges the last snapshot in full. The provenance says how many.
    `on_snapshot` is told the snapshots judged and their total.
    """
    config, device = run.config, test.images.device
    names = members(config.learner)
    slow = any(LEARNERS[name].slow_on_cpu for name in names) and device.type == "cpu"
    learners, images = (len(names), 500) if slow else (4, 1000)
    part = test.thinned(images)
    last = run.snapshots[-1]
    accuracy = np.zeros(
        (len(run.snapshots), len(RECORDED_ORDERS), len(MEASURES), config.steps), np.float32
    )
    recorded = {
        name: np.stack([getattr(snapshot, name) for snapshot in run.snapshots])
        for name in ("outer_step", "images", "lr", "momentum", *OPTIONAL)
        if getattr(last, name) is not None
    }
    curriculum = Curriculum(
        **recorded,
        labels=last.labels,
        accuracy=accuracy,
        orders=RECORDED_ORDERS,
        measures=MEASURES,
        provenance=provenance(
            next(run.teacher.parameters()).device,
            config=config.to_dict(),
            seed=config.seed,
            source=run.source,
            outer_steps=run.outer_step,
            seconds=round(run.seconds, 1),
            cpu_seconds=round(run.cpu_seconds, 1),
            stopped=run.stopped,
            judged={"learners": learners, "test_images": len(part)},
        ),
    )
    generator = torch.Generator().manual_seed(config.seed)
    for index in range(len(run.snapshots)):
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
            on_snapshot(index + 1, len(run.snapshots))
    return curriculum
