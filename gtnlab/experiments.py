"""Named experiments: every choice of a meta-training run in one frozen record."""

from __future__ import annotations

import dataclasses
import difflib
import math
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import torch

from gtnlab.errors import GtnError
from gtnlab.learner import FAMILIES, LEARNERS, USUAL

Variant = Literal["learned", "random_fixed", "random"]
TeacherPreset = Literal["seed", "lean", "small", "pixels"]
OuterPath = Literal["batch-statistics", "inference"]
Statistics = Literal["per-step", "joint"]
Implementation = Literal["functional", "higher"]
DeviceChoice = Literal["auto", "cpu", "cuda"]

VARIANTS: tuple[Variant, ...] = typing.get_args(Variant)


def _require(config: ExperimentConfig, field: str, holds: bool, wanted: str) -> None:
    if not holds:
        raise GtnError(f"{field} must be {wanted}, and is {getattr(config, field)!r}.")


def _check_type(field: str, value: object, hint: Any) -> None:
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            raise GtnError(f"{field} cannot be {value!r}. {_one_of(str(value), choices)}")
        return
    accepted = (int, float) if hint is float else hint
    if isinstance(value, bool) != (hint is bool) or not isinstance(value, accepted):
        raise GtnError(f"{field} must be of type {hint.__name__}, and is {value!r}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise GtnError(f"{field} must be a finite number, and is {value!r}.")


def _one_of(wrong: str, valid: Iterable[str]) -> str:
    names = list(valid)
    close = difflib.get_close_matches(wrong, names, n=1)
    return (f"Did you mean {close[0]!r}? " if close else "") + f"Valid: {', '.join(names)}."


@dataclass(frozen=True)
class ExperimentConfig:
    """One meta-training run. Sizes count images or steps; `…_lr` are learning rates.

    Raises:
        GtnError: a value is outside its range; the message names the field and the fix.
    """

    name: str
    # What the learner sees: `steps` batches of `batch` generated images (paper, figure 1a).
    steps: int
    batch: int
    # Teacher.
    teacher: TeacherPreset = "seed"
    variant: Variant = "learned"
    noise: int = 64
    teacher_statistics: Statistics = "per-step"
    # Ten soft labels for each image, learned with it.
    soft_labels: bool = False
    # Learner: a fresh one at each outer step, or a fresh one of a family's members.
    learner: str = "seed_cnn"
    # Inner loop.
    inner_lr: float = 0.02
    inner_momentum: float = 0.5
    per_step_rates: bool = True
    # A learning rate for each of the learner's parameter tensors; of a family's, for each role.
    per_tensor_rates: bool = False
    # A factor on the fresh values of each of them.
    learned_scales: bool = False
    implementation: Implementation = "functional"
    # Inner steps kept between two stored states; 0 stores every step's graph.
    checkpoint_every: int = 0
    # The outer loss is also taken after every `intermediate_every` inner steps; 0: only at the end.
    intermediate_every: int = 0
    # The meta-gradient flows back through this many last inner steps; 0: through all.
    truncate: int = 0
    # Outer loop.
    outer_steps: int = 5000
    outer_lr: float = 0.01
    outer_lr_final: float = 0.01
    rates_lr: float = 0.01
    beta1: float = 0.9
    clip_norm: float = 0.0
    rates_clip_norm: float = 0.0
    real_batch: int = 1024
    # The real digits are moved, turned and resized a little, each time anew.
    augment: bool = False
    outer_path: OuterPath = "batch-statistics"
    # Where and how.
    seed: int = 0
    device: DeviceChoice = "auto"
    # CPU threads of torch; 0: its own choice.
    threads: int = 0
    # The taught learner answers the real batch in bfloat16, which leaves the meta-gradient as it
    # is. Teacher and inner loop stay in float32: each inner step enlarges the rounding of the
    # images and of the steps before it, until the meta-gradient points elsewhere.
    bfloat16: bool = False
    snapshots: int = 25

    def __post_init__(self) -> None:
        for field, hint in typing.get_type_hints(ExperimentConfig).items():
            _check_type(field, getattr(self, field), hint)
        for field in ("steps", "batch", "noise", "outer_steps", "real_batch"):
            _require(self, field, getattr(self, field) >= 1, "at least 1")
        for field in (
            "checkpoint_every",
            "intermediate_every",
            "truncate",
            "clip_norm",
            "rates_clip_norm",
            "threads",
        ):
            _require(self, field, getattr(self, field) >= 0, "0 (off) or more")
        for field in ("inner_lr", "outer_lr", "outer_lr_final"):
            _require(self, field, getattr(self, field) > 0, "above 0")
        _require(self, "rates_lr", self.rates_lr >= 0, "0 (rates stay as they are) or more")
        _require(self, "inner_momentum", 0 < self.inner_momentum < 1, "between 0 and 1")
        _require(self, "beta1", 0 <= self.beta1 < 1, "in [0, 1)")
        _require(self, "snapshots", 1 <= self.snapshots <= 25, "from 1 to 25")
        _require(self, "seed", 0 <= self.seed < 2**31, "from 0 to 2³¹ − 1")
        known = (*LEARNERS, *FAMILIES)
        if self.learner not in known:
            raise GtnError(f"there is no learner {self.learner!r}. {_one_of(self.learner, USUAL)}")
        if self.variant != "learned" and self.teacher == "pixels":
            raise GtnError(
                f"a teacher of pixels has no vectors to be {self.variant!r}: take variant "
                "'learned', or a teacher that generates its images."
            )
        if self.implementation == "higher" and self.checkpoint_every:
            raise GtnError(
                "the `higher` implementation cannot checkpoint: set checkpoint_every to 0, or "
                "take implementation 'functional'."
            )
        if self.truncate and self.intermediate_every:
            raise GtnError(
                "truncate and intermediate_every cannot be combined: an early loss has no graph "
                "once the unroll is truncated. Set one of them to 0."
            )

    @property
    def images(self) -> int:
        """Number of generated images a learner sees."""
        return self.steps * self.batch

    @property
    def title(self) -> str:
        """The preset's name, and its teacher where that is another than the preset's."""
        preset = EXPERIMENTS.get(self.name, self)
        return self.name + (f"_{self.teacher}_teacher" if self.teacher != preset.teacher else "")

    @property
    def recording(self) -> str:
        """Its recording's name: ``class_learned``, ``C_inference_learned``, ``B_random_seed1``.

        The experiment, its teacher if that is not the experiment's own, the measure that it was
        trained for if that is not the usual one, the variant, and the seed if it is not 0.
        """
        parts = [self.title]
        parts += ["inference"] if self.outer_path == "inference" else []
        parts += [self.variant]
        parts += [f"seed{self.seed}"] if self.seed else []
        return "_".join(parts)

    def outer_lr_at(self, step: int) -> float:
        """Outer learning rate at outer step `step` (0-based): half a cosine, first to final."""
        share = step / max(1, self.outer_steps - 1)
        return self.outer_lr_final + (self.outer_lr - self.outer_lr_final) * 0.5 * (
            1 + math.cos(math.pi * min(1.0, share))
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return dataclasses.asdict(self)


# What all presets for one CPU core share.
_ON_ONE_CORE: dict[str, Any] = {
    "outer_lr_final": 0.0003,
    "rates_lr": 0.05,
    "beta1": 0.5,
    # Steadier: without it one of two seeds of C lost four points midway. And a rate that suits
    # most members of a family is too fast for some, which must not drown the others.
    "clip_norm": 1.0,
    # The operations are too small to share: on a busy laptop the second thread waits for the
    # first and a step takes many times as long. It also fixes every bit.
    "threads": 1,
}
# A teacher that is free to choose rates and the start, of a learner without batch statistics.
_FREE: dict[str, Any] = {
    **_ON_ONE_CORE,
    "inner_lr": 0.3,
    "per_tensor_rates": True,
    "learned_scales": True,
    "rates_clip_norm": 1.0,
}
# Inner steps and images a step: the replication's three, and the paper's (figure 1c).
_SIZES = (("A", 20, 32), ("B", 10, 32), ("C", 10, 16), ("paper", 32, 128))
# Name's ending, teacher, outer steps and their rate: a step of pixels costs less.
_TEACHERS: tuple[tuple[str, TeacherPreset, int, float], ...] = (
    ("", "small", 3000, 0.01),
    ("_pixels", "pixels", 5000, 0.05),
)

# What brings the largest curricula further: a less noisy meta-gradient, and for the paper's size,
# whose learner would otherwise know the real digits by heart, a finer grid and augmentation.
_LARGE: dict[str, dict[str, Any]] = {
    "A_pixels": {"real_batch": 512},
    "paper": {"real_batch": 512},
    "paper_pixels": {"real_batch": 1024, "learner": "wide_fine", "augment": True},
}

EXPERIMENTS: dict[str, ExperimentConfig] = {
    config.name: config
    for config in (
        ExperimentConfig(
            name="class",
            steps=10,
            batch=32,
            teacher="small",
            learner="wide_small",
            outer_steps=1700,
            outer_lr=0.01,
            real_batch=256,
            **_FREE,
        ),
        ExperimentConfig(
            name="family",
            steps=32,
            batch=64,
            teacher="pixels",
            soft_labels=True,
            learner="family",
            outer_steps=2500,
            outer_lr=0.05,
            real_batch=256,
            snapshots=15,
            **_FREE,
        ),
        *(
            # The published sizes, for honest accuracy on one CPU core.
            dataclasses.replace(
                ExperimentConfig(
                    name=f"{name}{ending}",
                    steps=steps,
                    batch=batch,
                    teacher=teacher,
                    soft_labels=True,
                    learner="wide",
                    outer_steps=2000 if name == "paper" else outer_steps,
                    outer_lr=outer_lr,
                    real_batch=256,
                    snapshots=15,
                    **_FREE,
                ),
                **_LARGE.get(name + ending, {}),
            )
            for name, steps, batch in _SIZES
            for ending, teacher, outer_steps, outer_lr in _TEACHERS
        ),
        # The replication's own learner, teacher and loop.
        ExperimentConfig(name="seed_A", steps=20, batch=32),
        ExperimentConfig(name="seed_B", steps=10, batch=32),
        ExperimentConfig(name="seed_C", steps=10, batch=16),
        *(
            # The same as far as an hour of one CPU core gets them: a lean teacher, a real batch
            # that costs no more than the inner loop, and rates that start where a short run
            # would otherwise spend itself getting to.
            ExperimentConfig(
                name=name,
                steps=steps,
                batch=batch,
                teacher="lean",
                inner_lr=2.0,
                outer_steps=outer_steps,
                outer_lr=0.005,
                real_batch=128,
                bfloat16=True,
                snapshots=15,
                **_ON_ONE_CORE,
            )
            for name, steps, batch, outer_steps in (
                ("seed_A_lean", 20, 32, 1200),
                ("seed_B_lean", 10, 32, 700),
                ("seed_C_lean", 10, 16, 1200),
            )
        ),
        ExperimentConfig(
            name="seed_paper",
            steps=32,
            batch=128,
            teacher="lean",
            noise=128,
            learner="seed_cnn_weight_norm",
            checkpoint_every=6,
            intermediate_every=8,
            outer_steps=2000,
            outer_lr=0.02,
            outer_lr_final=0.001,
            real_batch=512,
        ),
    )
}


def experiment(name: str, **overrides: Any) -> ExperimentConfig:
    """The preset `name` with some fields replaced.

    Args:
        name: a key of `EXPERIMENTS`.
        overrides: fields of `ExperimentConfig`; None keeps the preset's value.

    Raises:
        GtnError: unknown preset, field or choice, or a value outside its range.
    """
    if name not in EXPERIMENTS:
        raise GtnError(f"there is no experiment {name!r}. {_one_of(name, EXPERIMENTS)}")
    given = {field: value for field, value in overrides.items() if value is not None}
    fields = [field.name for field in dataclasses.fields(ExperimentConfig)]
    for field in given:
        if field not in fields:
            raise GtnError(f"an experiment has no setting {field!r}. {_one_of(field, fields)}")
    return dataclasses.replace(EXPERIMENTS[name], **given)


def resolve_device(choice: DeviceChoice) -> torch.device:
    """The device to run on; `auto` takes a GPU where there is one.

    Raises:
        GtnError: `cuda` was asked for and torch sees no GPU.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise GtnError(
            "a GPU was asked for and torch sees none. Use device 'auto' or 'cpu', or install a "
            "CUDA build of torch on a machine with an NVIDIA driver (check with nvidia-smi)."
        )
    if choice == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(choice)
