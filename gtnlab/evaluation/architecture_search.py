"""Architecture search: which learner is best, told from a few steps on generated images?

Such et al. 2019 (arXiv 1912.07768), section 4.3: rank architectures by a short training on
generated data, and compare with their ranks after full training on real data. The fair rival
is the same short training on as many real images.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from scipy import stats
from torch.nn import functional as F

from gtnlab.curriculum import Curriculum
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation.baselines import (
    LR_FACTORS,
    RealImages,
    split_off,
    tune_lr_factor,
    tune_rates,
)
from gtnlab.evaluation.judging import accuracy_of
from gtnlab.evaluation.report import learner_of
from gtnlab.files import written_whole
from gtnlab.inner_loop import State
from gtnlab.learner import FAMILY, make_learner, members
from gtnlab.provenance import provenance

__all__ = ["Candidate", "Search", "search", "train_fully"]

FULL_BATCH = 128
FULL_LR = 0.003  # of Adam, down to zero along half a cosine
HELD_OUT = 1000  # training digits that the short trainings are scored on


@dataclass(frozen=True)
class Candidate:
    """One architecture's accuracies (0 to 1), all in the measure ``inference``."""

    name: str
    parameters: int
    generated: float  # after the curriculum, on held-out training digits
    real: float  # after as many real images in as many steps, on the same
    full: float  # after full training on real images, on the test set


@dataclass(frozen=True)
class Search:
    """All candidates, the best by full training first."""

    candidates: list[Candidate]
    provenance: dict[str, Any]

    def correlation(self, quick: str) -> tuple[float, float]:
        """Spearman's rank correlation of ``generated`` or ``real`` with ``full``, and its p.

        NaN if one of them ranks nothing, all being equal.
        """
        found = stats.spearmanr(
            [getattr(candidate, quick) for candidate in self.candidates],
            [candidate.full for candidate in self.candidates],
        )
        return float(found.statistic), float(found.pvalue)

    def save(self, path: Path) -> None:
        """Write JSON.

        Raises:
            GtnError: the disk is full or the folder cannot be written to.
        """
        record = {
            "spearman": {quick: self.correlation(quick) for quick in ("generated", "real")},
            "candidates": [asdict(candidate) for candidate in self.candidates],
            "provenance": self.provenance,
        }
        with written_whole(path) as scratch:
            scratch.write_text(json.dumps(record, indent=1) + "\n")


def search(
    curriculum: Curriculum,
    train: Digits,
    test: Digits,
    *,
    names: Sequence[str] | None = None,
    learners: int = 2,
    full_steps: int = 300,
    seed: int = 0,
    on_candidate: Callable[[int, int], None] | None = None,
) -> Search:
    """Rank architectures by a curriculum, by as many real images, and by full training.

    The curriculum comes with its learned rates and the real images with those that suit the
    curriculum's own learner best; for each architecture both get the best of the same few
    factors on the learning rates.

    Args:
        curriculum: its last snapshot is used.
        train: training digits; a tenth is held out to score the short trainings.
        test: test digits for full training.
        names: architectures, at least 3; None takes all of the family that the teacher was not
            trained with.
        learners: fresh learners per short training; their mean counts.
        full_steps: steps of 128 real images that stand for full training.
        seed: of all that is drawn.
        on_candidate: called with the number of architectures done and their total.

    Raises:
        GtnError: an unknown architecture, too few of them, or no step of full training.
    """
    own = learner_of(curriculum)
    if names is None:
        names = [name for name in FAMILY if name not in members(own)]
    if len(names) < 3 or full_steps < 1:
        raise GtnError(
            f"A search takes at least 3 architectures and 1 step of full training, not "
            f"{len(names)} and {full_steps}."
        )
    device = test.images.device
    lesson = curriculum.lesson(device=device)
    taught_from, held_out = split_off(train)
    held_out = held_out.thinned(HELD_OUT)
    real = RealImages("real-random", taught_from, curriculum.steps, curriculum.batch, seed)
    lr_factors = curriculum.provenance.get("lr_factors", {})
    rates = tune_rates(real, own, held_out, lr_factors=lr_factors, seed=seed)
    real_lessons = real.lessons(rates, learners, seed)

    candidates = []
    for done, name in enumerate(names, start=1):
        size = sum(p.numel() for p in make_learner(name).parameters())
        full = train_fully(name, taught_from, test, full_steps, seed)
        generated, rival = (
            tune_lr_factor(lessons, name, held_out, seed=seed)[1]
            for lessons in ([lesson] * learners, real_lessons)
        )
        candidates.append(Candidate(name, size, generated, rival, full))
        if on_candidate is not None:
            on_candidate(done, len(names))
    candidates.sort(key=lambda candidate: -candidate.full)
    facts = provenance(
        device,
        learners=learners,
        full={"steps": full_steps, "batch": FULL_BATCH, "optimiser": f"Adam, {FULL_LR:g}"},
        real_rates=rates,
        lr_factors=LR_FACTORS,
        held_out=len(held_out),
        test_images=len(test),
        seed=seed,
        source=test.source,
        curriculum=curriculum.provenance,
    )
    return Search(candidates, facts)


def train_fully(name: str, train: Digits, test: Digits, steps: int, seed: int) -> float:
    """Test accuracy (0 to 1, inference mode) of a learner after ``steps`` real batches of 128.

    Adam at one rate for all architectures, lowered to zero along half a cosine.
    """
    generator = torch.Generator().manual_seed(seed)
    learner = make_learner(name, generator).to(train.images.device)
    learner.train()
    optimiser = torch.optim.Adam(learner.parameters(), FULL_LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        images, labels = train.sample(FULL_BATCH, generator)
        optimiser.zero_grad()
        F.nll_loss(learner(images), labels).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    state = State(
        steps,
        {key: p.detach() for key, p in learner.named_parameters()},
        dict(learner.named_buffers()),
    )
    return accuracy_of(learner, state, test, "inference")
