"""Training in a notebook: watched, stopped, and true afterwards."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gtnlab.curriculum import Curriculum
from gtnlab.errors import GtnError
from gtnlab.experiments import ExperimentConfig, experiment
from gtnlab.explorer import live
from gtnlab.explorer.live import train_live
from gtnlab.training.outer_loop import StepState


@pytest.fixture(autouse=True)
def _digits(mnist_root: Path) -> None:
    """Small digits from files."""


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """A shell's background jobs, and so tests in one, ignore the interrupt."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Screen:
    """Stands for the notebook: what was displayed at first, and what replaced it."""

    def __init__(self) -> None:
        self.final: dict[str, Any] = {}

    def __call__(self, bundle: dict[str, Any], raw: bool, display_id: bool) -> Screen:
        self.first = bundle
        return self

    def update(self, bundle: dict[str, Any], raw: bool) -> None:
        self.final = bundle


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    made = Screen()
    monkeypatch.setattr(live, "display", made)
    return made


def small(**settings: Any) -> ExperimentConfig:
    return experiment(
        "class", device="cpu", steps=2, batch=10, real_batch=32, snapshots=2, **settings
    )


def interrupt_at(monkeypatch: pytest.MonkeyPatch, outer_step: int) -> None:
    """Send what the kernel's interrupt sends, once training has come this far."""
    seen = live._Watched.step

    def step(self: Any, state: StepState) -> None:
        seen(self, state)
        if state.outer_step == outer_step:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    monkeypatch.setattr(live._Watched, "step", step)


def test_the_picture_changes_while_it_trains_and_stays_when_it_is_over(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SECONDS_BETWEEN_PICTURES", 0)
    seen = []
    draw = live._Watched.step

    def step(self: Any, state: StepState) -> None:
        draw(self, state)
        seen.append(self._image.value)

    monkeypatch.setattr(live._Watched, "step", step)
    curriculum = train_live(small(outer_steps=60))
    assert set(screen.first) == {"application/vnd.jupyter.widget-view+json", "text/plain"}
    assert len(set(seen)) == 3
    assert curriculum.outer_step[-1] == 60
    assert screen.final["image/png"].startswith(b"\x89PNG")
    assert "Trained: 60 of 60 outer steps" in screen.final["text/plain"]
    assert 'alt="' in screen.final["text/html"]


def test_a_time_limit_ends_it_with_what_there_is(screen: Screen) -> None:
    curriculum = train_live(small(outer_steps=4000), seconds=0.5)
    assert 0 < curriculum.outer_step[-1] < 4000
    assert "until the time was up" in screen.final["text/plain"]


def test_stopping_early_gives_the_recorded_run_and_says_so(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, curriculum: Curriculum, tmp_path: Path
) -> None:
    recorded = tmp_path / "class_learned.npz"
    curriculum.save(recorded)
    interrupt_at(monkeypatch, 20)
    found = train_live(small(outer_steps=4000), recorded=recorded)
    np.testing.assert_array_equal(found.images, curriculum.images)
    assert "recorded class_learned" in screen.final["text/plain"]


def test_stopping_late_gives_what_was_trained(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    interrupt_at(monkeypatch, 220)
    found = train_live(small(outer_steps=400), recorded=tmp_path / "none.npz")
    assert found.outer_step[-1] == 200  # the last checkpoint
    assert "You stopped it: 200 of 400 outer steps" in screen.final["text/plain"]


def test_stopping_at_once_without_a_recording_is_an_error_that_names_the_file(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    interrupt_at(monkeypatch, 20)
    with pytest.raises(GtnError, match=r"none\.npz"):
        train_live(small(outer_steps=4000), recorded=tmp_path / "none.npz")
