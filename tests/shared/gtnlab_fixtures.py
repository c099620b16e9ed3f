"""Digits for tests: scikit-learn's, written as MNIST files, so that no test needs a network."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from gtnlab.curriculum import MEASURES, Curriculum
from gtnlab.digits import MEAN, STD, Digits, _offline_digits

__all__ = ["curriculum", "mnist_files", "mnist_root", "test_digits", "train_digits"]


def write_idx(path: Path, values: np.ndarray) -> None:
    """MNIST's file format: magic number, sizes, bytes."""
    header = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


@pytest.fixture(scope="session")
def mnist_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A torchvision root with 1437 training and 360 test digits."""
    root = tmp_path_factory.mktemp("mnist")
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        digits = _offline_digits(split, "cpu")
        pixels = ((digits.images[:, 0] * STD + MEAN) * 255).round().numpy()
        write_idx(raw / f"{prefix}-images-idx3-ubyte", pixels)
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", digits.labels.numpy())
    return root


@pytest.fixture
def mnist_root(mnist_files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root, named by MNIST_ROOT."""
    monkeypatch.setenv("MNIST_ROOT", str(mnist_files))
    return mnist_files


@pytest.fixture(scope="session")
def train_digits() -> Digits:
    return _offline_digits("train", "cpu")


@pytest.fixture(scope="session")
def test_digits() -> Digits:
    return _offline_digits("test", "cpu")


@pytest.fixture(scope="session")
def curriculum(train_digits: Digits) -> Curriculum:
    """Two snapshots of 4 steps × 20 images: noise, then real digits in a teacher's range."""
    rng = np.random.default_rng(0)
    labels = np.arange(20) % 10
    chosen = [torch.nonzero(train_digits.labels == digit).flatten()[:8] for digit in range(10)]
    index = torch.stack([chosen[label][step * 2 + i // 10] for step in range(4)
                         for i, label in enumerate(labels)])  # fmt: skip
    pixels = ((train_digits.images[index, 0] * STD + MEAN) * 255).round().to(torch.uint8).numpy()
    noise = rng.integers(0, 256, (4, 20, 28, 28), dtype=np.uint8)
    return Curriculum(
        outer_step=np.array([0, 7]),
        images=np.stack([noise, pixels.reshape(4, 20, 28, 28)]),
        labels=labels,
        lr=np.linspace(0.5, 1.5, 8).reshape(2, 4),
        momentum=np.linspace(0.4, 0.9, 8).reshape(2, 4),
        accuracy=rng.random((2, 1, 2, 4)).astype(np.float32),
        orders=("ordered",),
        measures=MEASURES,
        provenance={"config": {"name": "class", "learner": "mlp", "variant": "learned"}},
    )
