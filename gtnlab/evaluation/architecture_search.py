"""Architecture search: which learner is best, told from a few steps on generated images?

Such et al. 2019 (arXiv 1912.07768), section 4.3: rank architectures by a short training on
generated data, and compare with their ranks after full training on real data. The fair rival
is the same short training on as many real images.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scipy import stats

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
from gtnlab.evaluation.report import learner_of
from gtnlab.files import explained, write_json
from gtnlab.learner import make_learner
from gtnlab.provenance import provenance

HELD_OUT = 3000
"""Training digits that the short trainings are scored on, unless told otherwise."""


@dataclass(frozen=True)
class Candidate:
    """One architecture's accuracies (0 to 1), all in the measure ``inference``."""

    name: str
    parameters: int
    generated: float  # after the curriculum, on held-out training digits
    real: float  # after as many real images in as many steps, on the same
    full: float  # after full training on real digits, on the test digits


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
        """Write JSON, whole or not at all."""
        record = {
            "spearman": {quick: self.correlation(quick) for quick in ("generated", "real")},
            "candidates": [asdict(candidate) for candidate in self.candidates],
            "provenance": self.provenance,
        }
        write_json(path, record)

    @classmethod
    def load(cls, path: Path) -> Search:
        """Read what :meth:`save` wrote.

        Raises:
            GtnError: the file is missing, damaged or of another kind.
        """
        again = "take a fresh copy, or search again with gtnlab search"
        with explained(path, "not a readable search", again):
            record = json.loads(path.read_text())
            return cls([Candidate(**each) for each in record["candidates"]], record["provenance"])


def search(
    curriculum: Curriculum,
    train: Digits,
    full: Mapping[str, float],
    *,
    learners: int = 4,
    held_out: int = HELD_OUT,
    seed: int = 0,
    on_candidate: Callable[[int, int], None] | None = None,
) -> Search:
    """Rank architectures by a curriculum and by as many real images.

    The curriculum's last snapshot comes with its learned rates, and the real images with those that
    suit the curriculum's own learner best; for each architecture both get the best of the same few
    factors on the learning rates.

    Args:
        train: training digits. Of the tenth that is held out, ``held_out`` digits, spread evenly
            over it, score the short trainings.
        full: the architectures, at least 3, each with its test accuracy after full training
            (:func:`~gtnlab.evaluation.full_training.fully_trained`).
        learners: fresh learners per short training; their mean counts.

    Raises:
        GtnError: an unknown architecture, or too few of them.
    """
    if len(full) < 3:
        raise GtnError(f"A search takes at least 3 architectures, not {len(full)}.")
    own, device = learner_of(curriculum), train.images.device
    lesson = curriculum.lesson(device=device)
    taught_from, scored_on = split_off(train)
    scored_on = scored_on.thinned(held_out)
    real = RealImages("real-random", taught_from, curriculum.steps, curriculum.batch, seed)
    rates = tune_rates(real, own, scored_on, seed=seed)
    real_lessons = real.lessons(rates, learners, seed)

    candidates = []
    for done, (name, accuracy) in enumerate(full.items(), start=1):
        size = sum(p.numel() for p in make_learner(name).parameters())
        generated, rival = (
            tune_lr_factor(lessons, name, scored_on, seed=seed)[1]
            for lessons in ([lesson] * learners, real_lessons)
        )
        candidates.append(Candidate(name, size, generated, rival, accuracy))
        if on_candidate is not None:
            on_candidate(done, len(full))
    candidates.sort(key=lambda candidate: -candidate.full)
    facts = provenance(
        device,
        learners=learners,
        real_rates=rates,
        lr_factors=LR_FACTORS,
        held_out=len(scored_on),
        seed=seed,
        source=train.source,
        curriculum=curriculum.provenance,
    )
    return Search(candidates, facts)
