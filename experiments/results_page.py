"""`docs/results.md`: tables, charts and findings, written from recorded curricula alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from experiments import charts, charts_cost
from experiments import results_tables as tables
from experiments.findings import findings
from experiments.memory_use import MemoryUse, load_memory_use
from experiments.results import Result, by_experiment, load_results
from experiments.tuning import Trial, load_trials
from gtnlab.experiments import EXPERIMENTS, ExperimentConfig
from gtnlab.explorer.picture import save_picture
from gtnlab.files import written_whole

__all__ = ["page", "write_page"]

INTRODUCTION = """# What the teachers reached

Written by `gtnlab results` from the recorded curricula in `data/curricula` and the evaluations
beside them; no number here was typed by hand. Accuracy is that of fresh learners on real test
digits, mean ± half of its 95 % interval over learners. It stands in two measures.
*Batch-statistics* is how published results of this method are measured: BatchNorm normalises each
test batch by its own statistics, which leaks the test set. *Inference* uses nothing but the
generated images: it is what a user of the learner gets.
"""


@dataclass(frozen=True)
class Picture:
    """A chart of the page, not yet drawn."""

    name: str
    draw: Callable[[], Figure]
    alt: str


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
    results, memory = load_results(folder), load_memory_use(folder)
    written = [target]
    for picture in _pictures(results, memory).values():
        written.append(target.with_suffix("") / f"{picture.name}.png")
        save_picture(picture.draw(), written[-1])
    with written_whole(target) as scratch:
        scratch.write_text(page(results, load_trials(folder), memory, target.stem))
    return written


def page(
    results: list[Result], trials: list[Trial], memory: MemoryUse | None, pictures: str
) -> str:
    """The page's text.

    Args:
        results: see :func:`~experiments.results.load_results`.
        trials: see :func:`~experiments.tuning.load_trials`.
        memory: see :func:`~experiments.memory_use.load_memory_use`.
        pictures: the folder of its charts, beside it.
    """
    drawn = {
        name: f"![{picture.alt}]({pictures}/{name}.png)"
        for name, picture in _pictures(results, memory).items()
    }
    parts = [
        INTRODUCTION,
        "## Accuracy",
        tables.accuracy(results),
        "## Against published numbers",
        tables.targets(results),
        "## Over the teacher's training",
        drawn["outer_curves"],
        _first_look(results),
        "## In another order",
        drawn["orders"],
        tables.orders(results),
        "## What the learners saw",
        *[drawn[name] for name in drawn if name.startswith("images_")],
        "## Learned rates",
        drawn["rates"],
        "The inner loss is averaged over ten classes as well as over images: a learning rate of 10 "
        "here does what 1 does with the usual cross-entropy.",
        "## After each inner step",
        drawn["inner_steps"],
        "## Inference beside batch statistics",
        drawn["measures"],
    ]
    if "transfer" in drawn:
        parts += ["## Other learners, and real images", drawn["transfer"], tables.transfer(results)]
    parts += [
        "## Time",
        drawn["time"],
        tables.time(results),
        *(["## Memory", drawn["memory"], tables.memory(memory)] if memory else []),
        *(["## Settings tried", tables.tried(trials)] if trials else []),
        "## Findings",
        *[f"**{heading}** {text}" for heading, text in findings(results)],
        "## Again, and further",
        _commands(results),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _pictures(results: list[Result], memory: MemoryUse | None) -> dict[str, Picture]:
    found = [
        Picture(
            "outer_curves",
            partial(charts.outer_curves, results),
            "Accuracy of fresh learners over outer steps, one panel per experiment, one line per "
            "variant; dashed lines are the published accuracies after 5000 outer steps.",
        ),
        Picture(
            "orders",
            partial(charts.orders, results),
            "Box plots of accuracy in order, shuffled and reversed, for each variant and measure.",
        ),
        *[
            Picture(
                f"images_{experiment}",
                partial(charts.image_grids, group),
                f"Generated images of {experiment}: each row is the batch of one inner step, each "
                f"column one label; from left to right: {'; '.join(r.label for r in group)}.",
            )
            for experiment, group in by_experiment(results).items()
        ],
        Picture(
            "rates",
            partial(charts.rates, results),
            "Learned learning rate and momentum of each inner step, one panel per experiment.",
        ),
        Picture(
            "inner_steps",
            partial(charts.inner_steps, results),
            "Accuracy in inference after each inner step, in order and with the steps shuffled.",
        ),
        Picture(
            "measures",
            partial(charts.measures, results),
            "Accuracy in inference and by batch statistics, a line for each result.",
        ),
        Picture(
            "time",
            partial(charts_cost.seconds, results),
            "Accuracy in inference over minutes of the teacher's training, a line for each result.",
        ),
    ]
    if any(result.report.transfer for result in results):
        found.append(
            Picture(
                "transfer",
                partial(charts.transfer, results),
                "Accuracy of other architectures taught with the same images, beside the "
                "teacher's own learner taught with as many real images.",
            )
        )
    if memory is not None:
        found.append(
            Picture(
                "memory",
                partial(charts_cost.memory, memory),
                "Peak memory of a meta-gradient over inner steps, with every step kept and with "
                "gradient checkpointing.",
            )
        )
    return {picture.name: picture for picture in found}


def _training(config: ExperimentConfig) -> str:
    """The command that trains it: what differs from the preset, as options.

    What no option sets is said in a comment: the preset has changed since the run.
    """
    preset = EXPERIMENTS.get(config.name, config).to_dict()
    changed = {
        field: value
        for field, value in config.to_dict().items()
        if value != preset[field] and field not in ("variant", "device")
    }
    options = [
        f" --{field.replace('_', '-')} {changed.pop(field)}"
        for field in ("teacher", "learner", "outer_path", "outer_steps", "seed")
        if field in changed
    ]
    others = ", ".join(f"{field} = {value}" for field, value in changed.items())
    return f"gtnlab train {config.name} --variant {config.variant}{''.join(options)}" + (
        f"  # ran with {others}" if others else ""
    )


def _commands(results: list[Result]) -> str:
    trained = "\n".join(_training(r.config) for r in results)
    return f"""Each run again:

```
{trained}
```

All of them on two cores, with their evaluation, then the files, the check and this page:

```
gtnlab sweep cpu --jobs 2
for run in runs/cpu/*; do gtnlab evaluate $run --sample 2000; done
gtnlab publish runs/cpu/*
gtnlab verify data/curricula
gtnlab results data/curricula --out docs/results.md
```

On a GPU, six at a time: the published nine at their full length, with the lean and with the
published teacher, and the paper's size with and without a curriculum. It goes on where it was
stopped; the files and the page are then made as above, from `runs/full`.

```
gtnlab sweep full --seeds 2 --jobs 6
```"""


def _first_look(results: list[Result]) -> str:
    parts = []
    for experiment, group in by_experiment(results).items():
        judged = group[0].curriculum.provenance["judged"]
        parts.append(
            f"`{experiment}` {judged['learners']} fresh learner(s) on {judged['test_images']} test "
            "images"
        )
    return (
        f"Curves are a first look, to see a course by: {'; '.join(parts)} for each point, spread "
        "evenly over the test set. They start from chance, below the axis where it starts at "
        "60 %. The tables judge the end in full."
    )
