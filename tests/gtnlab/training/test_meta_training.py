"""The outer loop: exact resumption, honest stops, whole files, and that it learns at all."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gtnlab.curriculum import OPTIONAL, Curriculum
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation.judging import judge
from gtnlab.experiments import VARIANTS, ExperimentConfig, experiment
from gtnlab.inner_loop import unroll
from gtnlab.learner import LEARNERS, ROLES, Learner, LearnerConfig, make_learner, members
from gtnlab.training import outer_loop
from gtnlab.training.checkpoint import load_state, save_state
from gtnlab.training.meta_training import load_run, train
from gtnlab.training.outer_loop import OuterLoop, StepState
from gtnlab.training.run import run_experiment

SMALL: dict[str, Any] = {
    "steps": 2,
    "batch": 4,
    "outer_steps": 12,
    "real_batch": 16,
    "device": "cpu",
}
TINY: dict[str, Any] = {
    **SMALL,
    "learner": "mlp",
    "inner_lr": 3.0,
    "per_tensor_rates": False,
    "learned_scales": False,
    "clip_norm": 0.0,
    "rates_clip_norm": 0.0,
}


def tiny(**overrides: Any) -> ExperimentConfig:
    return experiment("class", **{**TINY, **overrides})


def ten_patterns() -> Digits:
    """Not digits, but ten classes that a few images can teach: a bright row for each class."""
    labels = torch.arange(60) % 10
    images = torch.zeros(60, 1, 28, 28)
    for index, label in enumerate(labels.tolist()):
        images[index, 0, 2 * label + 4 : 2 * label + 6] = 2.0
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    return Digits(images + 0.1 * noise, labels, "sklearn-digits")


def run(config: ExperimentConfig, out_dir: Path | None = None, **options: Any) -> OuterLoop:
    settings: dict[str, Any] = {"log_every": 3, "save_every": 4, **options}
    return train(config, out_dir, quiet=True, digits=ten_patterns(), **settings)


def metrics(out_dir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out_dir / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(first: OuterLoop, second: OuterLoop) -> None:
    """Bit for bit; only the seconds may differ."""
    assert (first.outer_step, first.stopped) == (second.outer_step, second.stopped)
    for one, other in zip(
        first.teacher.state_dict().values(), second.teacher.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)
    assert torch.equal(first.rates()[0], second.rates()[0])
    assert torch.equal(first.rates()[1], second.rates()[1])
    assert [s.outer_step for s in first.snapshots] == [s.outer_step for s in second.snapshots]
    for mine, theirs in zip(first.snapshots, second.snapshots, strict=True):
        for field in ("images", "labels", "lr", "momentum", *OPTIONAL):
            np.testing.assert_array_equal(getattr(mine, field), getattr(theirs, field))


def assert_same_metrics(first: Path, second: Path) -> None:
    for mine, theirs in zip(metrics(first), metrics(second), strict=True):
        assert {**mine, "seconds": 0} == {**theirs, "seconds": 0}


def killed_run(out_dir: Path, script: str) -> None:
    """Run the tiny experiment in a process of its own, which kills itself with SIGKILL."""
    script = f"""
        import os, signal, sys
        import torch
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_meta_training as room
        {textwrap.indent(textwrap.dedent(script), " " * 8).strip()}
        room.run(room.tiny(variant="random"), Path({str(out_dir)!r}), on_step=on_step)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


KILL_AFTER_SIX = """
def on_step(state):
    if state.outer_step >= 6:
        os.kill(os.getpid(), signal.SIGKILL)
"""
KILL_WHILE_SAVING = """
save, saved = torch.save, []
def save_half(fields, path):
    if fields["outer_step"] == 8:
        path.write_bytes(b"half a checkpoint")
        os.kill(os.getpid(), signal.SIGKILL)
    save(fields, path)
torch.save = save_half
on_step = None
"""


@pytest.mark.parametrize("script", [KILL_AFTER_SIX, KILL_WHILE_SAVING], ids=["between", "saving"])
def test_a_killed_run_resumed_equals_an_unkilled_one_bit_for_bit(
    tmp_path: Path, script: str
) -> None:
    config = tiny(variant="random")
    whole = run(config, tmp_path / "whole")
    killed_run(tmp_path / "killed", script)
    kept = load_state(tmp_path / "killed", "cpu")
    assert kept is not None
    assert kept.outer_step == 4
    resumed = run(config, tmp_path / "killed", resume=True)
    assert_same_run(resumed, whole)
    assert_same_metrics(tmp_path / "killed", tmp_path / "whole")
    assert_same_run(load_run(tmp_path / "killed"), whole)


