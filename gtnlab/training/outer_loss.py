"""The outer loss: how a taught learner does on real digits, by either path.

`batch-statistics` leaves BatchNorm in train mode, so that it normalises the real batch by
the real batch's own statistics. `inference` gives it the statistics of the generated images,
as a learner would be used; the meta-gradient flows through those statistics too.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from gtnlab.evaluation.judging import in_mode
from gtnlab.experiments import OuterPath
from gtnlab.inner_loop import State, Unrolled


def outer_loss(
    learner: nn.Module,
    unrolled: Unrolled,
    generated: Tensor,
    images: Tensor,
    labels: Tensor,
    path: OuterPath,
) -> tuple[Tensor, Tensor]:
    """Negative log-likelihood of real digits, averaged over the states that were kept.

    Args:
        learner: the architecture, in train mode.
        generated: what it was taught with, [steps, batch, 1, 28, 28].
        images, labels: real digits, [N, 1, 28, 28] and int64 [N].
        path: where BatchNorm's statistics come from.

    Returns:
        the loss, differentiable, and the last state's share of right answers, both [].
    """
    losses = []
    accuracy = torch.zeros((), device=images.device)
    for state in unrolled.states:
        answers = _log_probabilities(learner, state, generated[: state.step], images, path)
        losses.append(F.nll_loss(answers, labels))
        accuracy = (answers.detach().argmax(dim=1) == labels).float().mean()
    return torch.stack(losses).mean(), accuracy


def _log_probabilities(
    learner: nn.Module, state: State, generated: Tensor, images: Tensor, path: OuterPath
) -> Tensor:
    norms = {name: m for name, m in learner.named_modules() if isinstance(m, _BatchNorm)}
    # BatchNorm in train mode writes its buffers in place: into a copy.
    buffers = {name: buffer.clone() for name, buffer in state.buffers.items()}
    if path == "batch-statistics" or not norms:
        return _call(learner, state.params, buffers, images)
    params = dict(state.params)
    for name, (mean, variance) in _statistics(learner, norms, state, generated).items():
        # F.batch_norm has no derivative in its running statistics, but γ (x − μ) / √(σ² + ε) + β
        # is also γ' x + β', which it computes when told of mean 0 and variance 1 − ε.
        gain = params[f"{name}.weight"] * torch.rsqrt(variance + norms[name].eps)
        params[f"{name}.bias"] = params[f"{name}.bias"] - gain * mean
        params[f"{name}.weight"] = gain
        buffers[f"{name}.running_mean"] = torch.zeros_like(mean)
        buffers[f"{name}.running_var"] = torch.full_like(variance, 1 - norms[name].eps)
    with in_mode(learner, training=False):
        return _call(learner, params, buffers, images)


def _statistics(
    learner: nn.Module, norms: dict[str, _BatchNorm], state: State, generated: Tensor
) -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and (unbiased) variance of each BatchNorm's input over all generated images."""
    found: dict[str, tuple[Tensor, Tensor]] = {}

    def record(name: str, _: nn.Module, inputs: tuple[Tensor]) -> None:
        (x,) = inputs
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        over = [dim for dim in range(x.dim()) if dim != 1]
        variance, mean = torch.var_mean(x, dim=over)
        found[name] = mean, variance

    handles = [
        module.register_forward_pre_hook(functools.partial(record, name))
        for name, module in norms.items()
    ]
    try:
        buffers = {name: buffer.clone() for name, buffer in state.buffers.items()}
        _call(learner, state.params, buffers, generated.flatten(0, 1))
    finally:
        for handle in handles:
            handle.remove()
    return found


def _call(
    learner: nn.Module, params: dict[str, Tensor], buffers: dict[str, Tensor], images: Tensor
) -> Tensor:
    answers: Tensor = functional_call(learner, (params, buffers), (images,))
    return answers
