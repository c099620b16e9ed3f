"""What an outer step's time is made of: kinds of work and their share, on one thread.

    python benchmarks/step.py            # class
    python benchmarks/step.py A C_pixels --steps 10

The seconds are measured without the profiler. How much of the machine's peak a step achieves is
printed by benchmarks/unroll.py.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import torch
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile

from gtnlab.digits import load_digits
from gtnlab.experiments import EXPERIMENTS, experiment
from gtnlab.training.outer_loop import OuterLoop

# A kind of work, and what the names of its operations begin with.
KINDS = {
    "matrix products": ("aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm"),
    "convolutions (the generator's)": (
        "aten::mkldnn_conv",
        "aten::convolution",
        "aten::_slow_conv",
    ),
    "patches: unfold and its derivative": ("aten::im2col", "aten::col2im"),
    "copies and sums": ("aten::copy_", "aten::sum", "aten::cat", "aten::clone", "aten::fill_"),
    "optimiser": ("aten::_fused_adam", "Optimizer"),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=["class"], metavar="EXPERIMENT")
    parser.add_argument("--steps", type=int, default=20, help="outer steps that are timed")
    options = parser.parse_args()
    if unknown := set(options.names) - set(EXPERIMENTS):
        parser.error(f"unknown: {', '.join(unknown)}. Valid: {', '.join(EXPERIMENTS)}")
    torch.set_num_threads(1)
    digits = load_digits("train")
    for name in options.names:
        loop = OuterLoop(experiment(name), torch.device("cpu"), digits)
        loop.step()
        start = time.perf_counter()
        for _ in range(options.steps):
            loop.step()
        seconds = (time.perf_counter() - start) / options.steps
        with profile(activities=[ProfilerActivity.CPU]) as profiled:
            loop.step()
        _show(name, profiled, seconds)


def _show(name: str, profiled: profile, seconds: float) -> None:
    spent: Counter[str] = Counter()
    for event in profiled.key_averages():
        kinds = [kind for kind, starts in KINDS.items() if event.key.startswith(starts)]
        spent[kinds[0] if kinds else "element by element, and the rest"] += (
            event.self_cpu_time_total
        )
    table = Table(title=f"{name}: {1000 * seconds:.0f} ms an outer step")
    table.add_column("work")
    table.add_column("share of the time", justify="right")
    for kind, part in spent.most_common():
        table.add_row(kind, f"{part / spent.total():.0%}")
    Console().print(table)


if __name__ == "__main__":
    main()
