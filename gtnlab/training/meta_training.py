"""The outer loop: teach a fresh learner, judge it on real digits, improve the teacher.

Such et al. 2019 (arXiv 1912.07768), section 3 and figure 1(a). A run directory holds
`config.json`, `metrics.jsonl` (one line per logged step) and `checkpoint.pt`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tqdm.auto import tqdm

from gtnlab.digits import Digits, load_digits
from gtnlab.errors import GtnError
from gtnlab.experiments import ExperimentConfig, resolve_device
from gtnlab.files import write_json
from gtnlab.training.checkpoint import (
    CONFIG,
    METRICS,
    RunState,
    drop_later_metrics,
    load_state,
    save_state,
)
from gtnlab.training.outer_loop import OuterLoop, StepState
from gtnlab.training.snapshots import snapshot_steps

# A learner that knows nothing loses ln 10; ten times that, again and again, is divergence.
DIVERGED_LOSS = 10 * math.log(10)
DIVERGED_TIMES = 3


def train(
    config: ExperimentConfig,
    out_dir: Path | None = None,
    *,
    resume: bool = False,
    time_limit: float | None = None,
    quiet: bool = False,
    on_step: Callable[[StepState], None] | None = None,
    log_every: int = 20,
    save_every: int = 200,
    digits: Digits | None = None,
) -> OuterLoop:
    """Meta-train a teacher.

    Args:
        out_dir: run directory; None keeps everything in memory (no checkpoint, no metrics file).
        resume: continue the run in `out_dir` from its checkpoint, exactly as if never stopped;
            start it where there is no checkpoint yet.
        time_limit: stop after this many seconds of this call, with a complete result.
        on_step: called with a `StepState` at each logged step and at the last one.
        log_every: outer steps between two logged steps (each waits for the device once).
        save_every: outer steps between two checkpoints.
        digits: real training images on the run's device; None loads MNIST (or the fallback).

    Raises:
        GtnError: no GPU when asked, `out_dir` holds another run, the loss diverged (the last
            good state stays in `checkpoint.pt`), or the disk is full.
    """
    if min(log_every, save_every) < 1:
        raise GtnError("log_every and save_every must be at least 1.")
    device = resolve_device(config.device)
    saved = _saved_state(config, out_dir, resume, device)
    digits = digits or load_digits("train", device)
    if saved is not None and saved.source != digits.source:
        raise GtnError(
            f"the run in {out_dir} was trained on {saved.source} and would be resumed on "
            f"{digits.source}. Make {saved.source} available, or start again in another folder."
        )
    run = OuterLoop(config, device, digits)
    planned = snapshot_steps(config.outer_steps, config.snapshots)
    if saved is not None:
        run.restore(saved)
        # A time limit ended the run with a snapshot that a longer run does not have.
        run.snapshots = [each for each in run.snapshots if each.outer_step in planned]
    if out_dir is not None:
        write_json(out_dir / CONFIG, config.to_dict())
        drop_later_metrics(out_dir, run.outer_step)
    started = time.perf_counter() - run.seconds
    computed = time.process_time() - run.cpu_seconds
    deadline = None if time_limit is None else time.perf_counter() + time_limit
    run.stopped = "running" if run.outer_step < config.outer_steps else "finished"
    bad = 0
    bar = tqdm(
        total=config.outer_steps,
        initial=run.outer_step,
        disable=quiet,
        unit="step",
        desc=config.name,
    )
    with threads(config.threads), bar:
        if not run.snapshots:
            run.take_snapshot()
        while run.stopped == "running":
            loss, accuracy = run.step()
            bar.update()
            if deadline is not None and time.perf_counter() >= deadline:
                run.stopped = "time limit"
            if run.outer_step == config.outer_steps:
                run.stopped = "finished"
            last = run.stopped != "running"
            if run.outer_step in planned or last:
                run.take_snapshot()
            if not (run.outer_step % log_every == 0 or run.outer_step % save_every == 0 or last):
                continue
            run.seconds = time.perf_counter() - started
            run.cpu_seconds = time.process_time() - computed
            state = run.report(loss, accuracy)
            bar.set_postfix(loss=f"{state.outer_loss:.3f}", accuracy=f"{state.accuracy:.1%}")
            bad = bad + 1 if state.outer_loss > DIVERGED_LOSS else 0
            broken = run.trouble()
            if bad >= DIVERGED_TIMES or broken is not None:
                raise GtnError(_diverged(state, broken or run.outer_step, out_dir))
            if out_dir is not None:
                _log(out_dir, config, state)
                if run.outer_step % save_every == 0 or last:
                    save_state(out_dir, run.state())
            if on_step is not None:
                on_step(state)
    return run


def load_run(out_dir: Path, device: torch.device | str = "cpu") -> OuterLoop:
    """The last checkpoint of a run, to evaluate or record.

    Raises:
        GtnError: `out_dir` holds no readable checkpoint.
    """
    saved = load_state(out_dir, device)
    if saved is None:
        raise GtnError(
            f"{out_dir} holds no checkpoint. Train first, for instance: gtnlab train class."
        )
    run = OuterLoop(ExperimentConfig(**saved.config), torch.device(device), None)
    run.restore(saved)
    if run.snapshots[-1].outer_step != run.outer_step:
        run.take_snapshot()
    return run


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use so many CPU threads; 0 leaves it its own choice."""
    before = torch.get_num_threads()
    try:
        if count:
            torch.set_num_threads(count)
        yield
    finally:
        torch.set_num_threads(before)


def _saved_state(
    config: ExperimentConfig, out_dir: Path | None, resume: bool, device: torch.device
) -> RunState | None:
    if out_dir is None:
        if resume:
            raise GtnError("to resume a run, name its folder.")
        return None
    saved = load_state(out_dir, device)
    if saved is None:
        return None
    if not resume:
        raise GtnError(
            f"{out_dir} already holds a run of {saved.outer_step} outer steps. Resume it "
            "(--resume), name another folder (--out), or delete it."
        )
    for field, value in config.to_dict().items():
        # A run of an older version lacks settings that came later: it ran with their defaults.
        was = saved.config.get(field, getattr(ExperimentConfig, field, None))
        if was != value:
            raise GtnError(
                f"the run in {out_dir} has {field} = {was!r} and cannot be "
                f"resumed with {value!r}. Leave that setting out, or name another folder (--out)."
            )
    return saved


def _diverged(state: StepState, step: int, out_dir: Path | None) -> str:
    kept = "" if out_dir is None else f" The last good state is kept in {out_dir}: resume it, or"
    return (
        f"the outer loss diverged at outer step {step} (it is {state.outer_loss:.3g} at "
        f"{state.outer_step})."
        f"{kept or ' To go on,'} train again with a lower outer_lr or inner_lr, a lower "
        "inner_momentum, or clip_norm = 1."
    )


def _log(out_dir: Path, config: ExperimentConfig, state: StepState) -> None:
    line = {
        "outer_step": state.outer_step,
        "seconds": round(state.seconds, 3),
        "outer_loss": state.outer_loss,
        "accuracy": state.accuracy,
        "path": config.outer_path,
        "outer_lr": config.outer_lr_at(state.outer_step - 1),
        "lr": state.lr.tolist(),
        "momentum": state.momentum.tolist(),
    }
    path = out_dir / METRICS
    try:
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")
    except OSError as error:
        raise GtnError(
            f"{path} could not be written: {error.strerror or error}. Free some disk space and "
            "resume the run (--resume)."
        ) from error
