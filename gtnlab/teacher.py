"""The teacher: vectors and labels in, the learner's training images out.

Such et al. 2019 (arXiv 1912.07768), section 3.1 and figure 1(a): a generator whose input
vectors, when learned, are the curriculum. Presets:

- `seed`: a published PyTorch replication's, about 103 M parameters, nearly all of them in
  one linear layer that draws 128 full-size feature maps;
- `lean`: the paper's, which draws the maps at a quarter of the width and upsamples;
- `small`: the same idea at the size of a class-room laptop, about 83 thousand parameters;
- `pixels`: no generator, the images themselves are learned.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gtnlab.errors import GtnError
from gtnlab.experiments import ExperimentConfig

CLASSES = 10
SIDE = 28  # pixels
SLOPE = 0.1  # of every leaky ReLU


@dataclass(frozen=True)
class TeacherShape:
    """Widths of a teacher's layers."""

    hidden: int  # of the first linear layer
    maps: int  # feature maps that the second linear layer draws
    middle: int  # feature maps between the two convolutions
    upsampling: int  # factor by which each convolution's input is enlarged

    @property
    def drawn_side(self) -> int:
        """Pixels on a side of the maps that the second linear layer draws."""
        return SIDE // self.upsampling**2


TEACHERS: dict[str, TeacherShape] = {
    "seed": TeacherShape(hidden=1024, maps=128, middle=64, upsampling=1),
    "lean": TeacherShape(hidden=1024, maps=128, middle=64, upsampling=2),
    "small": TeacherShape(hidden=176, maps=8, middle=4, upsampling=2),
}


