"""A run directory: one experiment from its configuration to a recorded curriculum."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from gtnlab.curriculum import Curriculum, Lesson
from gtnlab.digits import Digits, load_digits
from gtnlab.errors import GtnError
from gtnlab.experiments import EXPERIMENTS, ExperimentConfig, resolve_device
from gtnlab.training.meta_training import load_run, train
from gtnlab.training.outer_loop import OuterLoop, StepState
from gtnlab.training.recording import record

CURRICULUM = "curriculum.npz"


def run_name(config: ExperimentConfig) -> str:
    """The run directory's usual name: the preset, and what differs from it.

    `class`, `A-random`, `B-learned-seed1`.
    """
    preset = EXPERIMENTS[config.name]
    parts = [config.name]
    parts += [config.variant] if config.variant != preset.variant or config.seed else []
    parts += [f"{config.teacher}-teacher"] if config.teacher != preset.teacher else []
    parts += [f"seed{config.seed}"] if config.seed else []
    return "-".join(parts)


def run_experiment(
    config: ExperimentConfig,
    out: Path,
    *,
    resume: bool = False,
    time_limit: float | None = None,
    quiet: bool = False,
    on_step: Callable[[StepState], None] | None = None,
    on_snapshot: Callable[[int, int], None] | None = None,
    digits: tuple[Digits, Digits] | None = None,
) -> Curriculum:
    """Meta-train a teacher, judge its snapshots and save `out/curriculum.npz`.

    Args:
        on_snapshot: told how many snapshots are judged, and of how many.
        digits: training and test digits on the run's device; None loads them.

    Other arguments and errors: see `meta_training.train`.
    """
    device = resolve_device(config.device)
    real, test = digits or (load_digits("train", device), load_digits("test", device))
    run = train(
        config,
        out,
        resume=resume,
        time_limit=time_limit,
        quiet=quiet,
        on_step=on_step,
        digits=real,
    )
    curriculum = record(run, test, on_snapshot)
    curriculum.save(out / CURRICULUM)
    return curriculum


def open_curriculum(path: Path) -> Curriculum:
    """The curriculum in a run directory, or in a file.

    Raises:
        GtnError: there is none, or it cannot be read.
    """
    return Curriculum.load(path / CURRICULUM if path.is_dir() else path)


def drawings(path: Path, count: int, device: torch.device | str) -> list[Lesson] | None:
    """Fresh lessons by the teacher of a run whose vectors are drawn anew each time.

    None if the curriculum is fixed (variants `learned` and `random_fixed`), or if `path` is a
    recorded file without its teacher.
    """
    if not path.is_dir():
        return None
    try:
        run = load_run(path, device)
    except GtnError:
        return None
    if run.config.variant != "random":
        return None
    # Vectors that no training step has seen: the runs' own generators start at small seeds.
    generator = torch.Generator(device).manual_seed(2**31 + run.config.seed)
    return [_drawing(run, generator) for _ in range(count)]


@torch.no_grad()
def _drawing(run: OuterLoop, generator: torch.Generator) -> Lesson:
    images, labels = run.teacher(generator)
    lr, momentum = run.rates()
    return Lesson(
        images,
        run.teacher.labels.expand(len(images), -1),
        lr,
        momentum,
        targets=labels if labels.is_floating_point() else None,
        tensor_factors=run.rates.tensor_factors(),
        initial_scales=run.rates.initial_scales(),
        made_for=run.config.learner,
    )
