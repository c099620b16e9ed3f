"""The inner loop: a learner's training, unrolled so that its result can be differentiated.

Such et al. 2019 (arXiv 1912.07768), section 3: θ_{t+1} = θ_t − α_t v_{t+1} with
v_{t+1} = β_t v_t + ∇_θ ℓ(θ_t; x_t, y), where the images x_t, the learning rate α_t and the
momentum β_t of every step receive a meta-gradient. Two implementations with one signature:
`higher`, the readable reference, and `functional`, which calls the learner with other
parameters (`torch.func.functional_call`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import higher
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from gtnlab.checkpointing import checkpointed
from gtnlab.errors import GtnError
from gtnlab.experiments import Implementation

Tensors = dict[str, Tensor]
CLASSES = 10


@dataclass(frozen=True)
class State:
    """A learner between two inner steps."""

    step: int  # inner steps done
    params: Tensors  # by name; differentiable, unless the unroll was not
    buffers: Tensors  # by name (BatchNorm's running statistics), never differentiable


@dataclass(frozen=True)
class Unrolled:
    """A learner after its inner loop."""

    states: list[State]  # after each step that was asked for; the last is the end of the loop
    losses: Tensor  # inner loss of each step before its update, [steps], detached

    @property
    def params(self) -> Tensors:
        """Parameters after the last step, by name."""
        return self.states[-1].params

    @property
    def buffers(self) -> Tensors:
        """Buffers after the last step, by name."""
        return self.states[-1].buffers


class _Batches(NamedTuple):
    """What the steps of a loop consume; the first dimension of each is the step."""

    images: Tensor  # [steps, batch, 1, 28, 28]
    targets: Tensor  # [steps, batch, 10]
    lr: Tensor  # [steps, tensors]
    momentum: Tensor  # [steps]

    def part(self, start: int, stop: int) -> _Batches:
        return _Batches(*(each[start:stop] for each in self))

    def detached(self) -> _Batches:
        return _Batches(*(each.detach() for each in self))


def soft_labels(labels: Tensor, like: Tensor) -> Tensor:
    """Class numbers as one-hot rows of `like`'s type; rows of probabilities stay as they are."""
    if labels.dtype.is_floating_point:
        return labels
    return F.one_hot(labels, CLASSES).to(like)


def inner_loss(log_probabilities: Tensor, targets: Tensor) -> Tensor:
    """KL divergence from [batch, 10] log-probabilities to soft labels, averaged over elements.

    The average over elements is a tenth of the average over images; learning rates are to be
    read with that in mind.
    """
    # torch announces another meaning for reduction="mean".
    return F.kl_div(log_probabilities, targets, reduction="sum") / targets.numel()


