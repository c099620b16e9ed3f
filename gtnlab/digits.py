"""Handwritten digits: MNIST, or scikit-learn's bundled ones when there is no network.

The whole set lives on one device as one normalised tensor and is sampled there, so a
training loop never waits for a DataLoader or for a copy from the host.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import socket
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from gtnlab.errors import GtnError

Source = Literal["mnist", "sklearn-digits"]
Split = Literal["train", "test"]

MEAN, STD = 0.1307, 0.3081
"""Mean and standard deviation of MNIST's training pixels, on a scale of 0 to 1."""

EMPTY = -MEAN / STD
"""A pixel without ink."""

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
DOWNLOAD_TIMEOUT = 20.0  # seconds without an answer
OFFLINE_TEST_IMAGES = 360  # of scikit-learn's 1797

# How far `augmented` goes at most, either way.
SHIFT = 0.7  # pixels
TURN = 5.0  # degrees
RESIZE = 0.05  # of the size


class OfflineDigitsWarning(UserWarning):
    """There is no MNIST here: the numbers that follow are those of another data set."""


@dataclass(frozen=True)
class Digits:
    """A set of digits on one device."""

    images: Tensor  # float32 [N, 1, 28, 28], normalised by MNIST's mean and deviation
    labels: Tensor  # int64 [N], 0 to 9
    source: Source  # which data set this is; every recorded result repeats it

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: slice | Tensor) -> Digits:
        return Digits(self.images[chosen], self.labels[chosen], self.source)

    def sample(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw ``count`` images with replacement: [count, 1, 28, 28] and labels [count]."""
        index = torch.randint(len(self), (count,), generator=generator, device=generator.device).to(
            self.images.device
        )
        # Whole images are copied at once; indexing would look for each pixel.
        return self.images.index_select(0, index), self.labels.index_select(0, index)

    def thinned(self, count: int) -> Digits:
        """``count`` digits spread evenly over the set, or all: for a quick look.

        Not the first ones: MNIST's test set has its clear writers and its others apart.
        """
        count = min(count, len(self))
        index = torch.linspace(0, len(self) - 1, count, device=self.labels.device).round().long()
        return self[index]


def augmented(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image moved, turned and resized a little, by bilinear interpolation.

    Args:
        images: normalised, [N, 1, 28, 28].
        generator: draws how much, uniformly, for each image by itself; on the images' device.
    """
    draw = 2 * torch.rand(4, len(images), generator=generator, device=images.device) - 1
    angle, size = math.radians(TURN) * draw[0], 1 + RESIZE * draw[1]
    cos, sin = size * torch.cos(angle), size * torch.sin(angle)
    # affine_grid counts in half sides, from −1 to 1.
    across, down = SHIFT * 2 / images.shape[-1] * draw[2:]
    rows = [torch.stack([cos, -sin, across], dim=1), torch.stack([sin, cos, down], dim=1)]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    # What comes in from outside is 0: without ink.
    return F.grid_sample(images - EMPTY, grid, align_corners=False) + EMPTY


def load_digits(
    split: Split, device: str | torch.device = "cpu", root: Path | None = None
) -> Digits:
    """Load one split of the digits onto ``device``.

    MNIST comes from ``root`` or from the torchvision root that the environment variable
    ``MNIST_ROOT`` names; otherwise from ``data/MNIST``, downloaded there if it is missing.
    Without a network it is scikit-learn's 8 × 8 digits, drawn into MNIST's 20 × 20 box,
    and an :class:`OfflineDigitsWarning` says so.

    Raises:
        GtnError: the split is unknown, the named root holds no MNIST, or a file of it is
            damaged.
    """
    if split not in ("train", "test"):
        raise GtnError(f"There is no split {split!r} of the digits: take 'train' or 'test'.")
    named = root or (Path(os.environ["MNIST_ROOT"]) if os.environ.get("MNIST_ROOT") else None)
    if named is not None:
        if missing := _missing(named):
            raise GtnError(
                f"{named} is named as the root of MNIST but holds no MNIST/raw/{missing[0]}. "
                "Point MNIST_ROOT at a torchvision root that has MNIST/raw, or unset it and "
                "MNIST is downloaded to data/MNIST."
            )
        return _read_mnist(split, named, device)
    default = Path("data")
    if _missing(default) and (reason := _why_no_download(default.absolute())):
        warnings.warn(
            f"MNIST could not be downloaded ({reason}). Using scikit-learn's 1797 bundled digits "
            "instead: the numbers are NOT those of MNIST. Connect once, or set MNIST_ROOT to a "
            "folder that holds MNIST/raw.",
            OfflineDigitsWarning,
            stacklevel=2,
        )
        return _offline_digits(split, device)
    return _read_mnist(split, default, device)


def _missing(root: Path) -> list[str]:
    return [name for name in MNIST_FILES if not (root / "MNIST" / "raw" / name).is_file()]


def _read_mnist(split: Split, root: Path, device: str | torch.device) -> Digits:
    from torchvision.datasets import MNIST

    try:
        data = MNIST(str(root), train=split == "train", download=False)
        images, labels = data.data, data.targets
        if images.shape[1:] != (28, 28) or len(images) != len(labels) or not len(labels):
            raise ValueError(f"{tuple(images.shape)} images and {len(labels)} labels")
    except Exception as error:  # a short file fails in several ways inside torchvision
        raise GtnError(
            f"MNIST in {root / 'MNIST' / 'raw'} is damaged ({error or type(error).__name__}). "
            "Delete that folder and try again to download it."
        ) from error
    pixels = images.to(device).float().unsqueeze(1) / 255  # [N, 1, 28, 28]
    return Digits((pixels - MEAN) / STD, labels.long().to(device), "mnist")


@functools.cache
def _why_no_download(root: Path) -> str:
    """Download MNIST; empty if that worked. Tried once, as a silent network takes a while."""
    try:
        _download(root)
    except Exception as error:  # torchvision raises whatever its mirrors and disks raise
        return str(error).strip().partition("\n")[0].rstrip(":") or type(error).__name__
    return ""


def _download(root: Path) -> None:
    """Download MNIST beside ``root`` and move it in only when all of it is there.

    torchvision checks the archives' digests; an interrupted download of its own would
    leave a part behind that the next run takes for the whole.
    """
    from torchvision.datasets import MNIST

    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".mnist-") as scratch:
        with _socket_timeout(DOWNLOAD_TIMEOUT):
            MNIST(scratch, download=True)
        if missing := _missing(Path(scratch)):
            raise OSError(f"the download lacks {', '.join(missing)}")
        raw = root / "MNIST" / "raw"
        raw.mkdir(parents=True, exist_ok=True)
        for name in MNIST_FILES:
            (Path(scratch) / "MNIST" / "raw" / name).replace(raw / name)


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    # torchvision gives its downloads no timeout: a silent network would hang for ever.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _offline_digits(split: Split, device: str | torch.device) -> Digits:
    from sklearn.datasets import load_digits as load_bundled
    from sklearn.model_selection import train_test_split

    bundled = load_bundled()
    parts = train_test_split(
        bundled.images,
        bundled.target,
        test_size=OFFLINE_TEST_IMAGES,
        stratify=bundled.target,
        random_state=0,
    )
    images, labels = (parts[0], parts[2]) if split == "train" else (parts[1], parts[3])
    small = torch.as_tensor(images, dtype=torch.float32).unsqueeze(1) / 16  # [N, 1, 8, 8]
    # MNIST centres its digits in a 20 × 20 box with four empty pixels around it.
    box = F.interpolate(small, size=(20, 20), mode="bilinear", align_corners=False)
    pixels = F.pad(box, (4, 4, 4, 4)).to(device)
    return Digits(
        (pixels - MEAN) / STD,
        torch.as_tensor(labels, dtype=torch.int64).to(device),
        "sklearn-digits",
    )
