"""The learners: networks small enough to be trained in a few steps on generated images.

One configuration describes convolutional and fully connected learners alike; ``LEARNERS``
names the seed's, the small ones for class, and a family for transfer and architecture
search. ``FAMILIES`` names groups of them, for a teacher that is to suit more than one.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from gtnlab.errors import GtnError

Norm = Literal["none", "batch", "group", "layer"]
Activation = Literal["leaky_relu", "gelu", "tanh"]

CLASSES = 10
PIXELS = 28
SLOPE = 0.1  # of the seed's leaky ReLU
ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "leaky_relu": functools.partial(nn.LeakyReLU, SLOPE),
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
}

# A layer's role in a learner, and how many inputs it has in a usual one; 0: that does not matter.
_LAYER_ROLES = {
    "first convolution": 0,
    "later convolution": 0,
    "hidden, of pixels": 784,
    "hidden, of features": 256,
    "output, of a convolution": 1024,
    "output, of a hidden layer": 128,
}
ROLES = tuple(f"{role}: {part}" for role in _LAYER_ROLES for part in ("weights", "biases"))
"""What the members of a family have in common: each role has its rates and its initial scale."""


@dataclass(frozen=True)
class LearnerConfig:
    """A learner's architecture."""

    filters: tuple[int, ...] = ()  # channels of the convolutions
    hidden: tuple[int, ...] = ()  # widths of the fully connected layers before the output layer
    kernel: int = 3  # side of the square convolution kernels, odd
    padded: bool = True  # whether a convolution keeps its image's size (the seed's do not)
    # After each activation. `batch` uses statistics of the batch, the others treat every image by
    # itself, so that training and use agree.
    norm: Norm = "none"
    norm_output: bool = False  # whether the logits are normalised too, as the seed's are
    activation: Activation = "leaky_relu"
    # Whether every weight is learned as a length and a direction for each output (Salimans &
    # Kingma 2016, arXiv 1602.07868), which steadies meta-training (Such et al. 2019, figure 2a).
    # It changes no fresh learner's answers.
    weight_norm: bool = False
    stride: int = 1
    # 0: a 2 × 2 max pool after each convolution. Otherwise there is no pool but one at the end:
    # averages over a grid of this many cells on a side, normalised over all features of an image
    # by a LayerNorm without parameters.
    grid: int = 0
    # PyTorch's defaults, or uniform weights of variance 1 / inputs and no biases.
    initialisation: Literal["pytorch", "lecun"] = "pytorch"
    # Factor on the initial weights and biases of all layers but the last: a learner that starts
    # small has less to unlearn in a few steps.
    initial_scale: float = 1.0

    @property
    def slow_on_cpu(self) -> bool:
        """Whether it takes a hundred times as long as a fully connected learner there."""
        return bool(self.filters) and not self.grid


