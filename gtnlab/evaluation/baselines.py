"""What a curriculum must beat: as many real images, drawn at random or picked by k-means.

The real images come in the same number of batches of the same size, their labels laid out
like the generated ones. Their learning rate and momentum are chosen for them on held-out
training digits, so that they do not lose for want of tuning.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gtnlab.curriculum import Lesson
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation.judging import STATISTICS, Statistics, judge
from gtnlab.learner import make_learner, members

Baseline = Literal["real-random", "real-kmeans"]
BASELINES: tuple[Baseline, ...] = ("real-random", "real-kmeans")

# The inner loss is a tenth of the usual cross-entropy, hence rates above 1.
RATES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
MOMENTA = (0.5, 0.9)
LR_FACTORS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
TUNING_LEARNERS = 2
TUNING_MEMBERS = 8  # of a family
CLASSES = 10
KMEANS_SAMPLE = 2000  # images of a class that its clusters are found in


class RealImages:
    """Lessons of ``steps`` batches of ``batch`` real images.

    Args:
        kind: ``real-random`` draws other images for every lesson; ``real-kmeans`` takes those
            nearest to the centres of as many clusters, found in each class by itself, and
            only their order differs between lessons.
        digits: the training digits to draw from.
        steps: batches in a lesson.
        batch: images in a batch; their labels are 0, 1, … 9, 0, 1, ….
        seed: of the clusters.

    Raises:
        GtnError: there are too few real images of some class.
    """

    def __init__(self, kind: Baseline, digits: Digits, steps: int, batch: int, seed: int) -> None:
        self.digits, self.steps, self.batch = digits, steps, batch
        self.labels = torch.arange(batch) % CLASSES
        labels = digits.labels.cpu()
        self._of_class: list[Tensor] = []
        for digit in range(CLASSES):
            of_digit = (labels == digit).nonzero().flatten()
            needed = steps * int((self.labels == digit).sum())
            if len(of_digit) < needed:
                raise GtnError(
                    f"{steps} batches of {batch} take {needed} images of the digit {digit} and "
                    f"{digits.source} has {len(of_digit)}: take fewer steps or a smaller batch."
                )
            if kind == "real-kmeans" and needed:
                of_digit = of_digit[_representatives(digits.images[of_digit], needed, seed)]
            self._of_class.append(of_digit)

    def lesson(self, lr: float, momentum: float, generator: torch.Generator) -> Lesson:
        """One lesson at constant rates, without an image twice."""
        index = torch.empty(self.steps, self.batch, dtype=torch.int64)
        for digit, of_digit in enumerate(self._of_class):
            places = (self.labels == digit).expand(self.steps, self.batch)
            chosen = torch.randperm(len(of_digit), generator=generator)[: int(places.sum())]
            index[places] = of_digit[chosen]
        device = self.digits.images.device
        index = index.to(device)
        return Lesson(
            images=self.digits.images[index],  # [steps, batch, 1, 28, 28]
            labels=self.digits.labels[index],
            lr=torch.full((self.steps,), lr, device=device),
            momentum=torch.full((self.steps,), momentum, device=device),
        )

    def lessons(self, rates: tuple[float, float], count: int, seed: int) -> list[Lesson]:
        """``count`` lessons at the given learning rate and momentum."""
        generator = torch.Generator().manual_seed(seed)
        return [self.lesson(*rates, generator) for _ in range(count)]


def split_off(digits: Digits) -> tuple[Digits, Digits]:
    """Training digits to learn from, and the last tenth of them to choose by."""
    kept = round(len(digits) * 0.9)
    return digits[:kept], digits[kept:]


def tuning_learners(learner: str) -> int:
    """How many fresh learners choose what suits an architecture, or a family."""
    return TUNING_LEARNERS if members(learner) == (learner,) else TUNING_MEMBERS


def tune_rates(
    real: RealImages, learner: str, held_out: Digits, *, seed: int = 0
) -> tuple[float, float]:
    """The learning rate and momentum of a small grid that serve ``real`` best.

    Judged by ``inference`` accuracy on digits that are neither taught nor tested.
    """
    learners = tuning_learners(learner)
    return max(
        itertools.product(RATES, MOMENTA),
        key=lambda rates: _mean(real.lessons(rates, learners, seed), learner, held_out, seed),
    )


def tune_lr_factor(
    lessons: Sequence[Lesson], learner: str, held_out: Digits, *, seed: int = 0
) -> tuple[float, float]:
    """The factor on all learning rates that suits ``learner`` best, and its mean accuracy.

    Rates that were learned or chosen for one architecture are too fast or too slow for
    another; one number per architecture puts that right. Judged by ``inference`` accuracy on
    digits that are neither taught nor tested, with one fresh learner for each lesson.
    """
    means = {
        factor: _mean([lesson.scaled(factor) for lesson in lessons], learner, held_out, seed)
        for factor in LR_FACTORS
    }
    best = max(means, key=means.__getitem__)
    return best, means[best]


def choose_statistics(
    lessons: Sequence[Lesson], learner: str, held_out: Digits, *, seed: int = 0
) -> Statistics:
    """Which of BatchNorm's statistics serve ``inference`` better, on held-out digits.

    Both kinds come from what was taught and from nothing else; a user of the learner would
    try both as well. ``recomputed`` for a learner without batch statistics.
    """
    if not any(make_learner(name).uses_batch_statistics for name in members(learner)):
        return "recomputed"
    return max(STATISTICS, key=lambda kind: _mean(lessons, learner, held_out, seed, kind))


def _mean(
    lessons: Sequence[Lesson],
    learner: str,
    held_out: Digits,
    seed: int,
    statistics: Statistics = "recomputed",
) -> float:
    """Mean ``inference`` accuracy of one fresh learner for each lesson."""
    judged = judge(
        lessons, learner, held_out, learners=len(lessons), seed=seed, statistics=statistics
    )
    return judged.final("inference").mean


def _representatives(images: Tensor, count: int, seed: int) -> Tensor:
    """Indices of the ``count`` distinct images nearest to k-means' centres: int64 [count]."""
    from sklearn.cluster import MiniBatchKMeans

    flat = images.flatten(1)[: max(KMEANS_SAMPLE, count)].cpu().numpy()
    clusters = MiniBatchKMeans(
        count, random_state=seed, n_init=1, batch_size=max(256, 2 * count)
    ).fit(flat)
    distance = clusters.transform(flat)  # [images, count]
    # A centre without an image of its own takes the nearest one that is still free.
    free = np.ones(len(flat), dtype=bool)
    chosen = []
    for centre in range(count):
        nearest = int(np.where(free, distance[:, centre], np.inf).argmin())
        free[nearest] = False
        chosen.append(nearest)
    return torch.tensor(chosen)
