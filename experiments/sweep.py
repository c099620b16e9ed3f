"""Many experiments, on this machine or on many: one experiment, variant and seed per task.

Several at once run on Dask workers: on processes of this machine, or wherever the workers of a
given scheduler are; each of those needs gtnlab and sees the same folder (a network disk) if an
interrupted task is to go on where it stopped.
Every result is written by the caller as it comes in, so a sweep can be stopped at any time
and started again: what has a result is not run again.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gtnlab.curriculum import Curriculum
from gtnlab.digits import load_digits
from gtnlab.errors import GtnError
from gtnlab.evaluation.report import Report, report
from gtnlab.experiments import VARIANTS, ExperimentConfig, experiment, resolve_device
from gtnlab.training.checkpoint import load_state
from gtnlab.training.meta_training import threads
from gtnlab.training.outer_loop import OuterLoop
from gtnlab.training.run import CURRICULUM, drawings, run_experiment

Settings = Mapping[str, Any]
"""Arguments of `experiment`."""


def _in_all_variants(*names: str) -> dict[str, Settings]:
    return {
        f"{name}-{variant}": {"name": name, "variant": variant}
        for name, variant in itertools.product(names, VARIANTS)
    }


PIXELS: dict[str, Settings] = {f"{letter}-pixels": {"name": f"{letter}_pixels"} for letter in "ABC"}
PAPER_PIXELS: dict[str, Settings] = {"paper-pixels": {"name": "paper_pixels"}}
FAMILY: dict[str, Settings] = {"family": {"name": "family"}}


def _everything() -> dict[str, Settings]:
    """The paper's size first; then the nine with our learner, and with the replication's."""
    seeds = _in_all_variants("seed_A", "seed_B", "seed_C")
    lean = {f"{label}-lean": {**settings, "teacher": "lean"} for label, settings in seeds.items()}
    paper = PAPER_PIXELS | _in_all_variants("paper")
    return paper | _in_all_variants("A", "B", "C") | PIXELS | FAMILY | lean | seeds


def _ways_to_inference() -> dict[str, Settings]:
    """One small network, normalised and meta-trained in several ways, at one budget."""
    short: Settings = {
        "name": "class",
        "inner_lr": 1.0,
        "per_tensor_rates": False,
        "learned_scales": False,
        "clip_norm": 0.0,
        "rates_clip_norm": 0.0,
        "outer_steps": 100,
        "snapshots": 2,
    }
    batch = {**short, "learner": "cnn_small"}
    others = {
        kind: {**short, "learner": f"cnn_small_{kind}"} for kind in ("group", "layer", "none")
    }
    return {
        "batch": batch,
        "batch-trained-by-inference": {**batch, "outer_path": "inference"},
        **others,
    }


SWEEPS: dict[str, dict[str, Settings]] = {
    "nine": _in_all_variants("A", "B", "C"),
    "full": _everything(),
    "class": _in_all_variants("class"),
    "cpu": {
        **_in_all_variants("class", "A", "B", "C"),
        **PIXELS,
        **PAPER_PIXELS,
        **FAMILY,
        "seed_A_lean-learned": {"name": "seed_A_lean"},
        **_in_all_variants("seed_C_lean", "seed_B_lean"),
        "seed_C_lean-inference": {
            "name": "seed_C_lean",
            "outer_path": "inference",
            "outer_steps": 300,
        },
    },
    "inference": _ways_to_inference(),
}
"""Experiments of each sweep by their folder's name."""

RESULT = "evaluation.json"
CONNECT_SECONDS = 10
TIMED_STEPS = 3  # of the outer loop, to estimate the rest by


@dataclass(frozen=True)
class Task:
    """One run of a sweep and the folder that it writes to."""

    config: ExperimentConfig
    folder: Path

    @property
    def name(self) -> str:
        """What sets it apart in its sweep, and its seed."""
        return self.folder.name


@dataclass(frozen=True)
class Outcome:
    """What a task brought: a curriculum with its report, or why there is none."""

    task: Task
    curriculum: Curriculum | None = None
    report: Report | None = None
    failure: str | None = None
    # Of a task that was left out because its outer steps would have taken longer than what was
    # left of the time.
    seconds_needed: float | None = None


def tasks(sweep: str, out: Path, seeds: int = 1, **overrides: Any) -> list[Task]:
    """All tasks of a sweep, with ``overrides`` for every experiment; None keeps the preset's.

    Raises:
        GtnError: there is no such sweep or setting.
    """
    if sweep not in SWEEPS:
        raise GtnError(f"There is no sweep {sweep!r}: take one of {', '.join(SWEEPS)}.")
    if seeds < 1:
        raise GtnError(f"A sweep takes at least 1 seed, not {seeds}.")
    found = []
    wanted = {field: value for field, value in overrides.items() if value is not None}
    for seed, (label, settings) in itertools.product(range(seeds), SWEEPS[sweep].items()):
        config = experiment(**{**settings, **wanted}, seed=seed)
        # Absolute: a worker was started in another folder.
        found.append(Task(config, out.absolute() / f"{label}-seed{seed}"))
    return found