def unroll(
    learner: nn.Module,
    images: Tensor,
    labels: Tensor,
    lr: Tensor | float,
    momentum: Tensor | float,
    *,
    initial_scales: Tensor | None = None,
    implementation: Implementation = "functional",
    checkpoint_every: int = 0,
    intermediate_every: int = 0,
    truncate: int = 0,
    differentiable: bool = True,
) -> Unrolled:
    """Train `learner` on one batch per step and keep the training differentiable.

    The learner itself is left as it was: its parameters, its buffers and their gradients.

    Args:
        learner: gives log-probabilities [batch, 10]; called in the mode it is in.
        images: [steps, batch, 1, 28, 28].
        labels: class numbers int64 [batch] or [steps, batch], or 10 soft labels for each
            image; without steps, the same for each step.
        lr: learning rate, one or [steps], or one for each of the learner's parameters,
            [steps, tensors].
        momentum: one or [steps].
        initial_scales: factor on each of the learner's parameters before the first step,
            [tensors]; None leaves them as they are.
        implementation: `functional`, or the reference `higher`, which cannot checkpoint.
        checkpoint_every: steps between two stored states. The steps between are computed once
            more for the meta-gradient, so that memory holds steps / checkpoint_every states
            and the graph of checkpoint_every steps; √steps is best. 0 stores every graph.
        intermediate_every: also keep the state after every so many steps; 0: only the last.
        truncate: differentiate only this many last steps; 0: all.
        differentiable: False trains alike and keeps no graph at all.

    Raises:
        GtnError: images, labels and rates do not fit together, or `higher` was asked to
            checkpoint.
    """
    steps, batch = images.shape[:2]
    targets = soft_labels(labels, images)
    if targets.shape[-2:] != (batch, CLASSES) or targets.shape[:-2] not in ((), (steps,)):
        raise GtnError(
            f"labels of shape {tuple(labels.shape)} do not fit {steps} batches of {batch} images: "
            f"give [{batch}] or [{steps}, {batch}] class numbers, or 10 soft labels for each."
        )
    batches = _Batches(
        images,
        targets.expand(steps, batch, CLASSES),
        _per_tensor(lr, learner, images),
        _per_step(momentum, "momentum", images),
    )
    kept = [*range(intermediate_every, steps, intermediate_every)] if intermediate_every else []
    kept.append(steps)
    first = steps if not differentiable else max(0, steps - truncate) if truncate else 0
    params = _start(learner, initial_scales)
    if implementation == "higher":
        if checkpoint_every:
            raise GtnError(
                "the `higher` implementation stores every step: take implementation "
                "'functional', or set checkpoint_every to 0."
            )
        return _unroll_higher(learner, params, batches, kept, first)
    return _unroll_functional(learner, params, batches, kept, first, checkpoint_every)


def _unroll_higher(
    learner: nn.Module, start: list[Tensor], batches: _Batches, kept: list[int], first: int
) -> Unrolled:
    names = [name for name, _ in learner.named_parameters()]
    # The values given here are replaced at every step; only that momentum is on matters, and
    # that every parameter is a group, so that each can be given a learning rate.
    groups = [{"params": [p]} for p in learner.parameters()]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.5)
    states, losses = [], []
    with higher.innerloop_ctx(learner, optimizer) as (fast_learner, fast_optimizer):
        fast_learner.update_params(_cut(start) if first else start)
        for t in range(len(batches.images)):
            step = batches.part(t, t + 1)
            if t < first:
                step = step.detached()
            loss = inner_loss(fast_learner(step.images[0]), step.targets[0])
            fast_optimizer.step(
                loss,
                override={"lr": [*step.lr[0]], "momentum": [step.momentum[0]] * len(names)},
                grad_callback=_detached if t < first else None,
            )
            losses.append(loss.detach())
            if t + 1 in kept:
                params = list(fast_learner.parameters())
                if t < first:
                    params = _detached(params)
                buffers = {name: buffer.clone() for name, buffer in fast_learner.named_buffers()}
                states.append(State(t + 1, dict(zip(names, params, strict=True)), buffers))
    return Unrolled(states, torch.stack(losses))


def _unroll_functional(
    learner: nn.Module,
    params: list[Tensor],
    batches: _Batches,
    kept: list[int],
    first: int,
    checkpoint_every: int,
) -> Unrolled:
    steps = len(batches.images)
    names = [name for name, _ in learner.named_parameters()]
    buffers = {name: buffer.clone() for name, buffer in learner.named_buffers()}
    params = _cut(params) if first else params
    velocity = [torch.zeros_like(p) for p in params]
    # A segment ends where a state is kept, where differentiation starts and, when
    # checkpointing, after every checkpoint_every steps.
    ends = {*kept, first, *range(0, steps, checkpoint_every or steps)} - {0}
    states, losses, start = [], [], 0
    for stop in sorted(ends):
        part, segment = batches.part(start, stop), _Segment(learner, names, buffers)
        if stop <= first:
            trained = segment((*part.detached(), *params, *velocity), create_graph=False)
            trained = tuple(each.detach().requires_grad_() for each in trained)
        elif checkpoint_every:
            trained = checkpointed(segment, *part, *params, *velocity)
        else:
            trained = segment((*part, *params, *velocity), create_graph=True)
        params, velocity = list(trained[: len(names)]), list(trained[len(names) :])
        buffers = segment.buffers_after
        losses += segment.losses
        if stop in kept:
            end = _detached(params) if stop <= first else params
            states.append(State(stop, dict(zip(names, end, strict=True)), buffers))
        start = stop
    return Unrolled(states, torch.stack(losses))


