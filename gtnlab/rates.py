"""Rates of the inner loop and scales of the learner's start, learned with the teacher."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gtnlab.learner import Learner


def tensor_lr(lr: Tensor, factors: Tensor | None) -> Tensor:
    """Learning rates as ``unroll`` takes them: [steps], or [steps, tensors] with factors."""
    return lr if factors is None else lr[:, None] * factors


def for_member(
    learner: Learner, factors: Tensor | None, scales: Tensor | None
) -> tuple[Tensor | None, Tensor | None]:
    """A family's factors and initial scales, which go by role, as one member takes them.

    From [steps, roles] and [roles] to [steps, tensors] and [tensors]; None stays None. Each of the
    member's parameters must have a role.
    """
    assert learner.roles is not None
    places, on_rates = learner.roles
    return (
        None if factors is None else factors[:, places] * factors.new_tensor(on_rates),
        None if scales is None else scales[places],
    )


class InnerRates(nn.Module):
    """Rates of an inner loop (Such et al. 2019, section 3).

    The logarithm of the learning rate and the logit of the momentum are learned, so that no
    outer step can make a rate negative or a momentum reach 1, and an outer step changes a
    small rate by a small amount.

    Args:
        steps: inner steps.
        lr: learning rate of each to begin with, above 0.
        momentum: of each to begin with, in (0, 1).
        per_step: learn a pair for each step; else one pair for all.
        tensors: of the learner's parameters (of a family's, their roles), each of which gets a
            learning rate of its own at each step; 0: one for all.
        scaled: of the learner's parameters (or roles), each of which gets a factor on its fresh
            values; 0: none.
    """

    def __init__(
        self,
        steps: int,
        lr: float,
        momentum: float,
        *,
        per_step: bool,
        tensors: int = 0,
        scaled: int = 0,
    ) -> None:
        super().__init__()
        self.steps = steps
        count = steps if per_step else 1
        shape = (count, tensors) if tensors else (count,)
        self.log_lr = nn.Parameter(torch.full(shape, math.log(lr)))
        self.logit_momentum = nn.Parameter(
            torch.full((count,), math.log(momentum / (1 - momentum)))
        )
        if scaled:
            self.log_scales = nn.Parameter(torch.zeros(scaled))

    def forward(self) -> tuple[Tensor, Tensor]:
        """Learning rate and momentum of every step, [steps] each.

        Where each tensor has a rate of its own, the learning rate is their geometric mean.
        """
        log_lr = self.log_lr.mean(dim=1) if self.log_lr.ndim == 2 else self.log_lr
        lr, momentum = log_lr.exp(), self.logit_momentum.sigmoid()
        return lr.expand(self.steps), momentum.expand(self.steps)

    def tensor_factors(self) -> Tensor | None:
        """Factor of each of the learner's tensors on the learning rate, [steps, tensors]."""
        if self.log_lr.ndim == 1:
            return None
        own = (self.log_lr - self.log_lr.mean(dim=1, keepdim=True)).exp()
        return own.expand(self.steps, -1)

    def initial_scales(self) -> Tensor | None:
        """Factor on the fresh values of each of the learner's tensors, [tensors]."""
        return self.log_scales.exp() if hasattr(self, "log_scales") else None
