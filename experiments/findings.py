"""What the recorded results show, in sentences; every number and every verdict is computed."""

from __future__ import annotations

import math

from experiments.results import Result, by_experiment
from gtnlab.curriculum import Measure
from gtnlab.evaluation.judging import Scores
from gtnlab.evaluation.report import Row

__all__ = ["findings", "margin_of_difference", "percent", "signed"]

# Below this difference in points nothing is said to have changed, whatever the interval.
WORTH_SAYING = 1.0


def findings(results: list[Result]) -> list[tuple[str, str]]:
    """Heading and paragraph of each finding that the results carry."""
    found = [
        ("Is there a curriculum?", _curriculum(results)),
        ("Where is it when the vectors are fixed?", _stored(results)),
        ("What does the order carry?", _order(results)),
        ("How much was leaked batch statistics?", _leaked(results)),
        ("Can a teacher be trained for inference?", _honest(results)),
        ("Does it teach other learners?", _transfer(results)),
        ("Is it worth more than real images?", _real(results)),
    ]
    return [(heading, text) for heading, text in found if text]


def percent(scores: Scores) -> str:
    """``93.4 ± 0.1``, in per cent; the margin is half of the mean's 95 % interval."""
    return f"{100 * scores.mean:.1f} ± {100 * scores.margin:.1f}"


def margin_of_difference(one: Scores, other: Scores) -> float:
    """Half of the 95 % interval of the difference of two independent means (0 to 1)."""
    return math.hypot(one.margin, other.margin)


def _curriculum(results: list[Result]) -> str:
    said = []
    for experiment, group in by_experiment(results).items():
        parts = [
            f"{r.label}: "
            + _change(r.scores("ordered", "inference"), r.scores("steps-shuffled", "inference"))
            for r in group
        ]
        said.append(
            f"Shuffling the batches of `{experiment}` changes accuracy in inference – "
            f"{'; '.join(parts)}."
        )
        leaking = [r for r in group if _measures_differ(r)]
        if leaking:
            parts = [
                f"{r.label}: "
                + _change(*(r.scores(o, "batch-statistics") for o in ("ordered", "steps-shuffled")))
                for r in leaking
            ]
            said.append(f"By batch statistics – {'; '.join(parts)}.")
    said.append(
        "An order that costs accuracy to lose is a curriculum. A teacher whose vectors are drawn "
        "anew each time cannot tell one step from another; only the learned rates can."
    )
    return " ".join(said)


def _stored(results: list[Result]) -> str:
    said = []
    for experiment, group in by_experiment(results).items():
        learned, fixed = _kind(group, "learned"), _kind(group, "random_fixed")
        if not learned or not fixed:
            continue
        one, other = learned.scores("ordered", "inference"), fixed.scores("ordered", "inference")
        gap = 100 * (one.mean - other.mean)
        margin = 100 * margin_of_difference(one, other)
        losses = [
            100 * (r.scores("ordered", "inference").mean
                   - r.scores("steps-shuffled", "inference").mean)
            for r in (learned, fixed)
        ]  # fmt: skip
        verdict = (
            "no clear difference" if abs(gap) <= margin else f"{signed(gap)} ± {margin:.1f} points"
        )
        said.append(
            f"In `{experiment}`, learned vectors reach {percent(one)} % and fixed ones "
            f"{percent(other)} % ({verdict}); shuffled, they lose {losses[0]:.1f} and "
            f"{losses[1]:.1f} points."
        )
    if said:
        said.append(
            "Fixed vectors are never trained: whatever order their teacher has is in its weights, "
            "which tell the steps' vectors apart, and in the rates."
        )
    return " ".join(said)


def _order(results: list[Result]) -> str:
    said = []
    for result in results:
        if result.kind != "learned":
            continue
        ordered = result.scores("ordered", "inference")
        parts = [
            f"{words} {_change(ordered, result.scores(order, 'inference'))}"
            for order, words in (
                ("within-batch", "images shuffled within each batch"),
                ("reversed", "batches from last to first"),
                ("images-shuffled", "images dealt out anew over all batches"),
            )
        ]
        said.append(f"In `{result.experiment}` (learned): {'; '.join(parts)}.")
    if said:
        said.append(
            "The learning rate and momentum of a step stay in their place when the images move, so "
            "that part of a loss is images that meet a rate made for others."
        )
    return " ".join(said)