class _Normalise(nn.Module):
    """BatchNorm over each of `groups` interleaved batches, by batch statistics only.

    Images are interleaved as [batch, groups, …], so that a group's channels can be seen as
    channels of their own without a copy: [batch · groups, C, …] → [batch, groups · C, …].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, groups: int) -> Tensor:
        grouped = x.reshape(-1, groups * x.shape[1], *x.shape[2:])
        scale, shift = self.weight.repeat(groups), self.bias.repeat(groups)
        return F.batch_norm(grouped, None, None, scale, shift, training=True).reshape(x.shape)


# One side of a 3 × 3 kernel over an image enlarged twofold: which of its three taps carry a pixel
# of the small image to each of the four large pixels that it reaches.
_TAPS = torch.tensor([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]], dtype=torch.float32)


class _EnlargingConv(nn.Conv2d):
    """Nearest-neighbour enlargement by 1 or 2, then a 3 × 3 convolution of the same size.

    Twofold, both are one transposed convolution of the small image, whose 4 × 4 kernel holds
    sums of the given weights. The large image is never made, and no product is computed twice
    that enlargement would only have repeated.
    """

    taps: Tensor

    def __init__(self, channels: int, out_channels: int, factor: int) -> None:
        super().__init__(channels, out_channels, 3, padding=1)
        self.factor = factor
        self.register_buffer("taps", _TAPS.clone(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.factor == 1:
            return super().forward(x)
        kernel = torch.einsum("ah,bw,oihw->ioab", self.taps, self.taps, self.weight)
        return F.conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


class Teacher(nn.Module):
    """A generator of `steps` batches of `batch` images.

    Layers, following the replication: linear → leaky ReLU → BatchNorm → linear → leaky ReLU
    → BatchNorm → conv 3 × 3 → BatchNorm → leaky ReLU → conv 3 × 3 → BatchNorm → leaky ReLU
    → tanh, with Kaiming initialisation of the two linear layers. BatchNorm always uses the
    statistics of what is being generated: of one step's batch (`per-step`, what a call per
    step gives) or of all steps together (`joint`).

    Args:
        shape: widths of the layers.
        config: sizes and choices. `batch` must be at least 2 with `per-step` statistics. The
            variant's vectors are a parameter (`learned`), drawn once (`random_fixed`), or drawn
            anew at each call (`random`). With `soft_labels`, ten are learned for each image; of
            `random` vectors, whose images have no place of their own, the generator makes the
            labels too.
        generator: draws weights and vectors.
    """

    inputs: Tensor

    def __init__(
        self, shape: TeacherShape, config: ExperimentConfig, generator: torch.Generator
    ) -> None:
        super().__init__()
        steps, batch, noise = config.steps, config.batch, config.noise
        if batch * (steps if config.teacher_statistics == "joint" else 1) < 2:
            raise GtnError(
                "a teacher normalises over a batch, so it needs at least 2 images in one: "
                "raise batch to 2, or use joint statistics and more than one step."
            )
        self.shape, self.batch = shape, batch
        self.variant, self.statistics = config.variant, config.teacher_statistics
        drawn = shape.maps * shape.drawn_side**2
        with torch.random.fork_rng(devices=[]):
            # Layers without a generator of their own draw from the global one.
            torch.manual_seed(int(torch.randint(2**31, (), generator=generator, device="cpu")))
            self.expand = nn.Linear(noise + CLASSES, shape.hidden)
            self.norm_hidden = _Normalise(shape.hidden)
            self.draw = nn.Linear(shape.hidden, drawn)
            self.norm_drawn = _Normalise(shape.maps)
            self.conv_middle = _EnlargingConv(shape.maps, shape.middle, shape.upsampling)
            self.norm_middle = _Normalise(shape.middle)
            self.conv_out = _EnlargingConv(shape.middle, 1, shape.upsampling)
            self.norm_out = _Normalise(1)
            for linear in (self.expand, self.draw):
                nn.init.kaiming_normal_(linear.weight, a=SLOPE)
        inputs = torch.rand(steps, batch, noise, generator=generator, device="cpu")
        if config.variant == "learned":
            self.inputs = nn.Parameter(inputs)
        else:
            self.register_buffer("inputs", inputs)
        self.label_logits, self.label = None, None
        if config.soft_labels and config.variant == "random":
            self.label = nn.Linear(shape.hidden, CLASSES)
            nn.init.zeros_(self.label.weight)
            nn.init.zeros_(self.label.bias)
        elif config.soft_labels:
            self.label_logits = _label_logits(steps, batch)

    @property
    def labels(self) -> Tensor:
        """Classes of every step's batch: int64 [batch], 0 to 9 over and over."""
        return torch.arange(self.batch, device=self.inputs.device) % CLASSES

    def forward(self, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """All images of one curriculum, [steps, batch, 1, 28, 28] in (−1, 1), from one call.

        And their labels: `labels`, or soft ones [steps, batch, 10]. `generator` draws the vectors
        of the `random` variant; it is needed for no other.
        """
        if self.variant != "random":
            return self.generate(self.inputs)
        if generator is None:
            raise GtnError("a teacher of random vectors must be called with a generator.")
        drawn = torch.rand(self.inputs.shape, generator=generator, device=generator.device)
        return self.generate(drawn.to(self.inputs))

    def generate(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Images and labels, as `forward` gives them, from vectors [steps, batch, noise]."""
        steps, batch = inputs.shape[:2]
        one_hot = F.one_hot(self.labels[:batch], CLASSES).to(inputs)
        x = torch.cat([inputs, one_hot.expand(steps, batch, CLASSES)], dim=2)
        # Batch first: see _Normalise.
        x = x.transpose(0, 1).reshape(batch * steps, -1)
        groups = steps if self.statistics == "per-step" else 1
        x = self.norm_hidden(F.leaky_relu(self.expand(x), SLOPE), groups)
        logits = self.label_logits
        if self.label is not None:
            logits = self.label(x).reshape(batch, steps, CLASSES).transpose(0, 1)
        x = F.leaky_relu(self.draw(x), SLOPE)
        x = x.reshape(-1, self.shape.maps, self.shape.drawn_side, self.shape.drawn_side)
        x = self.norm_drawn(x, groups)
        x = F.leaky_relu(self.norm_middle(self.conv_middle(x), groups), SLOPE)
        x = torch.tanh(F.leaky_relu(self.norm_out(self.conv_out(x), groups), SLOPE))
        images = x.reshape(batch, steps, 1, SIDE, SIDE).transpose(0, 1)
        return images, _soft(self.labels[:batch], logits)


class Pixels(nn.Module):
    """A teacher without a generator: the images are the tanh of parameters."""

    def __init__(self, config: ExperimentConfig, generator: torch.Generator) -> None:
        super().__init__()
        size = config.steps, config.batch
        noise = torch.randn(*size, 1, SIDE, SIDE, generator=generator, device="cpu")
        self.drawn = nn.Parameter(0.5 * noise)
        self.label_logits = _label_logits(*size) if config.soft_labels else None

    @property
    def labels(self) -> Tensor:
        """Classes of every step's batch: int64 [batch], 0 to 9 over and over."""
        return torch.arange(self.drawn.shape[1], device=self.drawn.device) % CLASSES

    def forward(self, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Images and labels as `Teacher.forward` gives them."""
        return torch.tanh(self.drawn), _soft(self.labels, self.label_logits)


def _label_logits(steps: int, batch: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(steps, batch, CLASSES))


def _soft(labels: Tensor, logits: Tensor | None) -> Tensor:
    """Soft labels that begin at 98 % for the class itself: softmax(6 · one-hot + logits).

    Without logits, the labels as they are.
    """
    if logits is None:
        return labels
    return (6.0 * F.one_hot(labels, CLASSES) + logits).softmax(dim=2)


def make_teacher(config: ExperimentConfig, generator: torch.Generator) -> Teacher | Pixels:
    """The teacher of an experiment, on the CPU, drawn from `generator`."""
    if config.teacher == "pixels":
        return Pixels(config, generator)
    return Teacher(TEACHERS[config.teacher], config, generator)
