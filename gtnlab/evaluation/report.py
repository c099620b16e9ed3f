"""What `gtnlab evaluate` finds out about a curriculum, as rows of a table.

Orders (is it a curriculum at all?), other architectures (does it teach what it was never
trained for?), and real images in the same number (is it worth it?).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from gtnlab.curriculum import MEASURES, ORDERS, Curriculum, Lesson, Measure, Order
from gtnlab.digits import Digits
from gtnlab.evaluation.baselines import (
    BASELINES,
    TUNING_LEARNERS,
    Baseline,
    RealImages,
    choose_statistics,
    split_off,
    tune_lr_factor,
    tune_rates,
    tuning_learners,
)
from gtnlab.evaluation.judging import Scores, Statistics, judge
from gtnlab.files import explained, write_json
from gtnlab.learner import FAMILIES, UNSEEN, members
from gtnlab.provenance import provenance

TRANSFER = ("mlp", "fc64x64", "wide", "conv32x32k5s2g4", "cnn_small_group", "cnn_small")
"""Architectures that a teacher of one is tried on beside its own: with and without convolutions,
deeper ones, and one with batch statistics."""

HELD_OUT = 1000  # training digits that rates and their factors are chosen by


@dataclass(frozen=True)
class Row:
    """One thing that fresh learners were taught with, and what they scored."""

    taught: Literal["generated"] | Baseline
    order: Order
    learner: str
    scores: dict[Measure, Scores]
    rates: tuple[float, float] | None = None
    """Tuned learning rate and momentum of real images; None: those that were learned."""
    lr_factor: float = 1.0
    """Factor on the learned learning rates, tuned for an architecture not trained for."""
    statistics: Statistics = "recomputed"
    """Where ``inference`` has BatchNorm's statistics from, chosen for each architecture."""
    test_images: int | None = None
    """How many test images it was judged on; None: as many as the report says."""

    @property
    def name(self) -> str:
        """A short title: the order for generated images, otherwise what was taught."""
        return self.order if self.taught == "generated" else self.taught


@dataclass(frozen=True)
class Report:
    """All rows, and where they come from."""

    rows: list[Row]
    provenance: dict[str, Any]

    @property
    def own(self) -> list[Row]:
        """Rows of the learner that the teacher was trained with."""
        return [row for row in self.rows if row.learner == self.provenance["learner"]]

    @property
    def transfer(self) -> list[Row]:
        """Rows of the other architectures."""
        return [row for row in self.rows if row.learner != self.provenance["learner"]]

    def save(self, path: Path) -> None:
        """Write JSON, whole or not at all; both measures stand in every row."""
        rows = []
        for row in self.rows:
            facts = dict(vars(row))
            scores = facts.pop("scores")
            facts["accuracy"] = {measure: scores[measure].to_dict() for measure in MEASURES}
            rows.append(facts)
        write_json(path, {"rows": rows, "provenance": self.provenance})

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read what :meth:`save` wrote.

        Raises:
            GtnError: the file is missing, damaged or of another kind.
        """
        with explained(path, "not a readable evaluation", "delete it and run again"):
            found = json.loads(path.read_text())
            rows = []
            for facts in found["rows"]:
                accuracy, rates = facts.pop("accuracy"), facts.pop("rates")
                scores = {m: Scores(tuple(accuracy[m]["values"])) for m in MEASURES}
                rows.append(Row(**facts, scores=scores, rates=rates and (rates[0], rates[1])))
            return cls(rows, dict(found["provenance"]))


def learner_of(curriculum: Curriculum) -> str:
    """The learner, or family of them, that a curriculum was made for; the MLP if it says none."""
    return str(curriculum.provenance.get("config", {}).get("learner", "mlp"))


def others(curriculum: Curriculum) -> tuple[str, ...]:
    """Architectures that its teacher never saw: of a family those held back, else ``TRANSFER``."""
    own = learner_of(curriculum)
    return UNSEEN if own in FAMILIES else tuple(name for name in TRANSFER if name != own)


def report(
    curriculum: Curriculum,
    test: Digits,
    train: Digits,
    *,
    drawings: Sequence[Lesson] | None = None,
    sample: int | None = None,
    transfer: Sequence[str] | None = None,
    baselines: Sequence[Baseline] = BASELINES,
    learners: int = 10,
    seed: int = 0,
    on_row: Callable[[str], None] | None = None,
) -> Report:
    """Judge the last snapshot of a curriculum in full.

    Args:
        test: the test digits, all of them for a result.
        train: training digits: the real images, and a tenth of them held out to choose by.
        drawings: one lesson per learner from a teacher whose vectors are drawn anew each
            time (variant ``random``), in place of the recorded one.
        sample: judge all rows but the first on so many test digits, spread evenly over the set,
            because a CPU takes seconds for a convolutional learner's whole test.
        transfer: other architectures to try, each with the factor that suits it; those that the
            teacher was trained with are left out. None takes :func:`others`.
        baselines: kinds of real images to compare with.
        on_row: called with what was judged after each row.

    Raises:
        GtnError: an unknown architecture, too few real images, or digits of another data set
            than the teacher was trained for.
    """
    curriculum.check_source(test.source)
    device = test.images.device
    own = learner_of(curriculum)
    lessons = list(drawings or [curriculum.lesson(device=device)] * learners)
    taught_from, held_out = split_off(train)
    held_out = held_out.thinned(HELD_OUT)
    rows: list[Row] = []

    def chosen(name: str, taught_with: Sequence[Lesson]) -> Statistics:
        few = taught_with[: tuning_learners(name)]
        return choose_statistics(few, name, held_out, seed=seed)

    def add(
        taught: Literal["generated"] | Baseline,
        order: Order,
        name: str,
        taught_with: Sequence[Lesson],
        statistics: Statistics,
        rates: tuple[float, float] | None = None,
        lr_factor: float = 1.0,
    ) -> None:
        part = test if not rows or sample is None else test.thinned(sample)
        judged = judge(taught_with, name, part, learners=learners, seed=seed, statistics=statistics)
        scores = {measure: judged.final(measure) for measure in MEASURES}
        rows.append(Row(taught, order, name, scores, rates, lr_factor, statistics, len(part)))
        if on_row is not None:
            on_row(f"{rows[-1].name}, {name}")

    in_order = chosen(own, lessons)
    for order in ORDERS:
        generator = torch.Generator().manual_seed(seed)
        reordered = [lesson.reorder(order, generator) for lesson in lessons]
        add("generated", order, own, reordered, in_order)
    for name in others(curriculum) if transfer is None else transfer:
        if name not in members(own):
            lr_factor, _ = tune_lr_factor(lessons[:TUNING_LEARNERS], name, held_out, seed=seed)
            suited = [lesson.scaled(lr_factor) for lesson in lessons]
            add("generated", "ordered", name, suited, chosen(name, suited), lr_factor=lr_factor)
    for kind in baselines:
        real = RealImages(kind, taught_from, curriculum.steps, curriculum.batch, seed)
        rates = tune_rates(real, own, held_out, seed=seed)
        taught_with = real.lessons(rates, learners, seed)
        add(kind, "ordered", own, taught_with, chosen(own, taught_with), rates)
    facts = provenance(
        device,
        learner=own,
        learners=learners,
        seed=seed,
        test_images=len(test),
        source=test.source,
        curriculum=curriculum.provenance,
    )
    return Report(rows, facts)
