"""Is a derivative right? The same finite differences as for the homework's `bptt`.

d/dε f(x + ε d) at 0 is ⟨∇f, d⟩ for every direction d; a central difference gives the left side
to O(ε²) without differentiating anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gtnlab.errors import GtnError

__all__ = ["gradient_check"]


def gradient_check(
    function: Callable[[dict[str, Tensor]], Tensor],
    inputs: Mapping[str, Tensor],
    *,
    directions: int = 3,
    epsilon: float = 1e-5,
    seed: int = 0,
) -> dict[str, float]:
    """Compare autograd's gradient of a scalar function with central differences.

    Args:
        function: named tensors → a scalar, differentiable; a whole inner loop, for instance.
        inputs: where to check, float64: single precision has no digits left for differences.
        directions: random unit directions to try for each input.
        epsilon: length of a step.
        seed: of the directions.

    Returns:
        for each input the largest error over its directions, relative to the gradient's length.

    Raises:
        GtnError: an input is not float64.
    """
    for name, value in inputs.items():
        if value.dtype != torch.float64:
            raise GtnError(f"{name} is {value.dtype}: convert it with .double() first.")
    generator = torch.Generator().manual_seed(seed)
    at = {name: value.detach().clone().requires_grad_() for name, value in inputs.items()}
    gradients = torch.autograd.grad(function(at), list(at.values()))
    errors = {}
    for name, gradient in zip(at, gradients, strict=True):
        worst = 0.0
        for _ in range(directions):
            drawn = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
            direction = (drawn / drawn.norm()).to(gradient.device)
            ahead, behind = (
                function({**at, name: at[name].detach() + step * direction}).item()
                for step in (epsilon, -epsilon)
            )
            difference = (ahead - behind) / (2 * epsilon)
            worst = max(worst, abs(difference - (gradient * direction).sum().item()))
        errors[name] = worst / max(gradient.norm().item(), 1e-300)
    return errors