def test_a_run_stopped_by_its_time_limit_is_complete_and_resumes_exactly(tmp_path: Path) -> None:
    whole = run(tiny())
    stopped = run(tiny(), tmp_path, time_limit=0.0)
    assert (stopped.stopped, stopped.outer_step) == ("time limit", 1)
    assert stopped.snapshots[-1].outer_step == 1
    resumed = run(tiny(), tmp_path, resume=True)
    assert_same_run(resumed, whole)
    assert resumed.seconds > stopped.seconds


def test_augmented_real_digits_change_the_meta_gradient_and_resume_exactly(tmp_path: Path) -> None:
    whole = run(tiny(augment=True))
    plain = run(tiny())
    assert not torch.equal(whole.rates()[0], plain.rates()[0])
    run(tiny(augment=True), tmp_path, time_limit=0.0)
    assert_same_run(run(tiny(augment=True), tmp_path, resume=True), whole)


def test_a_run_of_a_version_without_a_setting_resumes_with_its_default(tmp_path: Path) -> None:
    run(tiny(), tmp_path, time_limit=0.0)
    saved = load_state(tmp_path, "cpu")
    assert saved is not None
    del saved.config["augment"]
    save_state(tmp_path, saved)
    with pytest.raises(GtnError, match="has augment = False and cannot"):
        run(tiny(augment=True), tmp_path, resume=True)
    assert_same_run(run(tiny(), tmp_path, resume=True), run(tiny()))


@pytest.mark.parametrize("name", ["B", "B_pixels"])
def test_what_each_tensor_and_image_has_of_its_own_is_learned_resumed_and_recorded(
    name: str, tmp_path: Path
) -> None:
    config = experiment(name, **{**SMALL, "batch": 10, "outer_steps": 60, "inner_lr": 1.0})
    losses: list[float] = []
    whole = run(config, on_step=lambda state: losses.append(state.outer_loss))
    assert np.mean(losses[-3:]) < 0.7 * np.mean(losses[:3])
    run(config, tmp_path / "run", time_limit=0.0)
    resumed = run(config, tmp_path / "run", resume=True)
    assert_same_run(resumed, whole)
    assert_same_run(load_run(tmp_path / "run"), whole)

    digits = ten_patterns()
    run_experiment(config, tmp_path / "run", resume=True, quiet=True, digits=(digits, digits))
    recorded = Curriculum.load(tmp_path / "run" / "curriculum.npz")
    lesson, last = recorded.lesson(), whole.snapshots[-1]
    assert lesson.made_for == "wide"
    for field in OPTIONAL:
        value = getattr(last, field)
        assert not np.allclose(value, getattr(whole.snapshots[0], field))
        np.testing.assert_allclose(getattr(lesson, field), value, rtol=1e-6)
    # A learner whose tensors they are not is taught with the rest.
    other = lesson.suited_to("mlp", make_learner("mlp"))
    assert other.tensor_factors is None
    assert other.initial_scales is None
    assert other.targets is not None
    scores = judge(lesson, "wide", digits, learners=4).final("inference")
    bare = judge(other, "wide", digits, learners=4).final("inference")
    assert scores.mean > 0.5
    assert scores.values != bare.values


def test_the_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    first, second, other = run(tiny()), run(tiny()), run(tiny(seed=1))
    assert_same_run(first, second)
    assert not torch.equal(first.rates()[0], other.rates()[0])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("path", ["batch-statistics", "inference"])
def test_every_variant_learns_by_every_path_something_a_fresh_teacher_does_not_teach(
    variant: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LEARNERS, "conv8_batch", LearnerConfig((8,), norm="batch"))
    losses: list[float] = []
    config = tiny(
        variant=variant,
        outer_path=path,
        learner="conv8_batch",
        inner_lr=0.3,
        batch=10,
        outer_steps=60,
    )
    run(config, on_step=lambda state: losses.append(state.outer_loss), log_every=1)
    assert sum(losses[-15:]) < 0.7 * sum(losses[:15]), losses


def test_a_family_teaches_a_member_drawn_anew_each_step_and_resumes_with_the_same_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def noticing(name: str, generator: torch.Generator) -> Learner:
        drawn.append(name)
        return make_learner(name, generator)

    monkeypatch.setattr(outer_loop, "make_learner", noticing)
    config = tiny(learner="family", per_tensor_rates=True, learned_scales=True)
    whole = run(config)
    in_one_go = list(drawn)
    assert len(in_one_go) == 12
    assert set(in_one_go) <= set(members("family"))
    assert len(set(in_one_go)) > 2
    drawn.clear()
    run(config, tmp_path, time_limit=0.0)
    assert drawn == in_one_go[:1]
    resumed = run(config, tmp_path, resume=True)
    assert drawn == in_one_go
    assert_same_run(resumed, whole)
    drawn.clear()
    run(dataclasses.replace(config, seed=1))
    assert drawn != in_one_go