def finished(task: Task) -> bool:
    """Whether the task's folder holds the result of this very configuration.

    Raises:
        GtnError: it holds that of another one.
    """
    path = task.folder / RESULT
    if not path.is_file():
        return False
    made_with = Report.load(path).provenance["curriculum"]["config"]
    wanted = task.config.to_dict()
    if changed := [key for key, value in wanted.items() if made_with.get(key) != value]:
        raise GtnError(
            f"{path} is the result of other settings ({', '.join(changed)}): choose another "
            "folder (--out), or delete that one."
        )
    return True


def run_task(task: Task, learners: int, until: float = math.inf) -> Outcome:
    """Train, record and judge one task; a failure is an outcome, so that the others go on.

    A task whose outer steps would end after ``until``, on the monotonic clock, is left out.
    """
    try:
        if until < math.inf:
            needed = seconds_needed(task)
            if needed > until - time.monotonic():
                return Outcome(task, seconds_needed=needed)
        device = resolve_device(task.config.device)
        train, test = load_digits("train", device), load_digits("test", device)
        curriculum = run_experiment(
            task.config,
            task.folder,
            resume=(task.folder / "checkpoint.pt").is_file(),
            quiet=True,
            digits=(train, test),
        )
        found = report(
            curriculum,
            test,
            train,
            drawings=drawings(task.folder, learners, device),
            transfer=(),
            baselines=(),
            learners=learners,
            seed=task.config.seed,
        )
    except GtnError as error:
        return Outcome(task, failure=str(error))
    except Exception as error:  # out of GPU memory, a lost disk: one task, not the sweep
        return Outcome(task, failure=f"{type(error).__name__}: {error}")
    return Outcome(task, curriculum, found)


def run_sweep(
    todo: list[Task],
    *,
    scheduler: str | None = None,
    jobs: int = 1,
    learners: int = 10,
    budget: float | None = None,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run tasks, one after the other or several at once; each result is written as it comes in.

    Args:
        scheduler: address of a Dask scheduler whose workers run them; None runs them here.
        jobs: how many at once here, each in a process of its own; they share a GPU.
        budget: seconds for all of them, one after the other. Each is first timed for a few
            outer steps, and left out if the rest of its steps would not fit.

    Raises:
        GtnError: no scheduler answers, Dask is not installed, or a result could not be written.
    """
    outcomes = []
    until = math.inf if budget is None else time.monotonic() + budget
    for outcome in _outcomes(todo, scheduler, jobs, learners, until):
        if outcome.curriculum is not None and outcome.report is not None:
            outcome.curriculum.save(outcome.task.folder / CURRICULUM)
            outcome.report.save(outcome.task.folder / RESULT)
        outcomes.append(outcome)
        if on_outcome is not None:
            on_outcome(outcome)
    return outcomes


def seconds_needed(task: Task) -> float:
    """Seconds that the rest of a task's outer steps will take here, told from a few of them."""
    device = resolve_device(task.config.device)
    saved = load_state(task.folder, "cpu")
    remaining = task.config.outer_steps - (saved.outer_step if saved else 0)
    loop = OuterLoop(task.config, device, load_digits("train", device))
    with threads(task.config.threads):
        loop.step()  # the first one also sets up
        start = time.perf_counter()
        for _ in range(TIMED_STEPS):
            loss, _ = loop.step()
        loss.item()  # waits for a GPU
        return (time.perf_counter() - start) / TIMED_STEPS * remaining


def _outcomes(
    todo: list[Task], scheduler: str | None, jobs: int, learners: int, until: float
) -> Iterator[Outcome]:
    jobs = min(jobs, len(todo))
    if scheduler is None and jobs <= 1:
        for task in todo:
            yield run_task(task, learners, until)
        return
    try:
        from distributed import Client, LocalCluster, as_completed
    except ImportError as error:
        raise GtnError(
            "Several runs at once need Dask, which is not installed: pip install distributed, or "
            "leave --jobs and --scheduler out."
        ) from error
    with ExitStack() as stack:
        if scheduler is None:
            # Dask would end a worker by the memory that it takes, whatever the machine still has.
            cluster = LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                memory_limit=None,
                host="127.0.0.1",
                dashboard_address=None,
            )
            scheduler = stack.enter_context(cluster).scheduler_address
        try:
            client = stack.enter_context(Client(scheduler, timeout=CONNECT_SECONDS))
        except (OSError, ValueError) as error:
            raise GtnError(
                f"No Dask scheduler answers at {scheduler} ({error}). Start one with `dask "
                f"scheduler` and workers with `dask worker {scheduler} --nthreads 1`, or leave "
                "--scheduler out."
            ) from error
        # Not pure: a task's result is also on disk, and asking again means running again.
        futures = client.map(run_task, todo, learners=learners, pure=False)
        task_of = dict(zip(futures, todo, strict=True))
        for future in as_completed(futures):
            if future.status == "finished":
                yield future.result()
            else:  # its worker died, again and again
                yield Outcome(task_of[future], failure=f"{future.exception()}")
