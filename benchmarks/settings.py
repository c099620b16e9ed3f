"""What each setting of a recorded run is worth: short runs that differ from it in one thing.

    python benchmarks/settings.py               # all, half an hour of a core; goes on if stopped
    python benchmarks/settings.py --only "weight normalisation"  # others may run beside it
    python benchmarks/settings.py --out data/curricula/tuning.json

Each run's outer loss and accuracy are means over its last outer steps, each on a fresh learner and
a batch of real *training* digits: nothing here sees the test set. `as recorded` runs with more than
one seed, which says how large a difference is chance.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import fmean
from typing import Any

from gtnlab.experiments import experiment
from gtnlab.training.checkpoint import METRICS
from gtnlab.training.meta_training import train

PRESET = "seed_C_lean"
AVERAGED = 30  # outer steps

TRIALS = {
    "as recorded": {},
    "as recorded, seed 1": {"seed": 1},
    "as recorded, seed 2": {"seed": 2},
    "real batch of 256": {"real_batch": 256},
    "outer learning rate kept constant": {"outer_lr_final": 0.005},
    "outer learning rate doubled": {"outer_lr": 0.01},
    "Adam's first moment 0.9": {"beta1": 0.9},
    "meta-gradient not clipped": {"clip_norm": 0.0},
    "inner learning rate from 0.5": {"inner_lr": 0.5},
    "one pair of rates for all steps": {"per_step_rates": False},
    "loss after 5 inner steps too": {"intermediate_every": 5},
    "weight normalisation": {"learner": "seed_cnn_weight_norm"},
    "learner starts at a quarter": {"learner": "seed_cnn_quarter"},
}
"""What differs from the preset, by name."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=TRIALS, metavar="NAME", help="run these only")
    parser.add_argument("--steps", type=int, default=120, help="outer steps of each run")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/settings"), help="folder of the runs"
    )
    parser.add_argument("--out", type=Path, help="write all finished runs to this tuning.json")
    options = parser.parse_args()
    folders = {name: options.runs / _slug(name) for name in TRIALS}
    for name in options.only or TRIALS:
        config = experiment(PRESET, outer_steps=options.steps, **TRIALS[name])
        train(config, folders[name], resume=True, log_every=1)
        reached = trial(name, folders[name])["reached"][-1]
        print(f"{name}: {reached['outer_loss']:.3f}, {reached['accuracy']:.1%}", flush=True)
    if options.out:
        ended = [trial(name, f) for name, f in folders.items() if (f / METRICS).is_file()]
        whole = [each for each in ended if each["reached"][-1]["outer_steps"] == options.steps]
        options.out.write_text(json.dumps(whole, indent=1) + "\n")
        print(f"written: {options.out}")


def trial(name: str, folder: Path) -> dict[str, Any]:
    """What tuning.json keeps of a run: where it stood after each third of its outer steps."""
    lines = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    ends = [round(len(lines) * third / 3) for third in (1, 2, 3)]
    reached = []
    for end in ends:
        last = lines[max(0, end - AVERAGED) : end]
        loss, accuracy = (fmean(line[key] for line in last) for key in ("outer_loss", "accuracy"))
        steps = lines[end - 1]["outer_step"]
        reached.append({"outer_steps": steps, "outer_loss": loss, "accuracy": accuracy})
    return {"name": name, "experiment": PRESET, "settings": TRIALS[name], "reached": reached}


def _slug(name: str) -> str:
    return name.replace(" ", "-").replace(",", "").replace("'", "")


if __name__ == "__main__":
    main()
