"""Does a recorded curriculum do what it says? Taught again, on the images as they are stored.

Two checks. The ``claim`` is tested as a statistical statement: other fresh learners, with other
initial weights, must reach it within the interval that the spread between learners leaves. The
accuracies over the outer loop are computed again with the very learners that they were recorded
with, so that only rounding may differ.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy import stats

from gtnlab.curriculum import Curriculum
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation.judging import Scores, judge
from gtnlab.explorer.recordings import MAX_BYTES, MAX_SNAPSHOTS, PROVENANCE

# Two-sided: an honest file fails one check in ten thousand.
CONFIDENCE = 0.9999
LEARNERS, QUICK_LEARNERS = 10, 2
# Other learners than any recorded ones, whose seeds are small.
OTHER_SEED = 2**30
# Rounding differs between processors, and ten large steps enlarge the difference.
ROUNDING = 0.03


@dataclass(frozen=True)
class Check:
    """One recorded accuracy beside what was found now, both from 0 to 1."""

    what: str
    recorded: float
    found: float
    allowed: float  # the largest difference that chance or rounding explains

    @property
    def holds(self) -> bool:
        return abs(self.recorded - self.found) <= self.allowed

    def __str__(self) -> str:
        return (
            f"{self.what}: recorded {100 * self.recorded:.1f} %, found {100 * self.found:.1f} %, "
            f"allowed ±{100 * self.allowed:.1f}"
        )


def verify(
    path: Path,
    test: Digits,
    *,
    quick: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Check]:
    """Check a recorded curriculum against fresh learners.

    Args:
        test: real test digits, of the data set that the file names.
        quick: two learners against the claim alone, in place of ten and all snapshots.
        on_progress: told the parts done and their total.

    Returns:
        every check, passed.

    Raises:
        GtnError: the file is damaged, too large, says too little of its origin, was made for
            other digits, or claims what fresh learners do not reach.
    """
    curriculum = _readable(path, test)
    learners = QUICK_LEARNERS if quick else LEARNERS
    snapshots = 0 if quick else len(curriculum.outer_step)
    done = itertools.count(1)

    def tick() -> None:
        if on_progress is not None:
            on_progress(next(done), learners + snapshots)

    try:
        found = _claim(curriculum, test, learners, tick)
        for index in range(snapshots):
            found += _curve(curriculum, test, index)
            tick()
    except (KeyError, TypeError, ValueError) as error:
        raise GtnError(
            f"{path} says of its accuracies what cannot be read ({type(error).__name__}: {error}). "
            "Record it again with `gtnlab train` and `gtnlab publish`."
        ) from error
    if wrong := [check for check in found if not check.holds]:
        raise GtnError(
            f"{path} does not do what it says. "
            + "; ".join(str(check) for check in wrong[:4])
            + (f"; and {len(wrong) - 4} more" if len(wrong) > 4 else "")
            + ". Take a fresh copy of the file, or record it again with `gtnlab train` and "
            "`gtnlab publish`."
        )
    return found


def _readable(path: Path, test: Digits) -> Curriculum:
    curriculum = Curriculum.load(path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise GtnError(
            f"{path} takes {size:,} bytes, more than the {MAX_BYTES:,} that a recorded file may. "
            "Write it with `gtnlab publish`, which leaves snapshots out."
        )
    if len(curriculum.outer_step) > MAX_SNAPSHOTS:
        raise GtnError(
            f"{path} holds {len(curriculum.outer_step)} snapshots, more than {MAX_SNAPSHOTS}. "
            "Write it with `gtnlab publish`, which leaves some out."
        )
    if missing := [key for key in PROVENANCE if key not in curriculum.provenance]:
        raise GtnError(
            f"{path} does not say where it comes from: its provenance lacks "
            f"{', '.join(missing)}. Write it with `gtnlab publish RUN`."
        )
    curriculum.check_source(test.source, path)
    return curriculum


def _claim(
    curriculum: Curriculum, test: Digits, learners: int, tick: Callable[[], None]
) -> list[Check]:
    said: dict[str, Any] = curriculum.provenance["claim"]
    part = test.thinned(int(said["test_images"]))
    judged = judge(
        curriculum.lesson(device=test.images.device),
        str(said["learner"]),
        part,
        learners=learners,
        seed=OTHER_SEED,
        on_learner=tick,
    )
    found = []
    for measure in judged.accuracy:
        scores = judged.final(measure)
        recorded = Scores(tuple(float(value) for value in said["accuracy"][measure]["values"]))
        if not math.isclose(recorded.mean, float(said["accuracy"][measure]["mean"])):
            raise ValueError("the claimed mean is not the mean of the claimed values")
        # A whole image more or less is rounding, however alike the learners are.
        allowed = _interval(recorded, scores) + 1 / len(part)
        what = f"after {curriculum.outer_step[-1]} outer steps ({measure})"
        found.append(Check(what, recorded.mean, scores.mean, allowed))
    return found


def _interval(one: Scores, other: Scores) -> float:
    """Half the interval of the difference between two samples' means (Student, pooled spread)."""
    n, k = len(one.values), len(other.values)
    freedom = n + k - 2
    pooled = math.sqrt(((n - 1) * one.std**2 + (k - 1) * other.std**2) / freedom)
    quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, freedom))
    return quantile * pooled * math.sqrt(1 / n + 1 / k)


def _curve(curriculum: Curriculum, test: Digits, snapshot: int) -> list[Check]:
    how = curriculum.provenance["judged"]
    learners = int(how["learners"])
    judged = judge(
        curriculum.lesson(snapshot, test.images.device),
        str(curriculum.provenance["config"]["learner"]),
        test.thinned(int(how["test_images"])),
        learners=learners,
        seed=int(curriculum.provenance["seed"]),
    )
    row = curriculum.orders.index("ordered")
    recorded = curriculum.accuracy[snapshot, row, :, -1]  # [measures]
    return [
        Check(
            f"over the outer loop, at step {curriculum.outer_step[snapshot]} ({measure})",
            float(recorded[curriculum.measures.index(measure)]),
            judged.final(measure).mean,
            ROUNDING,
        )
        for measure in judged.accuracy
    ]
