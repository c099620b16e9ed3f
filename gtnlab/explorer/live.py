"""Meta-training that can be watched in a notebook, and stopped."""

from __future__ import annotations

import base64
import contextlib
import html
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
from IPython.display import display

from gtnlab.curriculum import Curriculum
from gtnlab.digits import load_digits
from gtnlab.errors import GtnError
from gtnlab.experiments import ExperimentConfig, resolve_device
from gtnlab.explorer import frames
from gtnlab.explorer.panel import NATURAL
from gtnlab.explorer.recordings import find_curricula
from gtnlab.explorer.stage import view
from gtnlab.training.meta_training import load_run, train
from gtnlab.training.outer_loop import OuterLoop, StepState
from gtnlab.training.recording import record
from gtnlab.training.snapshots import made_now

SECONDS_BETWEEN_PICTURES = 0.5
COLUMNS = 24  # images shown of each step
ENOUGH = 0.25  # of the outer steps: a teacher stopped before has little to show


def train_live(
    config: ExperimentConfig,
    *,
    seconds: float | None = None,
    recorded: Path | None = None,
) -> Curriculum:
    """Meta-train a teacher under a picture that changes: its loss, its accuracy, its images.

    Interrupt the kernel (■) to stop. What was trained until then is returned or, if that was
    less than a quarter of the outer steps, a recorded run in its place; the words above the
    picture say which. When it is over the picture stays as a plain image.

    Args:
        seconds: stop after this long, with what there is.
        recorded: the recording (.npz) that stands in; by default the course's own recording of
            this experiment and variant.

    Raises:
        GtnError: the training diverged; or it was stopped at once and there is no recording.
    """
    device = resolve_device(config.device)
    real, test = load_digits("train", device), load_digits("test", device)
    watched = _Watched(config, f"{real.source} on {device.type}")
    run: OuterLoop | None = None
    try:
        with tempfile.TemporaryDirectory() as folder:
            try:
                run = train(
                    config,
                    Path(folder),
                    time_limit=seconds,
                    quiet=True,
                    on_step=watched.step,
                    digits=real,
                )
                enough = True
            except KeyboardInterrupt:
                with contextlib.suppress(GtnError):  # stopped before the first checkpoint
                    run = load_run(Path(folder))
                enough = run is not None and run.outer_step >= ENOUGH * config.outer_steps
        if not enough:
            try:
                place = recorded or find_curricula() / f"{config.name}_{config.variant}.npz"
                curriculum = Curriculum.load(place)
            except GtnError:
                if run is None:
                    raise
            else:
                outer_steps = curriculum.provenance.get("outer_steps", "?")
                watched.finish(
                    curriculum,
                    "You stopped it too early for a curriculum of its own. In its place stands the "
                    f"recorded {place.stem} ({outer_steps} outer steps).",
                    own=False,
                )
                return curriculum
        assert run is not None
        curriculum = record(run, test, watched.judged)
        watched.finish(curriculum, _trained(run, watched.where))
        return curriculum
    finally:
        watched.close()


def _trained(run: OuterLoop, where: str) -> str:
    how = {"finished": "Trained", "time limit": "Trained until the time was up"}
    return (
        f"{how.get(run.stopped, 'You stopped it')}: {run.outer_step} of "
        f"{run.config.outer_steps} outer steps in {run.seconds:.0f} s ({where})."
    )


class _Watched:
    """What is on the screen during a training."""

    def __init__(self, config: ExperimentConfig, where: str) -> None:
        self.config, self.where = config, where
        self._losses: list[tuple[float, float]] = []
        self._accuracies: list[tuple[float, float]] = []
        self._drawn = 0.0
        self._bar = widgets.IntProgress(description="Outer step", max=config.outer_steps)
        self._words = widgets.HTML(f"{html.escape(where)}. To stop, interrupt the kernel (■).")
        self._image = widgets.Image(format="png", layout=NATURAL)
        self._row = widgets.HBox([self._bar, self._words])
        self._all = widgets.VBox([self._row, self._image])
        self._display = display(view(self._all), raw=True, display_id=True)  # None outside IPython

    def step(self, state: StepState) -> None:
        share = state.outer_step / state.outer_steps
        self._losses.append((share, state.outer_loss))
        self._accuracies.append((share, state.accuracy))
        now = time.perf_counter()
        if now - self._drawn < SECONDS_BETWEEN_PICTURES and share < 1:
            return
        self._drawn = now
        images, labels, _ = made_now(state.teacher, self.config.seed)
        self._image.value = self._picture(images, labels)
        self._bar.value = state.outer_step
        self._words.value = (
            f"{state.outer_step} of {state.outer_steps}, {state.seconds:.0f} s, "
            f"{html.escape(self.where)}. To stop, interrupt the kernel (■)."
        )

    def judged(self, done: int, total: int) -> None:
        self._words.value = f"Fresh learners judge what it made: {done} of {total} snapshots."

    def finish(self, curriculum: Curriculum, words: str, *, own: bool = True) -> None:
        """Put a plain picture in the place of the widgets: it needs no kernel to be seen.

        It shows the curriculum's last images and, unless another run stands in, the curves.
        """
        made, labels = curriculum.images[-1], curriculum.labels
        picture = self._picture(made, labels) if own else frames.png(_sheet(made, labels))
        encoded = base64.b64encode(picture).decode()
        curves = "Loss and accuracy during the training; below, the " if own else "The "
        alt = f"{curves}images that the teacher makes, a row for each inner step."
        shown: dict[str, Any] = {
            "text/html": f"<p>{html.escape(words)}</p>"
            f'<img alt="{alt}" src="data:image/png;base64,{encoded}">',
            "image/png": picture,
            "text/plain": words,
        }
        if self._display is not None:
            self._display.update(shown, raw=True)

    def close(self) -> None:
        for widget in (self._all, self._row, self._image, self._words, self._bar):
            widget.close()

    def _picture(self, images: Any, labels: Any) -> bytes:
        curves = [
            frames.curve(self._losses, title="outer loss", ends=(0, math.log(10))),
            frames.curve(self._accuracies, title="accuracy on real digits", ends=(0, 1)),
        ]
        return frames.png(frames.below(np.hstack(curves), _sheet(images, labels)))


def _sheet(images: Any, labels: Any) -> Any:
    return frames.sheet(images[:, :COLUMNS], labels[:COLUMNS])
