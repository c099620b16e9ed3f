"""Digits come from the named root, from a download, or from scikit-learn, and say which."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision.datasets
from torch import Tensor

from gtnlab import digits
from gtnlab.digits import EMPTY, MEAN, STD, OfflineDigitsWarning, augmented, load_digits
from gtnlab.errors import GtnError


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty course folder, MNIST_ROOT unset, nothing tried yet."""
    monkeypatch.delenv("MNIST_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    digits._why_no_download.cache_clear()
    return tmp_path


def fake_download(monkeypatch: pytest.MonkeyPatch, files: list[Path], fail: bool) -> None:
    real = torchvision.datasets.MNIST

    def download(root: str, train: bool = True, download: bool = False) -> Any:
        if not download:
            return real(root, train=train)
        raw = Path(root) / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for file in files:
            shutil.copy(file, raw)
        if fail:
            (raw / "t10k-images-idx3-ubyte").write_bytes(b"half a")
            raise OSError("Connection reset by peer")
        return None

    monkeypatch.setattr(torchvision.datasets, "MNIST", download)


def test_mnist_is_read_from_the_named_root_as_torchvision_reads_it(mnist_root: Path) -> None:
    test = load_digits("test")
    reference = torchvision.datasets.MNIST(str(mnist_root), train=False)
    assert test.source == "mnist"
    assert test.images.shape == (360, 1, 28, 28)
    torch.testing.assert_close(
        (test.images[:, 0] * STD + MEAN) * 255, reference.data.float(), atol=1e-3, rtol=0
    )
    assert torch.equal(test.labels, reference.targets)
    assert len(load_digits("train")) == 1437


def test_the_root_may_be_given_as_an_argument(
    mnist_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MNIST_ROOT", raising=False)
    assert load_digits("test", root=mnist_files).source == "mnist"


def test_a_sample_follows_its_generator_and_keeps_image_and_label_together(
    mnist_root: Path,
) -> None:
    train = load_digits("train")
    images, labels = train.sample(50, torch.Generator().manual_seed(3))
    again, _ = train.sample(50, torch.Generator().manual_seed(3))
    other, _ = train.sample(50, torch.Generator().manual_seed(4))
    assert torch.equal(images, again)
    assert not torch.equal(images, other)
    for image, label in zip(images, labels, strict=True):
        matches = (train.images == image).flatten(1).all(dim=1)
        assert label in train.labels[matches]


def test_augmented_digits_stay_themselves_a_little_moved_turned_and_resized(
    mnist_root: Path,
) -> None:
    images = load_digits("train").images[:40]
    some = augmented(images, torch.Generator().manual_seed(3))
    assert torch.equal(some, augmented(images, torch.Generator().manual_seed(3)))
    assert some.shape == images.shape
    assert (some - images).flatten(1).abs().amax(dim=1).min() > 0.1  # none is left as it was
    # Each is nearer to its own original than to any other image.
    assert torch.cdist(some.flatten(1), images.flatten(1)).argmin(dim=1).tolist() == [*range(40)]

    def centre(batch: Tensor) -> Tensor:
        ink = batch - EMPTY
        places = torch.arange(28.0)
        down = (ink.sum(dim=3) * places).sum(dim=2) / ink.sum(dim=(2, 3))
        across = (ink.sum(dim=2) * places).sum(dim=2) / ink.sum(dim=(2, 3))
        return torch.cat([down, across], dim=1)

    moved = (centre(some) - centre(images)).abs()
    assert 0.2 < moved.mean() < 0.6  # pixels: half of SHIFT, and a bit by turning and resizing
    assert moved.max() < 1.5


def test_a_thinned_set_is_spread_over_the_whole(mnist_root: Path) -> None:
    test = load_digits("test")
    few = test.thinned(36)
    assert len(few) == 36
    for place, whole in ((0, 0), (-1, -1)):
        assert torch.equal(few.images[place], test.images[whole])
    assert len(test.thinned(10_000)) == len(test)


def test_a_download_is_moved_in_whole(
    elsewhere: Path, mnist_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_download(monkeypatch, list((mnist_files / "MNIST" / "raw").iterdir()), fail=False)
    assert load_digits("test").source == "mnist"
    assert [path.name for path in (elsewhere / "data").iterdir()] == ["MNIST"]


def test_a_download_that_fails_half_way_leaves_nothing_and_falls_back_loudly(
    elsewhere: Path, mnist_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = mnist_files / "MNIST" / "raw" / "train-images-idx3-ubyte"
    fake_download(monkeypatch, [first], fail=True)
    with pytest.warns(OfflineDigitsWarning, match=r"Connection reset.*NOT those of MNIST"):
        found = load_digits("train")
    assert found.source == "sklearn-digits"
    assert list((elsewhere / "data").iterdir()) == []


def test_the_offline_digits_are_split_once_and_drawn_into_mnists_box(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_download(monkeypatch, [], fail=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OfflineDigitsWarning)
        train, test = load_digits("train"), load_digits("test")
    assert (len(train), len(test)) == (1437, 360)
    assert test.labels.bincount().min() >= 34  # every class in its share
    pixels = test.images * STD + MEAN
    assert pixels[:, :, 4:24, 4:24].max() > 0.9
    assert pixels.sum() == pytest.approx(pixels[:, :, 4:24, 4:24].sum(), abs=1)
    seen = {tuple(image.flatten().tolist()) for image in train.images}
    repeated = sum(tuple(image.flatten().tolist()) in seen for image in test.images)
    assert repeated == 0


@pytest.mark.parametrize("keep", [0, 10, 5000])
def test_a_truncated_file_is_named_with_the_way_out(
    mnist_files: Path, tmp_path: Path, keep: int
) -> None:
    shutil.copytree(mnist_files, tmp_path, dirs_exist_ok=True)
    images = tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:keep])
    with pytest.raises(GtnError, match=r"MNIST/raw is damaged.*Delete that folder"):
        load_digits("test", root=tmp_path)


def test_a_root_without_mnist_is_an_error_and_not_a_silent_fallback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path))
    with pytest.raises(GtnError, match=r"holds no MNIST/raw.*unset it"):
        load_digits("train")


def test_an_unknown_split_is_refused(mnist_root: Path) -> None:
    with pytest.raises(GtnError, match="'valid'"):
        load_digits("valid")  # type: ignore[arg-type]
