"""Is a derivative right? The same finite differences as for the homework's `bptt`, step by step.

d/dε f(x + ε d) at 0 is ⟨∇f, d⟩ for every direction d; a central difference gives the left side
to O(ε²) without differentiating anything. Directions that change one step's input alone show at
which step of an unroll the derivative goes wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from gtnlab.errors import GtnError

DIRECTIONS = 3  # random unit directions to try for each step of each input
EPSILON = 1e-5  # length of a nudge
TOLERANCE = 1e-6  # the largest error that is rounding


def gradient_check(
    function: Callable[[dict[str, Tensor]], Tensor], inputs: Mapping[str, Tensor]
) -> dict[str, list[float]]:
    """Compare autograd's gradient of a scalar function with central differences.

    Args:
        function: named tensors → a scalar, differentiable; a whole inner loop, for instance.
        inputs: where to check, float64: single precision has no digits left for differences. The
            first dimension of each is the step.

    Returns:
        for each input and step the largest error over its directions, relative to the longest
        slope of any step; infinite at every step of an input to which no way back leads, NaN of
        one that has no influence.

    Raises:
        GtnError: an input is not float64.
    """
    for name, value in inputs.items():
        if value.dtype != torch.float64:
            raise GtnError(f"{name} is {value.dtype}: convert it with .double() first.")
    generator = torch.Generator().manual_seed(0)
    at = {name: value.detach().clone().requires_grad_() for name, value in inputs.items()}
    loss = function(at)
    gradients = [torch.zeros_like(value) for value in inputs.values()]
    if loss.requires_grad:
        gradients = list(torch.autograd.grad(loss, list(at.values()), materialize_grads=True))
    errors = {}
    for name, gradient in zip(at, gradients, strict=True):
        worst = []
        for step in range(len(gradient)):
            off = 0.0
            for _ in range(DIRECTIONS):
                drawn = torch.randn(gradient[step].shape, generator=generator, dtype=torch.float64)
                direction = torch.zeros_like(gradient)
                direction[step] = drawn / drawn.norm()
                ahead, behind = (
                    function({**at, name: at[name].detach() + nudge * direction}).item()
                    for nudge in (EPSILON, -EPSILON)
                )
                slope = (ahead - behind) / (2 * EPSILON)
                off = max(off, abs(slope - (gradient * direction).sum().item()))
            worst.append(off)
        longest = max(step.norm().item() for step in gradient)
        if longest == 0:  # rightly so, if nudges change nothing either
            errors[name] = [math.inf if any(worst) else math.nan] * len(worst)
        else:
            errors[name] = [off / longest for off in worst]
    return errors


def in_words(errors: Mapping[str, Sequence[float]]) -> str:
    """What a `gradient_check` found: for each input, at which steps it goes wrong."""
    lines = []
    for name, steps in errors.items():
        wrong = [step for step, error in enumerate(steps) if not error <= TOLERANCE]
        if not wrong:
            said = f"passed, largest error {max(steps):.0e}"
        elif all(math.isnan(error) for error in steps):
            said = "FAILED: it has no influence on the result. Is it used?"
        elif all(math.isinf(error) for error in steps):
            said = (
                "FAILED: no way back leads to it. Somewhere the graph is cut: .detach(), .data, "
                "no_grad, a missing create_graph=True, or a number in a tensor's place."
            )
        elif len(wrong) == len(steps):
            said = "FAILED at every step"
        else:
            at = ", ".join(map(str, wrong))
            said = f"FAILED at step {at}, right at the other steps from 0 to {len(steps) - 1}"
        lines.append(f"{name:8} {said}")
    return "\n".join(lines)
