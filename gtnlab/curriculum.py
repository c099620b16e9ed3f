"""What a teacher made: recorded at moments of its training, saved, loaded, reordered."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gtnlab.errors import GtnError
from gtnlab.files import UNREADABLE, written_whole
from gtnlab.learner import FAMILIES, Learner
from gtnlab.rates import for_member, tensor_lr

VERSION = 1
"""Of the file format: raised whenever an older reader would misread a newer file."""

OPTIONAL = ("targets", "tensor_factors", "initial_scales")
"""What is only there if it was learned."""

Order = Literal["ordered", "steps-shuffled", "images-shuffled", "within-batch", "reversed"]
ORDERS: tuple[Order, ...] = get_args(Order)

Measure = Literal["batch-statistics", "inference"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


@dataclass(frozen=True)
class Lesson:
    """What one learner is taught: a batch of images for every inner step, and how fast."""

    images: Tensor  # float32 [steps, batch, 1, 28, 28]
    labels: Tensor  # int64 [steps, batch]
    lr: Tensor  # learning rate of each inner step, float32 [steps]
    momentum: Tensor  # of each inner step, float32 [steps]
    targets: Tensor | None = None  # soft labels, float32 [steps, batch, 10]
    # Of each of the learner's parameters, or of each role in a family: a factor on `lr`,
    # [steps, tensors], and on the fresh values, [tensors].
    tensor_factors: Tensor | None = None
    initial_scales: Tensor | None = None
    made_for: str = ""  # the architecture or family that these two are for

    @property
    def steps(self) -> int:
        return len(self.lr)

    def scaled(self, factor: float) -> Lesson:
        """The same lesson with every learning rate times ``factor``."""
        return replace(self, lr=self.lr * factor)

    def suited_to(self, name: str, learner: Learner) -> Lesson:
        """The lesson for the architecture `name`, of which `learner` is one.

        Factors and scales made for a family suit every learner whose parameters have its roles;
        those made for another architecture are left out.
        """
        if name == self.made_for:
            return self
        factors, scales = None, None
        if self.made_for in FAMILIES and learner.roles is not None:
            factors, scales = for_member(learner, self.tensor_factors, self.initial_scales)
        return replace(self, tensor_factors=factors, initial_scales=scales, made_for=name)

    @property
    def tensor_lr(self) -> Tensor:
        """Learning rates as ``unroll`` takes them: [steps], or [steps, tensors]."""
        return tensor_lr(self.lr, self.tensor_factors)

    def reorder(self, order: Order, generator: torch.Generator | None = None) -> Lesson:
        """The same images in another order; the rates stay with their place in time.

        ``steps-shuffled`` permutes whole batches, ``images-shuffled`` deals all images out
        anew, ``within-batch`` permutes the images of each batch (which changes nothing,
        as a batch is a set), ``reversed`` takes the batches from the last to the first.

        Raises:
            GtnError: no such order.
        """
        steps, batch = self.labels.shape
        every = torch.arange(steps * batch).reshape(steps, batch)
        if order == "ordered":
            return self
        if order == "steps-shuffled":
            every = every[torch.randperm(steps, generator=generator)]
        elif order == "images-shuffled":
            every = torch.randperm(steps * batch, generator=generator).reshape(steps, batch)
        elif order == "within-batch":
            every = torch.stack([row[torch.randperm(batch, generator=generator)] for row in every])
        elif order == "reversed":
            every = every.flip(0)
        else:
            raise GtnError(f"There is no order {order!r}: take one of {', '.join(ORDERS)}.")
        index = every.to(self.images.device)
        return replace(
            self,
            images=self.images.flatten(0, 1)[index],
            labels=self.labels.flatten()[index],
            targets=None if self.targets is None else self.targets.flatten(0, 1)[index],
        )


@dataclass(frozen=True)
class Curriculum:
    """A teacher's images at moments of the outer loop, and how well they taught.

    Raises:
        GtnError: the arrays' shapes or types are not those that stand here.
    """

    outer_step: npt.NDArray[np.int64]  # [snapshots]; when each was taken
    images: npt.NDArray[np.uint8]  # [snapshots, steps, batch, 28, 28]; −1…1 as 0…255
    labels: npt.NDArray[np.int64]  # [batch], the same at every step
    lr: npt.NDArray[np.float64]  # [snapshots, steps]
    momentum: npt.NDArray[np.float64]  # [snapshots, steps]
    # Mean accuracy (0 to 1) of fresh learners on real test digits after each inner step:
    # [snapshots, orders, measures, steps], with the names of its axes.
    accuracy: npt.NDArray[np.float32]
    orders: tuple[str, ...]
    measures: tuple[str, ...]
    provenance: dict[str, Any]  # configuration, seed, versions, hardware, seconds, data set
    # What is only there if it was learned.
    targets: npt.NDArray[np.float32] | None = None  # soft labels, [snapshots, steps, batch, 10]
    tensor_factors: npt.NDArray[np.float64] | None = None  # on lr, [snapshots, steps, tensors]
    initial_scales: npt.NDArray[np.float64] | None = None  # [snapshots, tensors]

    def __post_init__(self) -> None:
        if self.images.ndim != 5 or self.images.dtype != np.uint8 or not self.images.size:
            raise GtnError(
                "A curriculum's images are uint8 [snapshots, steps, batch, 28, 28], not "
                f"{self.images.dtype} {list(self.images.shape)}."
            )
        snapshots, steps, batch = self.images.shape[:3]
        for name, *shape in (
            ("images", snapshots, steps, batch, 28, 28),
            ("outer_step", snapshots),
            ("labels", batch),
            ("lr", snapshots, steps),
            ("momentum", snapshots, steps),
            ("accuracy", snapshots, len(self.orders), len(self.measures), steps),
        ):
            array = getattr(self, name)
            if list(array.shape) != shape or array.dtype.kind not in "iuf":
                raise GtnError(
                    f"A curriculum's {name} should have the shape {shape} and is "
                    f"{array.dtype} {list(array.shape)}."
                )
        for name, *leading in (
            ("targets", snapshots, steps, batch),
            ("tensor_factors", snapshots, steps),
            ("initial_scales", snapshots),
        ):
            array = getattr(self, name)
            if array is not None and (list(array.shape[:-1]) != leading or array.dtype.kind != "f"):
                raise GtnError(
                    f"A curriculum's {name} should begin with the shape {leading} and is "
                    f"{array.dtype} {list(array.shape)}."
                )
        if self.labels.min() < 0 or self.labels.max() > 9:
            raise GtnError("A curriculum's labels are digits, 0 to 9.")

    @property
    def steps(self) -> int:
        return int(self.images.shape[1])

    @property
    def batch(self) -> int:
        return int(self.images.shape[2])

    def lesson(self, snapshot: int = -1, device: torch.device | str = "cpu") -> Lesson:
        """One snapshot, the last unless told, as tensors for a learner."""
        images = torch.as_tensor(self.images[snapshot], device=device).unsqueeze(2)
        labels = torch.as_tensor(self.labels, dtype=torch.int64, device=device)

        def at(array: npt.NDArray[Any]) -> Tensor:
            return torch.as_tensor(array[snapshot], dtype=torch.float32, device=device)

        learned = {name: getattr(self, name) for name in OPTIONAL}
        return Lesson(
            images.float() / 127.5 - 1,  # [steps, batch, 1, 28, 28]; as a teacher's tanh gave them
            labels.expand(self.steps, self.batch),
            at(self.lr),
            at(self.momentum),
            **{name: at(array) for name, array in learned.items() if array is not None},
            made_for=str(self.provenance.get("config", {}).get("learner", "")),
        )

    def check_source(self, source: str, named: object = "The curriculum") -> None:
        """Refuse digits of another data set than the teacher was trained for."""
        made_for = self.provenance.get("source", source)
        if made_for != source:
            raise GtnError(
                f"{named} was made for {made_for} and would be judged on {source}, which says "
                f"nothing. Make {made_for} available (for MNIST: set MNIST_ROOT, or connect), or "
                "train one for the digits at hand."
            )

    def save(self, path: Path) -> None:
        """Write an .npz without pickles; an earlier file stays whole if this fails."""
        arrays = {name: array for name, array in vars(self).items() if array is not None}
        arrays |= {name: np.array(arrays[name], dtype=np.str_) for name in ("orders", "measures")}
        arrays["provenance"] = np.array(json.dumps(self.provenance))
        with written_whole(path) as scratch, scratch.open("wb") as file:
            np.savez_compressed(file, version=np.int64(VERSION), **arrays)

    @classmethod
    def load(cls, path: Path) -> Curriculum:
        """Read a recorded curriculum; nothing in it is unpickled.

        Raises:
            GtnError: there is no such file, it is damaged or of another version.
        """
        if not path.is_file():
            raise GtnError(
                f"There is no recorded curriculum {path}. Record one with `gtnlab train class`."
            )
        again = "Record it again with `gtnlab train`, or take a fresh copy."
        try:
            with path.open("rb") as file:
                if file.read(4) != b"PK\x03\x04":
                    raise GtnError(f"{path} is not a recorded curriculum (.npz). {again}")
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except pickle.UnpicklingError as error:  # some numpy versions try before they refuse
            raise GtnError(f"{path} holds a pickle and is not read. {again}") from error
        except UNREADABLE as error:
            raise GtnError(f"{path} is damaged or was cut short ({error}). {again}") from error
        found = arrays.pop("version", None)
        if found is None or found.ndim or found.dtype.kind not in "iu" or int(found) != VERSION:
            raise GtnError(
                f"{path} is a curriculum of version {found}; this gtnlab reads version "
                f"{VERSION}. Update gtnlab, or record it again with `gtnlab train`."
            )
        try:
            arrays["orders"] = tuple(str(name) for name in arrays["orders"])
            arrays["measures"] = tuple(str(name) for name in arrays["measures"])
            arrays["provenance"] = json.loads(str(arrays["provenance"]))
            return cls(**arrays)
        except (KeyError, TypeError, ValueError, GtnError) as error:
            raise GtnError(f"{path} lacks a part or has a wrong one ({error}). {again}") from error