def test_a_family_learns_rates_and_scales_for_each_role() -> None:
    result = run(tiny(learner="family", per_tensor_rates=True, learned_scales=True))
    assert result.rates.tensor_factors() is not None
    assert result.rates.initial_scales() is not None
    assert result.rates.tensor_factors().shape == (2, len(ROLES))
    # Of twelve members drawn, some have each role: none of the values is where it began.
    assert (result.rates.tensor_factors() != 1).all()
    assert (result.rates.initial_scales()[::2] != 1).all()


def test_a_meta_trained_teacher_teaches_a_learner_it_has_never_met() -> None:
    result = run(tiny(batch=10, outer_steps=80))
    digits = ten_patterns()

    def accuracy(images: torch.Tensor, labels: torch.Tensor) -> float:
        learner = make_learner("mlp", 12345)
        rates = result.rates()
        taught = unroll(learner, images, labels, *rates, differentiable=False)
        learner.load_state_dict(taught.params)
        return (learner(digits.images).argmax(dim=1) == digits.labels).float().mean().item()

    images, labels = result.teacher()
    assert accuracy(images.detach(), labels) > 0.9
    assert accuracy(images.detach(), labels.roll(1)) < 0.2


def test_checkpoints_metrics_and_callback_say_the_same(tmp_path: Path) -> None:
    seen: list[StepState] = []
    result = run(tiny(), tmp_path, on_step=seen.append)
    assert [state.outer_step for state in seen] == [3, 4, 6, 8, 9, 12]
    for line, state in zip(metrics(tmp_path), seen, strict=True):
        assert line["outer_loss"] == state.outer_loss
        assert line["lr"] == state.lr.tolist()
        assert line["path"] == "batch-statistics"
        assert len(line["momentum"]) == 2
    config = ExperimentConfig(**json.loads((tmp_path / "config.json").read_text()))
    assert config == result.config == tiny()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint.pt",
        "config.json",
        "metrics.jsonl",
    ]


def test_at_most_25_snapshots_from_before_the_first_step_to_after_the_last() -> None:
    result = run(tiny(outer_steps=60))
    steps = [snapshot.outer_step for snapshot in result.snapshots]
    assert len(steps) <= 25
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, 60)
    images = result.teacher()[0].detach().squeeze(2)
    recorded = torch.as_tensor(result.snapshots[-1].images).float() / 127.5 - 1
    assert (recorded - images).abs().max() <= 1 / 255 + 1e-6
    assert not (result.snapshots[0].images == result.snapshots[-1].images).all()


def test_a_rate_that_explodes_stops_the_run_and_keeps_the_last_good_state(tmp_path: Path) -> None:
    good = run(tiny(outer_steps=8), tmp_path)

    class Exploding(outer_loop.OuterLoop):
        def step(self) -> tuple[torch.Tensor, torch.Tensor]:
            loss, accuracy = super().step()
            if self.outer_step == 11:
                with torch.no_grad():
                    self.teacher.draw.weight.fill_(float("nan"))
            return loss, accuracy

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gtnlab.training.meta_training.OuterLoop", Exploding)
        with pytest.raises(GtnError, match=r"diverged.*outer_lr") as stopped:
            run(tiny(outer_steps=40), tmp_path / "exploded")
    assert str(tmp_path / "exploded") in str(stopped.value)
    kept = load_run(tmp_path / "exploded")
    assert kept.outer_step == 8
    assert all(p.isfinite().all() for p in kept.teacher.parameters())
    assert good.outer_step == 8


@pytest.mark.parametrize("what", ["loss", "moment"])
def test_what_stops_being_finite_between_two_logged_steps_is_never_saved(
    tmp_path: Path, what: str
) -> None:
    class Breaking(outer_loop.OuterLoop):
        def step(self) -> tuple[torch.Tensor, torch.Tensor]:
            loss, accuracy = super().step()
            if self.outer_step == 6 and what == "loss":
                loss.fill_(float("inf"))  # and all is well again at the next step
            if self.outer_step == 6 and what == "moment":
                self.optimizer.state[self.rates.log_lr]["exp_avg_sq"].fill_(float("inf"))
            return loss, accuracy

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gtnlab.training.meta_training.OuterLoop", Breaking)
        named = "step 6" if what == "loss" else "step 8"
        with pytest.raises(GtnError, match=f"diverged at outer {named}"):
            run(tiny(outer_steps=40), tmp_path, log_every=20)
    kept = load_state(tmp_path, "cpu")
    assert kept is not None
    assert kept.outer_step == 4


