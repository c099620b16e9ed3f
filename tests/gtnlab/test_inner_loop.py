"""The unrolled inner loop against `higher`, finite differences and torch.optim.SGD."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gtnlab.checkpointing import peak_bytes
from gtnlab.errors import GtnError
from gtnlab.experiments import EXPERIMENTS, ExperimentConfig
from gtnlab.gradient_check import gradient_check, in_words
from gtnlab.inner_loop import inner_loss, soft_labels, unroll
from gtnlab.learner import LEARNERS, Learner, LearnerConfig, make_learner, members
from gtnlab.teacher import TEACHERS, Teacher, TeacherShape
from gtnlab.training.outer_loss import outer_loss

STEPS, BATCH, REAL = 3, 5, 7
PRESET_LEARNERS = sorted({name for c in EXPERIMENTS.values() for name in members(c.learner)})


@pytest.fixture(autouse=True)
def few_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every preset's learner with its own layers, but few filters: float64 is slow."""
    for name in PRESET_LEARNERS:
        config = LEARNERS[name]
        narrow = dataclasses.replace(
            config,
            filters=tuple(max(2, width // 32) for width in config.filters),
            hidden=tuple(max(2, width // 8) for width in config.hidden),
        )
        monkeypatch.setitem(LEARNERS, name, narrow)


def learner_of(name: str) -> Learner:
    return make_learner(name, 0).double().train()


def normal(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def inputs() -> dict[str, Tensor]:
    """Everything that gets a meta-gradient."""
    return {
        "images": normal(STEPS, BATCH, 1, 28, 28, seed=1),
        "labels": normal(STEPS, BATCH, 10, seed=2).softmax(dim=2),
        "lr": torch.tensor([0.5, 0.3, 0.7], dtype=torch.float64),
        "momentum": torch.tensor([0.5, 0.9, 0.2], dtype=torch.float64),
    }


def real() -> tuple[Tensor, Tensor]:
    return normal(REAL, 1, 28, 28, seed=3), torch.arange(REAL) % 10


def meta_loss(
    learner: Learner, given: dict[str, Tensor], path: str = "batch-statistics", **options: Any
) -> Tensor:
    unrolled = unroll(learner, **given, **options)
    return outer_loss(learner, unrolled, given["images"], *real(), path)[0]  # type: ignore[arg-type]


def meta_gradients(learner: Learner, **options: Any) -> dict[str, Tensor]:
    given = {name: value.requires_grad_() for name, value in inputs().items()}
    gradients = torch.autograd.grad(
        meta_loss(learner, given, **options), list(given.values()), materialize_grads=True
    )
    return dict(zip(given, gradients, strict=True))


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor], relative: float) -> None:
    # A bias before a BatchNorm has no effect: its gradient is rounding alone.
    total = sum(value.norm() for value in expected.values())
    assert total > 0
    for name, value in expected.items():
        allowed = relative * value.norm() + 1e-15 * total
        assert (found[name] - value).norm() <= allowed, name


@pytest.mark.parametrize("name", PRESET_LEARNERS)
@pytest.mark.parametrize("path", ["batch-statistics", "inference"])
@pytest.mark.parametrize("intermediate_every", [0, 1])
def test_functional_and_higher_agree_on_the_meta_gradient(
    name: str, path: str, intermediate_every: int
) -> None:
    learner = learner_of(name)
    options = {"path": path, "intermediate_every": intermediate_every}
    assert_same(
        meta_gradients(learner, **options),
        meta_gradients(learner, implementation="higher", **options),
        relative=1e-8,
    )


@pytest.mark.parametrize("preset", TEACHERS)
def test_functional_and_higher_agree_through_every_teacher(preset: str) -> None:
    shape = TeacherShape(hidden=8, maps=3, middle=2, upsampling=TEACHERS[preset].upsampling)
    config = ExperimentConfig("narrow", steps=STEPS, batch=BATCH)
    teacher = Teacher(shape, config, torch.Generator().manual_seed(0)).double()
    learner = learner_of("seed_cnn")

    def gradients(implementation: str) -> dict[str, Tensor]:
        images, labels = teacher()
        rates = {key: inputs()[key] for key in ("lr", "momentum")}
        given = {"images": images, "labels": labels, **rates}
        loss = meta_loss(learner, given, implementation=implementation)
        names, parameters = zip(*teacher.named_parameters(), strict=True)
        return dict(zip(names, torch.autograd.grad(loss, parameters), strict=True))

    assert_same(gradients("functional"), gradients("higher"), relative=1e-8)


@pytest.mark.parametrize("implementation", ["functional", "higher"])
@pytest.mark.parametrize("path", ["batch-statistics", "inference"])
def test_meta_gradient_agrees_with_finite_differences(implementation: str, path: str) -> None:
    # tanh instead of the leaky ReLU, and no pooling: a difference across a kink is no derivative.
    smooth = LearnerConfig(hidden=(6,), norm="batch", norm_output=True, activation="tanh")
    learner = Learner(smooth).double()
    with torch.no_grad():
        for seed, parameter in enumerate(learner.parameters()):
            parameter.copy_(normal(*parameter.shape, seed=seed) / 5)
    errors = gradient_check(
        lambda at: meta_loss(learner, at, path, implementation=implementation), inputs()
    )
    assert max(map(max, errors.values())) < 1e-6, errors


def test_gradient_check_finds_a_wrong_gradient() -> None:
    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            return x**2

        @staticmethod
        def backward(ctx: Any, gradient: Tensor) -> Tensor:
            return 1.01 * gradient

    def wrong(at: dict[str, Tensor]) -> Tensor:
        return Wrong.apply(at["x"]).sum()  # type: ignore[no-any-return]

    assert min(gradient_check(wrong, {"x": normal(4, seed=0)})["x"]) > 1e-3
    with pytest.raises(GtnError, match="double"):
        gradient_check(wrong, {"x": torch.ones(4)})


def test_gradient_check_says_at_which_step_and_for_which_input() -> None:
    def loss(at: dict[str, Tensor]) -> Tensor:
        theta = torch.zeros((), dtype=torch.float64)
        for step, (x, lr) in enumerate(zip(at["x"], at["lr"], strict=True)):
            seen = x.detach() if step == 1 else x  # the mistake
            theta = theta + lr * (seen - theta)
        return theta**2 + at["cut"].detach().square().sum()

    given = {"x": normal(3, seed=0), "lr": normal(3, seed=1), "cut": normal(3, seed=2)}
    given["unused"] = normal(3, seed=3)
    lines = in_words(gradient_check(loss, given)).splitlines()
    assert lines[0].startswith("x        FAILED at step 1, right at the other steps from 0 to 2")
    assert lines[1].startswith("lr       passed")
    assert "no way back leads to it" in lines[2]
    assert "no influence" in lines[3]
    nothing = in_words(gradient_check(lambda at: at["x"].detach().sum(), given))
    assert ["no way back" in line for line in nothing.splitlines()] == [True, False, False, False]
    assert nothing.count("no influence") == 3


@pytest.mark.parametrize("implementation", ["functional", "higher"])
@pytest.mark.parametrize("name", PRESET_LEARNERS)
def test_unrolled_steps_equal_torch_optim_sgd(implementation: str, name: str) -> None:
    given, learner, trained = inputs(), learner_of(name), learner_of(name)
    unrolled = unroll(learner, **given, implementation=implementation)  # type: ignore[arg-type]
    optimizer = torch.optim.SGD(trained.parameters(), lr=1.0, momentum=0.5)
    losses = []
    for t in range(STEPS):
        optimizer.param_groups[0]["lr"] = given["lr"][t].item()
        optimizer.param_groups[0]["momentum"] = given["momentum"][t].item()
        optimizer.zero_grad()
        loss = F.kl_div(trained(given["images"][t]), given["labels"][t], reduction="batchmean") / 10
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    torch.testing.assert_close(unrolled.params, dict(trained.named_parameters()))
    torch.testing.assert_close(unrolled.buffers, dict(trained.named_buffers()))
    torch.testing.assert_close(unrolled.losses, torch.stack(losses))


def own_inputs(learner: Learner) -> dict[str, Tensor]:
    """A learning rate and an initial scale for each of the learner's tensors."""
    tensors = len(list(learner.parameters()))
    rates = inputs()["lr"][:, None] * normal(STEPS, tensors, seed=5).exp()
    return {**inputs(), "lr": rates, "initial_scales": normal(tensors, seed=6).exp()}


@pytest.mark.parametrize("name", ["wide", "mlp", "seed_cnn_weight_norm"])
@pytest.mark.parametrize("options", [{}, {"truncate": 2}, {"intermediate_every": 1}])
def test_functional_and_higher_agree_with_rates_and_scales_of_each_tensors_own(
    name: str, options: dict[str, int]
) -> None:
    learner = learner_of(name)

    def gradients(implementation: str) -> dict[str, Tensor]:
        given = {key: value.requires_grad_() for key, value in own_inputs(learner).items()}
        loss = meta_loss(learner, given, implementation=implementation, **options)
        wanted = {key: value for key, value in given.items() if key != "initial_scales"}
        if not options.get("truncate"):  # whose gradient ends after the start
            wanted = given
        found = torch.autograd.grad(loss, list(wanted.values()))
        return dict(zip(wanted, found, strict=True))

    assert_same(gradients("functional"), gradients("higher"), relative=1e-8)


@pytest.mark.parametrize("implementation", ["functional", "higher"])
def test_meta_gradient_of_each_tensors_own_agrees_with_finite_differences(
    implementation: str,
) -> None:
    learner = Learner(LearnerConfig(hidden=(6,), activation="tanh")).double()
    with torch.no_grad():
        for seed, parameter in enumerate(learner.parameters()):
            parameter.copy_(0.2 * normal(*parameter.shape, seed=seed))
    errors = gradient_check(
        lambda at: meta_loss(learner, at, implementation=implementation), own_inputs(learner)
    )
    assert max(map(max, errors.values())) < 1e-6, errors


@pytest.mark.parametrize("implementation", ["functional", "higher"])
def test_steps_with_rates_and_scales_of_each_tensors_own_equal_torch_optim_sgd(
    implementation: str,
) -> None:
    learner, trained = learner_of("wide"), learner_of("wide")
    given = own_inputs(learner)
    unrolled = unroll(learner, **given, implementation=implementation)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter, scale in zip(trained.parameters(), given["initial_scales"], strict=True):
            parameter.mul_(scale)
    optimizer = torch.optim.SGD([{"params": [p]} for p in trained.parameters()], lr=1, momentum=0.5)
    for t in range(STEPS):
        for group, rate in zip(optimizer.param_groups, given["lr"][t], strict=True):
            group["lr"], group["momentum"] = rate.item(), given["momentum"][t].item()
        optimizer.zero_grad()
        inner_loss(trained(given["images"][t]), given["labels"][t]).backward()
        optimizer.step()
    torch.testing.assert_close(unrolled.params, dict(trained.named_parameters()))


@pytest.mark.parametrize("every", [1, 2, 3])
def test_checkpointing_changes_no_bit_of_the_meta_gradient(every: int) -> None:
    learner = learner_of("seed_cnn")
    stored, again = meta_gradients(learner), meta_gradients(learner, checkpoint_every=every)
    for name, value in stored.items():
        assert torch.equal(again[name], value), name


def test_checkpointing_with_intermediate_losses_differs_in_the_order_of_a_sum_only() -> None:
    learner = learner_of("seed_cnn")
    options = {"intermediate_every": 2, "path": "inference"}
    assert_same(
        meta_gradients(learner, checkpoint_every=2, **options),
        meta_gradients(learner, **options),
        relative=1e-13,
    )


def test_memory_of_a_meta_gradient_grows_like_the_square_root_of_the_steps() -> None:
    learner = learner_of("cnn_small")

    def peak(steps: int, every: int) -> int:
        images = normal(steps, BATCH, 1, 28, 28, seed=1).requires_grad_()
        given = {"images": images, "labels": torch.arange(BATCH), "lr": 0.1, "momentum": 0.5}
        return peak_bytes(lambda: meta_loss(learner, given, checkpoint_every=every).backward())

    assert peak(36, 0) > 3.5 * peak(9, 0)
    assert peak(36, 6) < 2.2 * peak(9, 3)
    assert peak(36, 6) < peak(36, 0) / 3


def test_truncation_gives_the_last_steps_their_gradient_and_the_first_ones_none() -> None:
    learner = learner_of("mlp")
    for implementation in ("functional", "higher"):
        truncated = meta_gradients(learner, truncate=1, implementation=implementation)
        for name, gradient in truncated.items():
            assert not gradient[:2].any(), (implementation, name)
            assert gradient[2].any(), (implementation, name)
    # What comes after the last step is the same: so is the last step's share.
    whole = meta_gradients(learner)
    assert_same(
        {name: g[2] for name, g in meta_gradients(learner, truncate=1).items()},
        {name: g[2] for name, g in whole.items()},
        relative=1e-12,
    )


def test_without_differentiation_the_numbers_are_the_same_and_nothing_has_a_graph() -> None:
    given = {name: value.requires_grad_() for name, value in inputs().items()}
    learner = learner_of("seed_cnn")
    for implementation in ("functional", "higher"):
        tracked = unroll(learner, **given, implementation=implementation, intermediate_every=1)  # type: ignore[arg-type]
        plain = unroll(
            learner,
            **given,
            implementation=implementation,
            intermediate_every=1,
            differentiable=False,
        )  # type: ignore[call-overload, misc]
        assert [state.step for state in plain.states] == [1, 2, 3]
        for ours, theirs in zip(plain.states, tracked.states, strict=True):
            torch.testing.assert_close(ours.params, theirs.params, rtol=0, atol=0)
            assert all(p.grad_fn is None for p in ours.params.values())


@pytest.mark.parametrize("implementation", ["functional", "higher"])
def test_the_learner_itself_is_left_as_it_was(implementation: str) -> None:
    learner = learner_of("seed_cnn")
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    meta_gradients(learner, path="inference", implementation=implementation)
    torch.testing.assert_close(dict(learner.state_dict()), before, rtol=0, atol=0)
    assert all(p.grad is None for p in learner.parameters())
    assert learner.training
    assert not any(m._forward_pre_hooks for m in learner.modules())


def test_inference_path_equals_a_network_that_holds_the_recomputed_statistics() -> None:
    learner, given = learner_of("seed_cnn"), inputs()
    unrolled = unroll(learner, **given, differentiable=False)
    images, labels = real()
    loss, accuracy = outer_loss(learner, unrolled, given["images"], images, labels, "inference")
    network = learner_of("seed_cnn")
    network.load_state_dict({**unrolled.params, **unrolled.buffers})
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 1.0  # its running statistics become the next batch's
    network(given["images"].flatten(0, 1))
    answers = network.eval()(images)
    torch.testing.assert_close(loss, F.nll_loss(answers, labels))
    assert accuracy.item() == pytest.approx(
        (answers.argmax(dim=1) == labels).double().mean().item()
    )


def test_class_numbers_mean_their_one_hot_rows() -> None:
    learner, given = learner_of("mlp"), inputs()
    numbers = torch.tensor([0, 1, 2, 3, 9])
    rows = torch.eye(10, dtype=torch.float64)[numbers]
    expected = unroll(learner, **{**given, "labels": rows}).params
    for labels in (numbers, numbers.expand(STEPS, BATCH), rows.expand(STEPS, BATCH, 10)):
        torch.testing.assert_close(unroll(learner, **{**given, "labels": labels}).params, expected)
    perfect = soft_labels(numbers, rows).clamp(min=1e-12).log()
    assert inner_loss(perfect, rows).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"labels": torch.arange(BATCH + 1)}, "labels"),
        ({"labels": torch.zeros(STEPS + 1, BATCH, 10)}, "labels"),
        ({"lr": torch.ones(STEPS + 1)}, "lr"),
        ({"lr": torch.ones(STEPS, 3)}, "lr"),
        ({"initial_scales": torch.ones(3)}, "initial_scales"),
        ({"momentum": torch.ones(STEPS, 1)}, "momentum"),
        ({"implementation": "higher", "checkpoint_every": 2}, "functional"),
    ],
)
def test_what_does_not_fit_together_is_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(GtnError, match=named):
        unroll(learner_of("mlp"), **{**inputs(), **wrong})