class _Segment:
    """Some inner steps as a pure function of tensors; what has no gradient stays aside."""

    def __init__(self, learner: nn.Module, names: list[str], buffers: Tensors) -> None:
        self.learner, self.names, self.buffers = learner, names, buffers
        self.buffers_after: Tensors = {}
        self.losses: list[Tensor] = []

    def __call__(self, tensors: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
        """(images, targets, lr, momentum, *params, *velocity) → (*params, *velocity)"""
        part, state = _Batches(*tensors[:4]), tensors[4:]
        params, velocity = list(state[: len(self.names)]), list(state[len(self.names) :])
        buffers, losses = self.buffers, []
        for images, targets, lr, momentum in zip(*part, strict=True):
            # BatchNorm writes its running statistics in place: into a copy, because the graph
            # of the step before holds the old ones.
            buffers = {name: buffer.clone() for name, buffer in buffers.items()}
            named = dict(zip(self.names, params, strict=True))
            answers = functional_call(self.learner, (named, buffers), (images,))
            loss = inner_loss(answers, targets)
            gradients = torch.autograd.grad(loss, params, create_graph=create_graph)
            velocity = [momentum * v + g for v, g in zip(velocity, gradients, strict=True)]
            params = [p - own * v for p, own, v in zip(params, lr, velocity, strict=True)]
            losses.append(loss.detach())
        self.buffers_after, self.losses = buffers, losses
        return (*params, *velocity)


def _start(learner: nn.Module, scales: Tensor | None) -> list[Tensor]:
    """Parameters before the first step, which the meta-gradient reaches through their scales."""
    params = [p.detach() for p in learner.parameters()]
    if scales is not None:
        if scales.shape != (len(params),):
            raise GtnError(
                f"initial_scales of shape {tuple(scales.shape)} do not fit a learner of "
                f"{len(params)} parameter tensors: give [{len(params)}]."
            )
        params = [p * scale for p, scale in zip(params, scales.to(params[0]), strict=True)]
    return [p if p.requires_grad else p.requires_grad_() for p in params]


def _per_tensor(lr: Tensor | float, learner: nn.Module, images: Tensor) -> Tensor:
    tensors = len(list(learner.parameters()))
    if not isinstance(lr, Tensor) or lr.dim() < 2:
        return _per_step(lr, "lr", images)[:, None].expand(-1, tensors)
    if lr.shape != (len(images), tensors):
        raise GtnError(
            f"lr of shape {tuple(lr.shape)} does not fit {len(images)} inner steps of a learner "
            f"of {tensors} parameter tensors: give [{len(images)}] or "
            f"[{len(images)}, {tensors}]."
        )
    return lr.to(images)


def _per_step(rate: Tensor | float, name: str, images: Tensor) -> Tensor:
    rate = torch.as_tensor(rate, dtype=images.dtype, device=images.device)
    if rate.dim() == 0:
        return rate.expand(len(images))
    if rate.shape != images.shape[:1]:
        raise GtnError(
            f"{name} of shape {tuple(rate.shape)} does not fit {len(images)} inner steps: give "
            f"one number or [{len(images)}]."
        )
    return rate


def _cut(tensors: list[Tensor]) -> list[Tensor]:
    return [each.detach().requires_grad_() for each in tensors]


def _detached(tensors: list[Tensor]) -> list[Tensor]:
    return [each.detach() for each in tensors]
