"""Markdown tables of the results page; every number comes from the recorded results."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.findings import percent, signed
from experiments.memory_use import MemoryUse
from experiments.results import Result
from experiments.tuning import Trial
from gtnlab.curriculum import MEASURES
from gtnlab.evaluation.published import PUBLISHED, PUBLISHED_STEPS

__all__ = ["accuracy", "memory", "orders", "targets", "time", "transfer", "tried"]


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def accuracy(results: list[Result]) -> str:
    heads = ["run", "outer steps", "generated images"]
    heads += [f"{order}, {measure}" for order in ("in order", "shuffled") for measure in MEASURES]
    rows = [
        [
            f"`{r.name}`",
            str(r.outer_steps),
            f"{r.config.steps} × {r.config.batch}",
            *[
                percent(r.scores(order, measure))
                for order in ("ordered", "steps-shuffled")
                for measure in MEASURES
            ],
        ]
        for r in results
    ]
    learners = sorted({r.report.provenance["learners"] for r in results})
    sources = sorted({r.curriculum.provenance["source"] for r in results})
    return (
        _table(heads, rows)
        + f"\n\nPer cent. Fresh learners: {_listed(learners)}. Test images ({_listed(sources)}): "
        f"{_listed(_tested(results, 'ordered'))} in order, "
        f"{_listed(_tested(results, 'steps-shuffled'))} shuffled."
    )


def targets(results: list[Result]) -> str:
    rows = []
    for r in results:
        published = PUBLISHED.get(r.config.name)
        if published is None or r.config.variant not in published.ordered:
            continue
        goal = published.ordered[r.config.variant]
        scores = r.scores("ordered", "batch-statistics")
        gap = 100 * scores.mean - goal
        rows.append(
            [
                f"`{r.name}`",
                f"{goal:.1f} after {PUBLISHED_STEPS}",
                f"{percent(scores)} after {r.outer_steps}",
                percent(r.scores("ordered", "inference")),
                f"{'reached' if gap >= 0 else 'not reached'} ({signed(gap)})",
            ]
        )
    missing = [name for name in ("A", "paper") if not any(r.config.name == name for r in results)]
    missing += [] if any(r.config.seed for r in results) else ["a second seed of any"]
    missing += [] if any(r.config.teacher == "seed" for r in results) else ["the published teacher"]
    note = (
        f"\n\nNot run here: {', '.join(missing)}. No number is given for what was not run."
        if missing
        else ""
    )
    if all(r.outer_steps < PUBLISHED_STEPS for r in results if r.config.name in PUBLISHED):
        note += f" None of these runs has the published {PUBLISHED_STEPS} outer steps."
    if not rows:
        return "None of these runs has a published counterpart." + note
    heads = [
        "run",
        "published (batch-statistics)",
        "ours (batch-statistics)",
        "ours (inference)",
        "",
    ]
    return (
        _table(heads, rows)
        + "\n\nPublished accuracies are a replication's (GoodAI/GTN), read off its charts; per "
        "cent, after outer steps. Its teacher has 103 million parameters." + note
    )


def orders(results: list[Result]) -> str:
    orders = ["ordered", "within-batch", "steps-shuffled", "images-shuffled", "reversed"]
    rows = [
        [f"`{r.name}`", *[percent(r.scores(order, "inference")) for order in orders]]
        for r in results
    ]
    counts = "; ".join(f"*{order}* {_listed(_tested(results, order))}" for order in orders)
    return (
        _table(["run (inference)", *orders], rows)
        + f"\n\nTest images, spread evenly over the set where they are a part of it: {counts}."
    )


def transfer(results: list[Result]) -> str:
    rows = []
    for r in results:
        for row in r.report.rows:
            if row.taught != "generated" or row in r.report.transfer:
                lr_factor = f" (rates × {row.lr_factor:g})" if row.lr_factor != 1 else ""
                taught = "generated" if row.taught == "generated" else row.taught
                rows.append(
                    [
                        f"`{r.name}`",
                        taught,
                        f"{row.learner}{lr_factor}",
                        *[percent(row.scores[measure]) for measure in MEASURES],
                        str(row.test_images or r.report.provenance["test_images"]),
                    ]
                )
    return _table(["run", "taught with", "learner", *MEASURES, "test images"], rows)


def time(results: list[Result]) -> str:
    rows = []
    for r in results:
        hardware = r.curriculum.provenance["hardware"]
        where = hardware.get("gpu", f"{hardware['cpu']}, {hardware['threads']} thread(s)")
        rows.append(
            [
                f"`{r.name}`",
                str(r.outer_steps),
                f"{r.minutes:.1f}",
                f"{60 * r.minutes / r.outer_steps:.2f}",
                where,
            ]
        )
    notes: dict[str, list[str]] = {}
    for r in results:
        if note := r.curriculum.provenance.get("note"):
            notes.setdefault(note, []).append(f"`{r.name}`")
    return "\n\n".join(
        [
            _table(["run", "outer steps", "minutes", "seconds per outer step", "hardware"], rows),
            *[f"{', '.join(names)}: {note}" for note, names in notes.items()],
        ]
    )


def _tested(results: list[Result], order: str) -> list[int]:
    """Numbers of test images that an order was judged on."""
    return sorted(
        {int(r.row(order).test_images or r.report.provenance["test_images"]) for r in results}
    )


def _listed(values: Sequence[object]) -> str:
    return " or ".join(f"{value:,}" if isinstance(value, int) else str(value) for value in values)


def tried(trials: Sequence[Trial]) -> str:
    """Short runs that differ from a preset in one thing."""
    reached = [progress.outer_steps for progress in trials[0].reached]
    rows = [
        [
            trial.name,
            ", ".join(f"`{field} = {value}`" for field, value in trial.settings.items()),
            *[f"{at.outer_loss:.3f}, {100 * at.accuracy:.1f}" for at in trial.reached],
        ]
        for trial in trials
    ]
    heads = ["what", "changed", *[f"after {steps}" for steps in reached]]
    presets = _listed(sorted({f"`{trial.experiment}`" for trial in trials}))
    return (
        _table(heads, rows)
        + f"\n\nShort runs of {presets}, each with one setting changed, by `python "
        "benchmarks/settings.py`: outer loss and accuracy (%), means over the last outer steps, on "
        "batches of real *training* digits. The test set was not looked at."
        + (
            " An outer loss that is also taken earlier is the mean over all the steps it is taken "
            "after."
            if any("intermediate_every" in trial.settings for trial in trials)
            else ""
        )
        + _beyond_chance(trials)
    )


def _beyond_chance(trials: Sequence[Trial]) -> str:
    """Which trials ended outside of what the preset reaches with one seed or another."""
    ends = {trial.name: trial.reached[-1].accuracy for trial in trials}
    seeds = [ends[trial.name] for trial in trials if set(trial.settings) <= {"seed"}]
    if len(seeds) < 2:
        return ""
    low, high = min(seeds), max(seeds)
    above = [name for name, end in ends.items() if end > high]
    below = [name for name, end in ends.items() if end < low]
    return (
        f" With nothing changed but the seed, the preset ends between {100 * low:.1f} and "
        f"{100 * high:.1f} %. Above that ended: {'; '.join(above) or 'none'}. Below it: "
        f"{'; '.join(below) or 'none'}."
    )


def memory(use: MemoryUse) -> str:
    """Peak memory against inner steps."""
    rows = [
        [str(steps), f"{stored / 1e6:.0f}", f"{checkpointed / 1e6:.0f}"]
        for steps, stored, checkpointed in zip(
            use.inner_steps, use.stored, use.checkpointed, strict=True
        )
    ]
    return (
        _table(["inner steps", "every step kept (MB)", "checkpointed every √steps (MB)"], rows)
        + f"\n\nPeak of one meta-gradient, learner `{use.learner}`, {use.batch} images a step, "
        f"{use.device}; measured by `python benchmarks/unroll.py --memory`. The gradients are the "
        "same."
    )