class Learner(nn.Module):
    """A classifier of digits: images [B, 1, 28, 28] → log-probabilities [B, 10].

    Everything it computes goes through parameters and buffers, so it can be called
    with others' in their place (``torch.func.functional_call``).
    """

    in_bfloat16 = False  # whether its layers compute in it; the answers keep the images' type

    def __init__(self, config: LearnerConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        channels, side = 1, PIXELS
        for width in config.filters:
            padding = config.kernel // 2 if config.padded else 0
            side = (side + 2 * padding - config.kernel) // config.stride + 1
            side = side if config.grid else side // 2
            if side < max(1, config.grid):
                raise GtnError(f"{config} shrinks the image to nothing: use fewer filters.")
            convolution = _UnfoldedConv2d if config.grid else nn.Conv2d
            layers += [
                convolution(channels, width, config.kernel, config.stride, padding),
                ACTIVATIONS[config.activation](),
                _norm(config.norm, width, images=True),
            ]
            layers += [] if config.grid else [nn.MaxPool2d(2)]
            channels = width
        features = channels * (config.grid or side) ** 2
        if config.grid:
            layers += [_GridAverage(side, config.grid), nn.Flatten()]
            layers.append(nn.LayerNorm(features, elementwise_affine=False))
        else:
            layers.append(nn.Flatten())
        for width in config.hidden:
            layers += [
                nn.Linear(features, width),
                ACTIVATIONS[config.activation](),
                _norm(config.norm, width, images=False),
            ]
            features = width
        layers.append(nn.Linear(features, CLASSES))
        if config.norm_output:
            layers.append(_norm(config.norm, CLASSES, images=False))
        self.layers = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            logits = self.layers(images)
        return F.log_softmax(logits.to(images.dtype), dim=1)

    @property
    def roles(self) -> tuple[list[int], list[float]] | None:
        """For each of its parameters its place in ``ROLES``, and a factor on its learning rate.

        The factor makes up for a number of inputs that is not the usual one: an update moves
        the answers of a wide layer as far as those of a narrow one (as in Yang & Hu 2021,
        arXiv 2011.14522). None if some parameter has no role.
        """
        layers = [m for m in self.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        if 2 * len(layers) != len(list(self.parameters())):
            return None
        places: list[int] = []
        factors: list[float] = []
        before: nn.Module | None = None
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                role = "first convolution" if before is None else "later convolution"
            elif layer is layers[-1]:
                hidden = isinstance(before, nn.Linear)
                role = "output, of a hidden layer" if hidden else "output, of a convolution"
            else:
                role = "hidden, of pixels" if before is None else "hidden, of features"
            place = 2 * list(_LAYER_ROLES).index(role)
            places += [place, place + 1]
            usual = _LAYER_ROLES[role]
            factors += [usual / layer.weight[0].numel() if usual else 1.0, 1.0]
            before = layer
        return places, factors

    @property
    def uses_batch_statistics(self) -> bool:
        """Whether its answer for one image depends on the others in a training batch."""
        return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in self.modules())


class _UnfoldedConv2d(nn.Conv2d):
    """A convolution as one matrix product, whose second derivatives cost far less on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        assert isinstance(self.padding, tuple)
        assert self.bias is not None
        columns = F.unfold(x, self.kernel_size, padding=self.padding, stride=self.stride)
        drawn = self.weight.flatten(1) @ columns + self.bias[:, None]  # [B, filters, places]
        side = (x.shape[-1] + 2 * self.padding[0] - self.kernel_size[0]) // self.stride[0] + 1
        return drawn.reshape(len(x), -1, side, side)


class _GridAverage(nn.Module):
    """Adaptive average pooling as a product with a fixed matrix: [B, C, side, side] → grid²."""

    averages: Tensor

    def __init__(self, side: int, grid: int) -> None:
        super().__init__()
        self.side, self.grid = side, grid
        self.register_buffer("averages", torch.empty(side * side, grid * grid), persistent=False)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        every = torch.eye(self.side**2).reshape(-1, self.side, self.side)
        self.averages.copy_(F.adaptive_avg_pool2d(every, self.grid).flatten(1))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2) @ self.averages


def _norm(name: Norm, channels: int, *, images: bool) -> nn.Module:
    if name == "batch":
        return nn.BatchNorm2d(channels) if images else nn.BatchNorm1d(channels)
    if name == "group":
        # Groups of eight channels or more, as many groups as divide them.
        return nn.GroupNorm(math.gcd(channels, max(1, channels // 8)), channels)
    if name == "layer":
        return nn.GroupNorm(1, channels)
    return nn.Identity()


def members(name: str) -> tuple[str, ...]:
    """The architectures that ``name`` stands for: a family's, or the learner itself.

    Raises:
        GtnError: there is neither a learner nor a family of that name.
    """
    if name in FAMILIES:
        return FAMILIES[name]
    if name in LEARNERS:
        return (name,)
    raise GtnError(
        f"There is no learner {name!r}. The usual ones are {', '.join(USUAL)}; "
        "gtnlab.learner.LEARNERS has them all."
    )


def make_learner(name: str, generator: torch.Generator | int = 0) -> Learner:
    """A fresh learner called ``name``, drawn from ``generator`` and on its device.

    An integer is taken as the seed of a generator on the CPU. The same generator state
    gives the same weights.

    Raises:
        GtnError: no learner has that name.
    """
    if members(name) != (name,):
        raise GtnError(f"{name!r} is a family of learners: make one of {', '.join(members(name))}.")
    if isinstance(generator, int):
        generator = torch.Generator().manual_seed(generator)
    # PyTorch would draw initial weights from its global generator: build without weights.
    with torch.device("meta"):
        learner = Learner(LEARNERS[name])
    learner = learner.to_empty(device=generator.device)
    reset(learner, generator)
    if learner.config.weight_norm:
        for module in learner.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                weight_norm(module)
    return learner


@torch.no_grad()
def reset(learner: Learner, generator: torch.Generator) -> None:
    """Give ``learner``, without weight normalisation, fresh weights in place.

    PyTorch's default distributions, except an output layer whose logits are normalised: that
    is Kaiming normal for the leaky ReLU before it, as in the seed. Without the normalisation
    logits that large would have to be unlearned first.
    """
    output = [m for m in learner.modules() if isinstance(m, nn.Linear)][-1]
    for module in learner.modules():
        if isinstance(module, _GridAverage | nn.modules.batchnorm._BatchNorm | nn.GroupNorm):
            module.reset_parameters()
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        assert module.bias is not None
        inputs = module.weight[0].numel()
        if learner.config.initialisation == "lecun":
            bound = math.sqrt(3 / inputs)
            nn.init.uniform_(module.weight, -bound, bound, generator=generator)
            nn.init.zeros_(module.bias)
        elif module is output and learner.config.norm_output:
            nn.init.kaiming_normal_(module.weight, a=SLOPE, generator=generator)
            nn.init.zeros_(module.bias)
        else:
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=generator)
            bound = 1 / math.sqrt(inputs)
            nn.init.uniform_(module.bias, -bound, bound, generator=generator)
            if module is not output:
                module.weight.mul_(learner.config.initial_scale)
                module.bias.mul_(learner.config.initial_scale)


def _family() -> dict[str, LearnerConfig]:
    """Shallow wide learners of many sizes, deeper ones, and fully connected ones."""
    config = functools.partial(
        LearnerConfig, kernel=5, padded=False, stride=2, initialisation="lecun"
    )
    product = itertools.product
    family = [
        config((width,), kernel=kernel, stride=stride, grid=grid)
        for width, kernel, (stride, grid) in product(
            (16, 32, 64, 96), (5, 7, 9), ((2, 3), (2, 5), (3, 4))
        )
    ]
    family += [
        config((width,), (hidden,), kernel=kernel, grid=4)
        for width, kernel, hidden in product((16, 32, 64), (5, 7), (32, 64))
    ]
    family += [
        config(widths, kernel=kernel, grid=grid)
        for widths, (kernel, grid) in product(
            ((16, 32), (16, 64), (32, 32), (32, 64)), ((5, 4), (7, 3))
        )
    ]
    one_layer = ((32,), (64,), (96,), (128,), (192,), (256,))
    two_layers = ((64, 32), (64, 64), (128, 64), (128, 128), (256, 64), (256, 128))
    family += [
        config((), layers, activation=activation)
        for layers, activation in product((*one_layer, *two_layers), ACTIVATIONS)
    ]
    return {_name(each): each for each in family}


def _name(config: LearnerConfig) -> str:
    parts = []
    if config.filters:
        filters = "x".join(map(str, config.filters))
        parts.append(f"conv{filters}k{config.kernel}s{config.stride}g{config.grid}")
    if config.hidden:
        parts.append("fc" + "x".join(map(str, config.hidden)))
    if config.activation != "leaky_relu":
        parts.append(config.activation)
    return "_".join(parts)


FAMILY: dict[str, LearnerConfig] = _family()
"""Learners without batch statistics of many kinds: widths, kernels, grids, depths, activations."""

UNSEEN: tuple[str, ...] = tuple(FAMILY)[2::5]
"""Every fifth of ``FAMILY``, with which no teacher is trained: they show how it transfers."""

LEARNERS: dict[str, LearnerConfig] = {
    "mlp": LearnerConfig(hidden=(64,), initial_scale=0.25),
    "wide": LearnerConfig((64,), kernel=7, padded=False, stride=2, grid=5, initialisation="lecun"),
    "wide_fine": LearnerConfig(
        (64,), kernel=7, padded=False, stride=2, grid=6, initialisation="lecun"
    ),
    "wide_small": LearnerConfig(
        (64,), kernel=7, padded=False, stride=3, grid=4, initialisation="lecun"
    ),
    "cnn_small": LearnerConfig((16, 32), padded=False, norm="batch", norm_output=True),
    "cnn_small_group": LearnerConfig((16, 32), padded=False, norm="group", norm_output=True),
    "cnn_small_layer": LearnerConfig((16, 32), padded=False, norm="layer", norm_output=True),
    "cnn_small_none": LearnerConfig((16, 32), padded=False),
    "seed_cnn": LearnerConfig((64, 128), padded=False, norm="batch", norm_output=True),
    "seed_cnn_group": LearnerConfig((64, 128), padded=False, norm="group", norm_output=True),
    "seed_cnn_weight_norm": LearnerConfig(
        (64, 128), padded=False, norm="batch", norm_output=True, weight_norm=True
    ),
    **FAMILY,
}
"""Every learner by name: the usual ones first, then the family."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "family": tuple(name for name in FAMILY if name not in UNSEEN),
}
"""Groups of learners by name: one member is drawn for each outer step."""

USUAL: tuple[str, ...] = (*(name for name in LEARNERS if name not in FAMILY), *FAMILIES)
"""Names to choose from, without each member of the family."""