def test_a_loss_far_above_ignorance_again_and_again_is_divergence() -> None:
    with pytest.raises(GtnError, match="diverged"):
        run(tiny(inner_lr=1e4, outer_steps=40), log_every=1)


def test_a_full_disk_keeps_the_earlier_checkpoint_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = torch.save

    def full(fields: dict[str, Any], path: Path) -> None:
        if fields["outer_step"] > 4:
            path.write_bytes(b"a part of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(fields, path)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(GtnError, match=r"checkpoint\.pt.*No space left.*Free some disk space"):
        run(tiny(), tmp_path)
    kept = load_state(tmp_path, "cpu")
    assert kept is not None
    assert kept.outer_step == 4
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("damage", ["cut short", "not a checkpoint", "another version"])
def test_a_damaged_checkpoint_is_named_and_not_overwritten(tmp_path: Path, damage: str) -> None:
    run(tiny(outer_steps=4), tmp_path)
    path = tmp_path / "checkpoint.pt"
    if damage == "cut short":
        path.write_bytes(path.read_bytes()[:2000])
    elif damage == "not a checkpoint":
        path.write_bytes(b"hello")
    else:
        torch.save({**torch.load(path, weights_only=True), "version": 99}, path)
    before = path.read_bytes()
    for action in (
        lambda: run(tiny(outer_steps=4), tmp_path, resume=True),
        lambda: load_run(tmp_path),
    ):
        with pytest.raises(GtnError, match=r"checkpoint\.pt.*Delete"):
            action()
    assert path.read_bytes() == before


def test_a_folder_that_holds_a_run_is_neither_overwritten_nor_mixed(tmp_path: Path) -> None:
    run(tiny(outer_steps=4), tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(GtnError, match=r"--resume.*--out"):
        run(tiny(outer_steps=4), tmp_path)
    with pytest.raises(GtnError, match="outer_lr = "):
        run(tiny(outer_steps=4, outer_lr=0.5), tmp_path, resume=True)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    with pytest.raises(GtnError, match="no checkpoint"):
        load_run(tmp_path / "elsewhere")


def test_resuming_a_finished_run_gives_it_back(tmp_path: Path) -> None:
    finished = run(tiny(), tmp_path)
    assert_same_run(run(tiny(), tmp_path, resume=True), finished)


def test_a_run_takes_the_threads_it_asks_for_and_gives_them_back() -> None:
    before, seen = torch.get_num_threads(), []
    run(tiny(threads=3), on_step=lambda state: seen.append(torch.get_num_threads()))
    assert set(seen) == {3}
    assert torch.get_num_threads() == before


def test_the_outer_learning_rate_falls_along_half_a_cosine(tmp_path: Path) -> None:
    run(tiny(outer_lr=0.01, outer_lr_final=0.001), tmp_path, log_every=1)
    rates = [line["outer_lr"] for line in metrics(tmp_path)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[-1] == pytest.approx(0.001)
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("path", ["batch-statistics", "inference"])
def test_in_bfloat16_the_inner_loop_is_the_same_and_the_meta_gradient_nearly(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[dict[str, torch.Tensor]] = []

    def spy(*given: Any, **options: Any) -> Any:
        unrolled = unroll(*given, **options)
        trained.append(unrolled.params)
        return unrolled

    monkeypatch.setattr(outer_loop, "unroll", spy)
    gradients, losses = [], []
    for bfloat16 in (False, True):
        config = tiny(learner="cnn_small", outer_path=path, bfloat16=bfloat16, inner_lr=0.1)
        loop = outer_loop.OuterLoop(config, torch.device("cpu"), ten_patterns())
        loss, _ = loop.step()
        losses.append(loss.item())
        learned = [p.grad.flatten() for p in loop.teacher.parameters() if p.grad is not None]
        gradients.append(torch.cat(learned))
    exact, rounded = trained
    assert all(torch.equal(exact[name], rounded[name]) for name in exact)
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    assert torch.cosine_similarity(*gradients, dim=0) > 0.98


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_on_a_gpu_a_run_learns_and_resumes(tmp_path: Path) -> None:
    digits = ten_patterns()
    digits = Digits(digits.images.cuda(), digits.labels.cuda(), digits.source)
    config = tiny(device="cuda", variant="random")
    train(config, tmp_path, quiet=True, digits=digits, time_limit=0.0)
    resumed = train(config, tmp_path, quiet=True, digits=digits, resume=True)
    assert resumed.outer_step == 12
    assert resumed.rates.log_lr.device.type == "cuda"
