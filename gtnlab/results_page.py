"""`docs/results.md`: tables, charts and findings, written from recorded curricula alone."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from gtnlab import charts
from gtnlab.curriculum import MEASURES
from gtnlab.files import written_whole
from gtnlab.findings import findings, percent
from gtnlab.picture import save_picture
from gtnlab.published import PUBLISHED
from gtnlab.results import Result, by_experiment, load_results

__all__ = ["write_page"]

INTRODUCTION = """# What the teachers reached

Written by `gtnlab results` from the recorded curricula in `{folder}` and the evaluations beside
them; no number here was typed by hand. Accuracy is that of fresh learners on real test digits,
mean ± half of its 95 % interval over learners. It stands in two measures. *Batch-statistics* is
how published results of this method are measured: BatchNorm normalises each test batch by its own
statistics, which leaks the test set. *Inference* uses nothing but the generated images: it is what
a user of the learner gets.
"""


def write_page(folder: Path, target: Path) -> list[Path]:
    """Write the page, and its charts into a folder of its name beside it.

    Args:
        folder: recorded curricula (NAME.npz) and their evaluations (NAME.json).
        target: the markdown file; charts go to ``target`` without its suffix.

    Returns:
        all files written.

    Raises:
        GtnError: nothing is recorded, a file cannot be read, or the disk is full.
    """
    results = load_results(folder)
    pictures = target.with_suffix("")
    written: list[Path] = []

    def picture(name: str, figure: Figure, alt: str) -> str:
        path = pictures / f"{name}.png"
        save_picture(figure, path)
        written.append(path)
        return f"![{alt}]({pictures.name}/{path.name})"

    variants = "learned, random but fixed, and random vectors"
    parts = [
        INTRODUCTION.format(folder=folder.as_posix()),
        "## Accuracy\n",
        _accuracy(results),
        "## Against published numbers\n",
        _targets(results),
        "## Over the teacher's training\n",
        picture(
            "outer_curves",
            charts.outer_curves(results),
            f"Accuracy of fresh learners over outer steps for {variants}, one panel per "
            "experiment; dashed lines are the published accuracies after 5000 outer steps.",
        ),
        _judged_note(results),
        "## In another order\n",
        picture(
            "orders",
            charts.orders(results),
            f"Box plots of accuracy in order, shuffled and reversed, for {variants}.",
        ),
        _orders(results),
        "## What the learners saw\n",
        *[
            picture(
                f"images_{experiment}",
                charts.image_grids(group),
                f"Generated images of {experiment}: each row is the batch of one inner step, each "
                f"column one label, for {', '.join(r.label for r in group)} vectors.",
            )
            for experiment, group in by_experiment(results).items()
        ],
        "## Learned rates\n",
        picture(
            "rates",
            charts.rates(results),
            "Learned learning rate and momentum of each inner step, one panel per experiment.",
        ),
        "The inner loss is averaged over ten classes as well as over images: a learning rate of 10 "
        "here does what 1 does with the usual cross-entropy.",
        "## After each inner step\n",
        picture(
            "inner_steps",
            charts.inner_steps(results),
            "Accuracy in inference after each inner step, in order and with the steps shuffled.",
        ),
        "## Inference beside batch statistics\n",
        picture(
            "measures",
            charts.measures(results),
            "For each result its accuracy in inference and by batch statistics on one line.",
        ),
    ]
    if any(result.report.transfer for result in results):
        parts += [
            "## Other learners, and real images\n",
            picture(
                "transfer",
                charts.transfer(results),
                "Accuracy of other architectures taught with the same images, beside the "
                "teacher's own learner taught with as many real images.",
            ),
            _transfer(results),
        ]
    parts += [
        "## Time\n",
        picture(
            "time",
            charts.seconds(results),
            "Accuracy in inference over minutes of the teacher's training, one line per result.",
        ),
        _time(results),
        "## Findings\n",
        *[f"**{heading}** {text}" for heading, text in findings(results)],
        "## Again, and further\n",
        _commands(results),
    ]
    with written_whole(target) as scratch:
        scratch.write_text("\n\n".join(part.strip("\n") for part in parts) + "\n")
    return [target, *written]


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _accuracy(results: list[Result]) -> str:
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
    images = sorted({r.row("ordered").test_images or r.report.provenance["test_images"]
                     for r in results})  # fmt: skip
    return (
        _table(heads, rows)
        + f"\n\nFresh learners: {_listed(learners)}; test images: {_listed(images)} "
        f"({_listed(sorted({r.curriculum.provenance['source'] for r in results}))}). Per cent."
    )


def _targets(results: list[Result]) -> str:
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
                f"{goal:.1f} after 5000",
                f"{percent(scores)} after {r.outer_steps}",
                percent(r.scores("ordered", "inference")),
                f"{'reached' if gap >= 0 else 'not reached'} ({gap:+.1f})",
            ]
        )
    missing = [name for name in ("A", "paper") if not any(r.config.name == name for r in results)]
    note = (
        f"\n\nNot run here: {' and '.join(missing)}. No number is given for what was not run."
        if missing
        else ""
    )
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


def _judged_note(results: list[Result]) -> str:
    parts = []
    for experiment, group in by_experiment(results).items():
        judged = group[0].curriculum.provenance["judged"]
        parts.append(
            f"`{experiment}` {judged['learners']} fresh learner(s) on {judged['test_images']} test "
            "images"
        )
    return (
        f"Curves are a first look, to see a course by: {'; '.join(parts)} for each point, spread "
        "evenly over the test set. They start from chance, below the axis. The tables judge the "
        "end in full."
    )


def _orders(results: list[Result]) -> str:
    orders = ["ordered", "within-batch", "steps-shuffled", "images-shuffled", "reversed"]
    rows = [
        [f"`{r.name}`", *[percent(r.scores(order, "inference")) for order in orders]]
        for r in results
    ]
    judged = sorted({r.row("reversed").test_images or r.report.provenance["test_images"]
                     for r in results})  # fmt: skip
    return (
        _table(["run (inference)", *orders], rows)
        + "\n\n*ordered* and *steps-shuffled* are judged on the whole test set; the others on "
        f"{_listed(judged)} images of it, spread evenly."
    )


def _transfer(results: list[Result]) -> str:
    rows = []
    for r in results:
        for row in r.report.rows:
            if row.taught != "generated" or row in r.report.transfer:
                pace = f" (rates × {row.pace:g})" if row.pace != 1 else ""
                taught = "generated" if row.taught == "generated" else row.taught
                rows.append(
                    [
                        f"`{r.name}`",
                        taught,
                        f"{row.learner}{pace}",
                        *[percent(row.scores[measure]) for measure in MEASURES],
                        str(row.test_images or r.report.provenance["test_images"]),
                    ]
                )
    return _table(["run", "taught with", "learner", *MEASURES, "test images"], rows)


def _time(results: list[Result]) -> str:
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
    notes = {r.curriculum.provenance.get("note", "") for r in results} - {""}
    return "\n\n".join(
        [
            _table(["run", "outer steps", "minutes", "seconds per outer step", "hardware"], rows),
            *sorted(notes),
        ]
    )


def _commands(results: list[Result]) -> str:
    trained = "\n".join(
        f"gtnlab train {r.config.name} --variant {r.config.variant}"
        + (f" --seed {r.config.seed}" if r.config.seed else "")
        for r in results
    )
    return f"""Each run again:

```
{trained}
```

All of them with their evaluation, then the files, the check and this page:

```
gtnlab sweep cpu
for run in runs/cpu/*; do gtnlab evaluate $run --sample 2000; done
gtnlab publish runs/cpu/*
gtnlab verify data/curricula
gtnlab results data/curricula --out docs/results.md
```

On a GPU, the published nine at their full length and with the published teacher (or the lean one:
`--teacher lean`), and the paper's size:

```
gtnlab sweep nine --seeds 2
gtnlab train paper
```"""


def _listed(values: list[object]) -> str:
    return ", ".join(f"{value:,}" if isinstance(value, int) else str(value) for value in values)
