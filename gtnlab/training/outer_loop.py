"""One outer step, and everything that changes from one to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor

from gtnlab.digits import Digits, augmented
from gtnlab.experiments import ExperimentConfig
from gtnlab.inner_loop import unroll
from gtnlab.learner import ROLES, make_learner, members
from gtnlab.rates import InnerRates, for_member, tensor_lr
from gtnlab.teacher import Pixels, Teacher, make_teacher
from gtnlab.training.checkpoint import RunState
from gtnlab.training.outer_loss import outer_loss
from gtnlab.training.snapshots import Snapshot, take_snapshot

Stopped = Literal["finished", "time limit", "running"]


@dataclass(frozen=True)
class StepState:
    """What `on_step` is told, at each logged step and at the last."""

    outer_step: int  # outer steps done
    outer_steps: int  # outer steps asked for
    seconds: float  # training time so far, earlier sessions of a resumed run included
    outer_loss: float  # negative log-likelihood on the real batch
    accuracy: float  # on the real training batch, 0…1, by the path that is trained
    lr: Tensor  # [steps]
    momentum: Tensor  # [steps]
    teacher: Teacher | Pixels


class OuterLoop:
    """A run: its teacher, rates, optimiser and random numbers, and one outer step of it.

    Attributes:
        outer_step: outer steps done.
        seconds: wall time of them; `cpu_seconds`: of all threads together.
        source: the data set of the digits; empty until a run without digits is restored.
        snapshots: oldest first; after training the last is of the final teacher.
    """

    def __init__(
        self, config: ExperimentConfig, device: torch.device, digits: Digits | None
    ) -> None:
        self.config, self.device, self.digits = config, device, digits
        self.teacher = make_teacher(config, torch.Generator().manual_seed(config.seed)).to(device)
        self.members = members(config.learner)
        tensors = len(ROLES)
        if len(self.members) == 1:
            tensors = len(list(make_learner(config.learner).parameters()))
        self.rates = InnerRates(
            config.steps,
            config.inner_lr,
            config.inner_momentum,
            per_step=config.per_step_rates,
            tensors=tensors if config.per_tensor_rates else 0,
            scaled=tensors if config.learned_scales else 0,
        ).to(device)
        self.optimizer = torch.optim.Adam(
            [
                {"params": list(self.teacher.parameters())},
                {"params": list(self.rates.parameters())},
            ],
            lr=config.outer_lr,
            betas=(config.beta1, 0.999),
            fused=True,
        )
        self.generator = torch.Generator(device).manual_seed(config.seed)
        self.outer_step, self.seconds, self.cpu_seconds = 0, 0.0, 0.0
        self.stopped: Stopped = "running"
        self.source: str = digits.source if digits else ""
        self.snapshots: list[Snapshot] = []
        # Of the steps since `trouble` last looked: reading each at once would wait for the device.
        self.unread_losses: list[Tensor] = []

    def step(self) -> tuple[Tensor, Tensor]:
        """One outer step; the loss and the accuracy stay on the device, unread."""
        config, digits = self.config, self.digits
        assert digits is not None
        learner = make_learner(self.member(), self.generator).train()
        generated, labels = self.teacher(self.generator)
        lr, momentum = self.rates()
        factors, scales = self.rates.tensor_factors(), self.rates.initial_scales()
        if len(self.members) > 1:
            factors, scales = for_member(learner, factors, scales)
        unrolled = unroll(
            learner,
            generated,
            labels,
            tensor_lr(lr, factors),
            momentum,
            initial_scales=scales,
            implementation=config.implementation,
            checkpoint_every=config.checkpoint_every,
            intermediate_every=config.intermediate_every,
            truncate=config.truncate,
        )
        images, classes = digits.sample(config.real_batch, self.generator)
        if config.augment:
            images = augmented(images, self.generator)
        learner.in_bfloat16 = config.bfloat16
        loss, accuracy = outer_loss(
            learner, unrolled, generated, images, classes, config.outer_path
        )
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        if config.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.teacher.parameters(), config.clip_norm)
        if config.rates_clip_norm:
            torch.nn.utils.clip_grad_norm_(self.rates.parameters(), config.rates_clip_norm)
        share = config.outer_lr_at(self.outer_step) / config.outer_lr
        for group, start in zip(
            self.optimizer.param_groups, (config.outer_lr, config.rates_lr), strict=True
        ):
            group["lr"] = start * share
        self.optimizer.step()
        self.outer_step += 1
        self.unread_losses.append(loss.detach())
        return loss.detach(), accuracy

    def member(self) -> str:
        """Which of the family's members this outer step teaches.

        It depends on the seed and the step alone: a resumed run draws the same ones, and a GPU
        is not waited for.
        """
        draw = np.random.default_rng((self.config.seed, self.outer_step))
        return self.members[int(draw.integers(len(self.members)))]

    def report(self, loss: Tensor, accuracy: Tensor) -> StepState:
        with torch.no_grad():
            lr, momentum = self.rates()
        return StepState(
            outer_step=self.outer_step,
            outer_steps=self.config.outer_steps,
            seconds=self.seconds,
            outer_loss=loss.item(),
            accuracy=accuracy.item(),
            lr=lr,
            momentum=momentum,
            teacher=self.teacher,
        )

    def trouble(self) -> int | None:
        """The first outer step since the last look that left something infinite or NaN, if any.

        All losses since then are looked at, and all that would be saved now.
        """
        losses = torch.stack(self.unread_losses).tolist()
        first = self.outer_step - len(losses) + 1
        self.unread_losses.clear()
        for step, loss in enumerate(losses, start=first):
            if not math.isfinite(loss):
                return step
        learned = [*self.teacher.parameters(), *self.rates.parameters()]
        moments = [value for state in self.optimizer.state.values() for value in state.values()]
        checks = [each.detach().isfinite().all().to(self.device) for each in learned + moments]
        return None if bool(torch.stack(checks).all()) else self.outer_step

    def take_snapshot(self) -> None:
        """Keep what the teacher makes now."""
        seed = self.config.seed
        self.snapshots.append(take_snapshot(self.teacher, self.rates, self.outer_step, seed))

    def state(self) -> RunState:
        return RunState(
            config=self.config.to_dict(),
            outer_step=self.outer_step,
            seconds=self.seconds,
            source=self.source,
            stopped=self.stopped,
            teacher=self.teacher.state_dict(),
            rates=self.rates.state_dict(),
            optimizer=self.optimizer.state_dict(),
            generator=self.generator.get_state(),
            snapshots=self.snapshots,
            cpu_seconds=self.cpu_seconds,
        )

    def restore(self, saved: RunState) -> None:
        self.teacher.load_state_dict(saved.teacher)
        self.rates.load_state_dict(saved.rates)
        self.optimizer.load_state_dict(saved.optimizer)
        if self.digits is not None:  # a run that only is looked at may be on another device
            self.generator.set_state(saved.generator)
        self.outer_step = saved.outer_step
        self.seconds, self.cpu_seconds = saved.seconds, saved.cpu_seconds
        self.source = saved.source
        self.stopped = cast(Stopped, saved.stopped)
        self.snapshots = list(saved.snapshots)