def _leaked(results: list[Result]) -> str:
    said = []
    for result in results:
        leaking = result.scores("ordered", "batch-statistics")
        honest = result.scores("ordered", "inference")
        if not _measures_differ(result):
            continue
        gap = 100 * (leaking.mean - honest.mean)
        said.append(
            f"`{result.experiment}` {result.label}: {percent(leaking)} % by batch statistics, "
            f"{percent(honest)} % in inference, {signed(gap)} points"
        )
    if not said:
        return ""
    plain = sorted({r.experiment for r in results if not _measures_differ(r)})
    rest = (
        f" The learner of `{'`, `'.join(plain)}` has no BatchNorm: its two measures are one."
        if plain
        else ""
    )
    return "; ".join(said) + "." + rest


def _honest(results: list[Result]) -> str:
    said = []
    for experiment, group in by_experiment(results).items():
        leaking, honest = _kind(group, "learned"), _kind(group, "inference")
        if not leaking or not honest:
            continue
        before, after = (r.scores("ordered", "inference") for r in (leaking, honest))
        gap = signed(100 * (after.mean - before.mean))
        margin = 100 * margin_of_difference(before, after)
        said.append(
            f"`{experiment}` reaches {percent(before)} % in inference after "
            f"{leaking.outer_steps} outer steps that judged by batch statistics, and "
            f"{percent(after)} % after {honest.outer_steps} steps whose meta-gradient went through "
            f"the statistics of the generated images: {gap} ± {margin:.1f} points. By batch "
            f"statistics the second reaches "
            f"{percent(honest.scores('ordered', 'batch-statistics'))} %."
        )
    return " ".join(said)


def _transfer(results: list[Result]) -> str:
    said = []
    for result in results:
        if result.kind != "learned" or not result.report.transfer:
            continue
        own = result.scores("ordered", "inference")
        rows = sorted(result.report.transfer, key=lambda row: -row.scores["inference"].mean)
        each = ", ".join(f"{row.learner} {percent(row.scores['inference'])}" for row in rows)
        said.append(
            f"The images that teach `{result.experiment}`'s own learner to {percent(own)} % teach "
            f"others to (inference, at the lr_factor that suits each): {each}."
        )
    return " ".join(said)


def _real(results: list[Result]) -> str:
    said = []
    measure: Measure = "inference"
    for experiment, group in by_experiment(results).items():
        # The real images are the same for every variant: one evaluation has them.
        real = next((rows for r in group if (rows := _real_rows(r))), [])
        if not real:
            continue
        best = max(real, key=lambda row: row.scores[measure].mean)
        each = ", ".join(f"{_taught(row)} {percent(row.scores[measure])} %" for row in real)
        parts = []
        for result in group:
            if result.kind in ("learned", "inference"):
                own = result.scores("ordered", measure)
                gap = signed(100 * (own.mean - best.scores[measure].mean))
                margin = 100 * margin_of_difference(own, best.scores[measure])
                parts.append(f"{result.label}: {percent(own)} %, {gap} ± {margin:.1f} points")
        said.append(
            f"The learner of `{experiment}` reaches in inference, from {group[0].config.images} "
            f"real images in as many steps, {each}; from as many generated ones, and compared with "
            f"the better of these – {'; '.join(parts)}."
        )
    return " ".join(said)


def _real_rows(result: Result) -> list[Row]:
    return [row for row in result.report.own if row.taught != "generated"]


def _taught(row: Row) -> str:
    return "picked by k-means" if row.taught == "real-kmeans" else "drawn at random"


def _change(before: Scores, after: Scores) -> str:
    gap, margin = 100 * (after.mean - before.mean), 100 * margin_of_difference(before, after)
    words = f"{signed(gap)} ± {margin:.1f} points"
    return f"{words} (nothing to speak of)" if abs(gap) <= max(margin, WORTH_SAYING) else words


def signed(points: float) -> str:
    """``+1.8``, ``−2.3`` or ``0.0``."""
    rounded = round(points, 1)
    return "0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", "−")


def _kind(group: list[Result], kind: str) -> Result | None:
    return next((result for result in group if result.kind == kind), None)


def _measures_differ(result: Result) -> bool:
    scores = result.row("ordered").scores
    return scores["inference"].values != scores["batch-statistics"].values
