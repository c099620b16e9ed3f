"""Learning rate and momentum of every inner step, learned with the teacher."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

__all__ = ["InnerRates"]


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
    """

    def __init__(self, steps: int, lr: float, momentum: float, *, per_step: bool) -> None:
        super().__init__()
        self.steps = steps
        count = steps if per_step else 1
        self.log_lr = nn.Parameter(torch.full((count,), math.log(lr)))
        self.logit_momentum = nn.Parameter(
            torch.full((count,), math.log(momentum / (1 - momentum)))
        )

    def forward(self) -> tuple[Tensor, Tensor]:
        """Learning rate and momentum of every step, [steps] each."""
        lr, momentum = self.log_lr.exp(), self.logit_momentum.sigmoid()
        return lr.expand(self.steps), momentum.expand(self.steps)
