"""What each ingredient of the class's teacher is worth: short runs that differ in one thing.

    python benchmarks/settings.py               # all, a quarter of an hour of a core; resumes
    python benchmarks/settings.py --only "soft labels" "vectors drawn once"
    python benchmarks/settings.py --seconds 150 --out /tmp/longer.json

Every run gets the same CPU time, told from a few timed outer steps: what costs more makes fewer.
It is judged by ten fresh learners on the tenth of the *training* digits that no run sees; nothing
here touches the test set. `as recorded` runs with three seeds, which says how large a difference
is chance.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

from gtnlab.digits import Digits, load_digits
from gtnlab.evaluation.baselines import split_off
from gtnlab.evaluation.judging import judge
from gtnlab.experiments import ExperimentConfig, experiment
from gtnlab.files import written_whole
from gtnlab.training.meta_training import train
from gtnlab.training.recording import record

PRESET = "class"
TIMED_STEPS = 10

TRIALS: dict[str, dict[str, Any]] = {
    "as recorded": {},
    "as recorded, seed 1": {"seed": 1},
    "as recorded, seed 2": {"seed": 2},
    "one learning rate a step": {"per_tensor_rates": False},
    "one pair of rates for all steps": {"per_tensor_rates": False, "per_step_rates": False},
    "initial scales not learned": {"learned_scales": False},
    "soft labels": {"soft_labels": True},
    "pixels instead of a generator": {"teacher": "pixels", "outer_lr": 0.05},
    "vectors drawn once": {"variant": "random_fixed"},
    "inner learning rate from 1": {"inner_lr": 1.0},
    "stride 2, a grid of 5": {"learner": "wide"},
    "a fully connected learner": {"learner": "mlp", "inner_lr": 3.0},
    "real batch of 1024": {"real_batch": 1024},
    "meta-gradient not clipped": {"clip_norm": 0.0, "rates_clip_norm": 0.0},
}
"""What differs from the preset, by name."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=TRIALS, metavar="NAME", help="run these only")
    parser.add_argument("--seconds", type=float, default=60, help="CPU time of each run")
    parser.add_argument(
        "--out", type=Path, default=Path("data/curricula/tuning.json"), help="the list of results"
    )
    options = parser.parse_args()
    digits, held_out = split_off(load_digits("train"))
    rows = json.loads(options.out.read_text()) if options.out.is_file() else []
    rows = [row for row in rows if row["seconds"] == options.seconds]
    for name in options.only or TRIALS:
        if not any(row["name"] == name for row in rows):
            rows.append(trial(name, options.seconds, digits, held_out))
            rows.sort(key=lambda row: list(TRIALS).index(row["name"]))
            lines = ",\n".join(map(json.dumps, rows))
            with written_whole(options.out) as scratch:
                scratch.write_text(f"[\n{lines}\n]\n")
        row = next(row for row in rows if row["name"] == name)
        print(
            f"{name}: {row['held_out']:.2f} ± {row['margin']:.2f} % after "
            f"{row['outer_steps']} outer steps, {row['cpu_seconds']:.0f} s",
            flush=True,
        )


def trial(name: str, seconds: float, digits: Digits, held_out: Digits) -> dict[str, Any]:
    """One run and what its last snapshot teaches, in per cent of the held-out digits."""
    config = experiment(PRESET, snapshots=1, **TRIALS[name])
    steps = max(1, round(seconds / _seconds_a_step(config, digits)))
    result = train(dataclasses.replace(config, outer_steps=steps), None, digits=digits)
    curriculum = record(result, held_out.thinned(100))
    scores = judge(curriculum.lesson(), config.learner, held_out).final("inference")
    return {
        "name": name,
        "experiment": PRESET,
        "settings": TRIALS[name],
        "seconds": seconds,
        "outer_steps": steps,
        "cpu_seconds": round(result.cpu_seconds, 1),
        "held_out": round(100 * scores.mean, 2),
        "margin": round(100 * scores.margin, 2),
    }


def _seconds_a_step(config: ExperimentConfig, digits: Digits) -> float:
    few, more = (
        train(dataclasses.replace(config, outer_steps=steps), None, quiet=True, digits=digits)
        for steps in (1, 1 + TIMED_STEPS)
    )
    return (more.cpu_seconds - few.cpu_seconds) / TIMED_STEPS


if __name__ == "__main__":
    main()
