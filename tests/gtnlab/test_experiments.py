"""The named experiments, and that a wrong choice is answered with the right ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gtnlab.errors import GtnError
from gtnlab.experiments import EXPERIMENTS, experiment, resolve_device
from gtnlab.learner import LEARNERS, members
from gtnlab.teacher import TEACHERS
from gtnlab.training.meta_training import train


def test_presets_have_the_published_numbers_of_steps_and_images() -> None:
    sizes = {name: (config.batch, config.steps) for name, config in EXPERIMENTS.items()}
    assert sizes == {
        "class": (32, 10),
        "family": (64, 32),
        **dict.fromkeys(("paper", "paper_pixels", "seed_paper"), (128, 32)),
        **dict.fromkeys(("A", "A_pixels", "seed_A", "seed_A_lean"), (32, 20)),
        **dict.fromkeys(("B", "B_pixels", "seed_B", "seed_B_lean"), (32, 10)),
        **dict.fromkeys(("C", "C_pixels", "seed_C", "seed_C_lean"), (16, 10)),
    }
    assert EXPERIMENTS["class"].images == 320


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_preset_names_itself_and_a_teacher_and_learner_that_exist(name: str) -> None:
    config = EXPERIMENTS[name]
    assert config.name == name
    assert config.teacher in {*TEACHERS, "pixels"}
    assert set(members(config.learner)) <= set(LEARNERS)


def test_an_override_replaces_one_field_and_none_keeps_the_preset() -> None:
    config = experiment("B", variant="random", steps=None)
    assert (config.variant, config.steps, config.name) == ("random", 10, "B")
    assert EXPERIMENTS["B"].variant == "learned"


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("clas", {}, r"'clas'.*Did you mean 'class'.*class, .*A, .*B, .*C, .*paper"),
        ("A", {"variant": "randm"}, r"variant.*learned, random_fixed, random"),
        ("A", {"teacher": "big"}, r"teacher.*seed, lean, small"),
        ("A", {"outer_path": "train"}, r"batch-statistics, inference"),
        ("A", {"step": 3}, r"no setting 'step'.*Did you mean 'steps'"),
        ("A", {"steps": 0}, r"steps must be at least 1, and is 0"),
        ("A", {"batch": -1}, r"batch must be at least 1, and is -1"),
        ("A", {"steps": 2.5}, r"steps must be of type int"),
        ("A", {"steps": True}, r"steps must be of type int"),
        ("A", {"inner_lr": float("nan")}, r"inner_lr must be a finite number"),
        ("A", {"inner_lr": 0.0}, r"inner_lr must be above 0"),
        ("A", {"inner_momentum": 1.0}, r"inner_momentum must be between 0 and 1"),
        ("A", {"snapshots": 26}, r"snapshots must be from 1 to 25"),
        ("A", {"truncate": 2, "intermediate_every": 2}, r"Set one of them to 0"),
        ("A", {"implementation": "higher", "checkpoint_every": 2}, r"checkpoint_every"),
        ("B_pixels", {"variant": "random"}, r"pixels has no vectors"),
        ("A", {"rates_clip_norm": -1.0}, r"rates_clip_norm must be 0"),
        ("A", {"device": "tpu"}, r"auto, cpu, cuda"),
    ],
)
def test_a_wrong_choice_is_named_with_what_would_be_right(
    name: str, overrides: dict[str, Any], message: str
) -> None:
    with pytest.raises(GtnError, match=message):
        experiment(name, **overrides)


def test_a_gpu_that_is_not_there_is_said_before_anything_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(GtnError, match=r"torch sees none.*'auto' or 'cpu'"):
        train(experiment("class", device="cuda"), quiet=True)
    assert resolve_device("auto") == torch.device("cpu")


def test_a_learner_that_does_not_exist_is_said_before_anything_is_loaded() -> None:
    with pytest.raises(GtnError, match="no learner"):
        experiment("class", learner="mlpp")


@given(step=st.integers(0, 2_000), steps=st.integers(1, 1_000))
def test_the_outer_learning_rate_stays_between_its_ends(step: int, steps: int) -> None:
    config = experiment("class", outer_steps=steps, outer_lr=0.02, outer_lr_final=0.001)
    assert 0.001 - 1e-12 <= config.outer_lr_at(step) <= 0.02 + 1e-12
