"""From a run directory to a file that is small enough to hand out and says what can be checked."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gtnlab.curriculum import MEASURES, OPTIONAL, Curriculum
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation.judging import judge
from gtnlab.evaluation.report import Report, learner_of
from gtnlab.experiments import ExperimentConfig
from gtnlab.explorer.recordings import MAX_BYTES, MAX_SNAPSHOTS
from gtnlab.learner import LEARNERS
from gtnlab.training.run import open_curriculum

LEARNERS_OF_CLAIM = 10
# Whoever checks on a CPU waits seconds for a convolutional learner's 10,000.
SLOW_TEST_IMAGES = 2000


def publish(
    run: Path,
    folder: Path,
    test: Digits,
    *,
    note: str = "",
    max_bytes: int = MAX_BYTES,
    on_learner: Callable[[], None] | None = None,
) -> Path:
    """Write ``folder/NAME.npz`` from a run directory, and ``NAME.json`` from its evaluation.

    Snapshots are left out, evenly, until the file has at most ``max_bytes``; the first and the last
    stay. The provenance gets a ``claim``, what fresh learners reach on the images as they are
    stored, and the ``note``, a sentence that a reader of its numbers should know.

    Returns:
        the file written.

    Raises:
        GtnError: the run has no curriculum, was made for other digits, cannot be made small
            enough, or the folder cannot be written to.
    """
    curriculum = open_curriculum(run)
    config = ExperimentConfig(**curriculum.provenance["config"])
    facts = curriculum.provenance | {"claim": claim(curriculum, test, on_learner)}
    facts |= {"note": note} if note else {}
    curriculum = _small_enough(dataclasses.replace(curriculum, provenance=facts), run, max_bytes)
    target = folder / f"{config.recording}.npz"
    curriculum.save(target)
    evaluation = run / "evaluation.json"
    if evaluation.is_file():
        Report.load(evaluation).save(target.with_suffix(".json"))
    return target


def claim(
    curriculum: Curriculum, test: Digits, on_learner: Callable[[], None] | None = None
) -> dict[str, Any]:
    """What fresh learners reach that are taught with the last snapshot in order, as plain JSON.

    Of a ``random`` teacher this is one drawing of its images, the one that is stored.

    Raises:
        GtnError: ``test`` is another data set than the one the teacher was trained for.
    """
    curriculum.check_source(test.source)
    learner, device = learner_of(curriculum), test.images.device
    shape = LEARNERS.get(learner)  # None: a family of them
    part = test if shape and not shape.slow_on_cpu else test.thinned(SLOW_TEST_IMAGES)
    seed = int(curriculum.provenance["seed"])
    judged = judge(
        curriculum.lesson(device=device),
        learner,
        part,
        learners=LEARNERS_OF_CLAIM,
        seed=seed,
        on_learner=on_learner,
    )
    return {
        "order": "ordered",
        "statistics": "recomputed",
        "learner": learner,
        "learners": LEARNERS_OF_CLAIM,
        "seed": seed,
        "test_images": len(part),
        "accuracy": {measure: judged.final(measure).to_dict() for measure in MEASURES},
    }


def _small_enough(curriculum: Curriculum, run: Path, max_bytes: int) -> Curriculum:
    count = min(len(curriculum.outer_step), MAX_SNAPSHOTS)
    with tempfile.TemporaryDirectory() as scratch:
        while count:
            thinned = _thinned(curriculum, count)
            trial = Path(scratch) / "trial.npz"
            thinned.save(trial)
            size = trial.stat().st_size
            if size <= max_bytes:
                return thinned
            count = min(count - 1, int(count * max_bytes / size))
    raise GtnError(
        f"{run}: one snapshot of {curriculum.steps} × {curriculum.batch} images takes more than "
        f"{max_bytes:,} bytes. Allow more, or record a smaller experiment."
    )


def _thinned(curriculum: Curriculum, count: int) -> Curriculum:
    """``count`` snapshots spread evenly over those there are; the last is always kept."""
    last = len(curriculum.outer_step) - 1
    index = np.unique(np.linspace(last if count == 1 else 0, last, count).round().astype(int))
    kept = {
        field: getattr(curriculum, field)[index]
        for field in ("outer_step", "images", "lr", "momentum", "accuracy", *OPTIONAL)
        if getattr(curriculum, field) is not None
    }
    return dataclasses.replace(curriculum, **kept)
