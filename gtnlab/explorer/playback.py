"""A recorded curriculum as one sees it: step by step, in one of the orders."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from gtnlab.curriculum import Curriculum, Lesson, Order

SHOWN_ORDERS: tuple[Order, ...] = ("ordered", "steps-shuffled", "images-shuffled", "reversed")
"""The orders that look different: within a batch, order means nothing."""

VARIANT_ENDINGS = ("_random_fixed", "_random", "_learned")

SHUFFLE_SEED = 0


@dataclass(frozen=True, eq=False)
class Playback:
    """One recorded curriculum in one order.

    A shuffled order is shown by one example, drawn with a fixed seed; its accuracy is the
    recorded mean over learners that each had a shuffling of their own.
    """

    name: str  # of the recording: class_learned
    curriculum: Curriculum
    order: Order = "ordered"
    index: npt.NDArray[np.int64] = field(init=False, repr=False)
    """[steps, batch]: which of the recorded images (counted through) stands where."""

    def __post_init__(self) -> None:
        steps, batch = self.steps, self.batch
        places = torch.arange(steps * batch).reshape(steps, batch)
        nothing = torch.zeros(steps)
        lesson = Lesson(images=places, labels=places, lr=nothing, momentum=nothing)
        shuffled = lesson.reorder(self.order, torch.Generator().manual_seed(SHUFFLE_SEED))
        object.__setattr__(self, "index", shuffled.images.numpy())

    @property
    def steps(self) -> int:
        return self.curriculum.steps

    @property
    def batch(self) -> int:
        return self.curriculum.batch

    @property
    def snapshots(self) -> int:
        return len(self.curriculum.outer_step)

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """The measures that say different things: one where the learner has no BatchNorm."""
        found, every = self.curriculum.measures, self.curriculum.accuracy
        if "inference" not in found:
            return found
        own = every[:, :, [found.index("inference")]]
        return ("inference",) if (own == every).all() else found[::-1]

    def images(self, snapshot: int, step: int) -> npt.NDArray[np.uint8]:
        """The batch at an inner step, uint8 [batch, 28, 28]."""
        every = self.curriculum.images[snapshot].reshape(-1, 28, 28)
        chosen: npt.NDArray[np.uint8] = every[self.index[step]]
        return chosen

    def labels(self, step: int) -> npt.NDArray[np.int64]:
        """The labels of that batch, int64 [batch]."""
        chosen: npt.NDArray[np.int64] = self.curriculum.labels[self.index[step] % self.batch]
        return chosen

    def targets(self, snapshot: int, step: int) -> npt.NDArray[np.float32] | None:
        """The soft labels of that batch, float32 [batch, 10]; None where there are none."""
        if self.curriculum.targets is None:
            return None
        every = self.curriculum.targets[snapshot].reshape(-1, 10)
        chosen: npt.NDArray[np.float32] = every[self.index[step]]
        return chosen

    def accuracy(
        self, snapshot: int, measure: str, order: str | None = None
    ) -> npt.NDArray[np.float32] | None:
        """Recorded accuracy (0 to 1) after each inner step, [steps], in this order or another.

        None if it was not recorded.
        """
        recorded, order = self.curriculum, order or self.order
        if order not in recorded.orders or measure not in recorded.measures:
            return None
        place = recorded.orders.index(order), recorded.measures.index(measure)
        found: npt.NDArray[np.float32] = recorded.accuracy[snapshot, place[0], place[1]]
        return found

    def caption(self) -> str:
        """Whose accuracy it is, and of what this order is an example."""
        facts = self.curriculum.provenance
        judged, config = facts.get("judged", {}), facts.get("config", {})
        words = []
        if recorded := self.order in self.curriculum.orders:
            words.append(
                f"Accuracy: mean of {judged.get('learners', '?')} fresh "
                f"{config.get('learner', '?')} learners on {judged.get('test_images', '?')} real "
                f"test images ({facts.get('source', '?')})."
            )
        if self.curriculum.targets is not None:
            words.append("The bars below an image are its soft labels, 0 to 9.")
        if "shuffled" in self.order:
            each = "; each learner had its own" if recorded else ""
            words.append(f"The images show one shuffling{each}.")
        return " ".join(words)

    def title(self) -> str:
        """What was recorded, for how long."""
        experiment, variant = variant_of(self.name)
        facts = self.curriculum.provenance
        trained = f", {facts['outer_steps']} outer steps" if "outer_steps" in facts else ""
        return f"{experiment}, {variant or '?'}: {self.steps} steps × {self.batch} images{trained}"


def variant_of(name: str) -> tuple[str, str]:
    """A recording's experiment and variant: `seed_C_random_fixed` → `seed_C`, `random_fixed`."""
    for ending in VARIANT_ENDINGS:
        if name.endswith(ending) and name != ending:
            return name.removesuffix(ending), ending[1:]
    return name, ""
