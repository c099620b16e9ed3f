"""A recorded curriculum comes back as it was, is never half-written, and reorders honestly."""

from __future__ import annotations

import dataclasses
import errno
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gtnlab.curriculum import ORDERS, Curriculum, Lesson, Order
from gtnlab.errors import GtnError

ARRAYS = ("outer_step", "images", "labels", "lr", "momentum", "accuracy")


def numbered(steps: int, batch: int) -> Lesson:
    """A lesson whose images carry their number and whose labels follow from it."""
    number = torch.arange(steps * batch)
    return Lesson(
        images=number.float().reshape(steps, batch, 1, 1, 1).expand(-1, -1, 1, 28, 28),
        labels=(number % 10).reshape(steps, batch),
        lr=torch.arange(steps).float(),
        momentum=torch.zeros(steps),
    )


def numbers(lesson: Lesson) -> torch.Tensor:
    return lesson.images[:, :, 0, 0, 0].long()


def rewritten(path: Path, **changes: Any) -> Path:
    """The file with some members replaced, or removed where None."""
    with np.load(path) as archive:
        members = {name: archive[name] for name in archive.files}
    members.update(changes)
    with path.open("wb") as file:
        np.savez(file, **{name: value for name, value in members.items() if value is not None})
    return path


@pytest.fixture
def saved(curriculum: Curriculum, tmp_path: Path) -> Path:
    path = tmp_path / "curriculum.npz"
    curriculum.save(path)
    return path


def test_what_is_saved_comes_back(curriculum: Curriculum, saved: Path) -> None:
    found = Curriculum.load(saved)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(curriculum, name))
    assert found.orders == curriculum.orders
    assert found.measures == curriculum.measures
    assert found.provenance == curriculum.provenance


def test_the_file_is_readable_by_numpy_without_pickles(saved: Path) -> None:
    with np.load(saved, allow_pickle=False) as archive:
        assert archive["images"].dtype == np.uint8
        assert int(archive["version"]) == 1


def test_a_lesson_has_the_teachers_range_and_the_last_snapshots_rates(
    curriculum: Curriculum,
) -> None:
    lesson = curriculum.lesson()
    assert lesson.images.shape == (4, 20, 1, 28, 28)
    assert (lesson.images.min(), lesson.images.max()) == (-1, 1)
    np.testing.assert_allclose(lesson.lr, curriculum.lr[-1])
    assert torch.equal(lesson.labels[2], torch.arange(20) % 10)
    assert not torch.equal(curriculum.lesson(0).images, lesson.images)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_named_with_the_way_out(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(GtnError, match=r"curriculum\.npz.*Record it again"):
        Curriculum.load(saved)


def test_a_changed_byte_is_noticed(saved: Path) -> None:
    content = bytearray(saved.read_bytes())
    content[len(content) // 3] ^= 255
    saved.write_bytes(content)
    with pytest.raises(GtnError, match="damaged"):
        Curriculum.load(saved)


def test_another_version_asks_for_an_update(saved: Path) -> None:
    with pytest.raises(GtnError, match=r"version 2; this gtnlab reads version 1. Update gtnlab"):
        Curriculum.load(rewritten(saved, version=np.int64(2)))
    with pytest.raises(GtnError, match="version None"):
        Curriculum.load(rewritten(saved, version=None))


class Bomb:
    """Would leave a file behind if it were unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def test_a_pickle_is_refused_unread(saved: Path, tmp_path: Path) -> None:
    trace = tmp_path / "was-here"
    saved.write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(GtnError, match="not a recorded curriculum"):
        Curriculum.load(saved)
    assert not trace.exists()


def test_an_array_of_objects_is_refused_unread(saved: Path, tmp_path: Path) -> None:
    trace = tmp_path / "was-here"
    with pytest.raises(GtnError, match="damaged"):
        Curriculum.load(rewritten(saved, labels=np.array([Bomb(trace)], dtype=object)))
    assert not trace.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"lr": None},
        {"surplus": np.zeros(1)},
        {"lr": np.zeros((2, 5))},
        {"targets": np.zeros((2, 4, 19, 10))},
        {"tensor_factors": np.zeros((2, 5, 4))},
        {"initial_scales": np.zeros((3, 4))},
        {"labels": np.full(20, 10)},
        {"labels": np.array(["a"] * 20)},
        {"images": np.zeros((2, 4, 20, 28, 28), np.float32)},
        {"provenance": np.array("{not json")},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_a_part_that_is_missing_or_wrong_is_an_error(saved: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(GtnError, match="lacks a part or has a wrong one"):
        Curriculum.load(rewritten(saved, **changes))


def test_a_missing_file_says_how_to_record_one(tmp_path: Path) -> None:
    with pytest.raises(GtnError, match="gtnlab train class"):
        Curriculum.load(tmp_path / "none.npz")


def test_a_full_disk_leaves_the_earlier_file_and_nothing_else(
    curriculum: Curriculum, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = saved.read_bytes()

    def full(file: Any, **_: Any) -> None:
        file.write(b"half a file")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(GtnError, match=r"No space left.*untouched.*Free some disk space"):
        curriculum.save(saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_first_save_on_a_full_disk_leaves_nothing(
    curriculum: Curriculum, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(GtnError, match="could not be written"):
        curriculum.save(tmp_path / "new" / "curriculum.npz")
    assert list((tmp_path / "new").iterdir()) == []


@given(
    order=st.sampled_from(ORDERS),
    steps=st.integers(1, 5),
    batch=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_every_order_keeps_all_images_their_labels_and_the_rates_in_time(
    order: Order, steps: int, batch: int, seed: int
) -> None:
    lesson = numbered(steps, batch)
    found = lesson.reorder(order, torch.Generator().manual_seed(seed))
    assert torch.equal(numbers(found).flatten().sort().values, torch.arange(steps * batch))
    assert torch.equal(found.labels, numbers(found) % 10)
    assert torch.equal(found.lr, lesson.lr)


def test_each_order_does_what_its_name_says() -> None:
    lesson = numbered(6, 10)
    found = {
        order: numbers(lesson.reorder(order, torch.Generator().manual_seed(1))) for order in ORDERS
    }
    first = numbers(lesson)
    assert torch.equal(found["ordered"], first)
    assert torch.equal(found["reversed"], first.flip(0))
    steps = found["steps-shuffled"]
    assert not torch.equal(steps, first)
    assert torch.equal(steps[steps[:, 0].argsort()], first)
    within = found["within-batch"]
    assert not torch.equal(within, first)
    assert torch.equal(within.sort(dim=1).values, first)
    assert not torch.equal(found["images-shuffled"].sort(dim=1).values // 10, first // 10)


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(GtnError, match="'sideways'"):
        numbered(2, 2).reorder("sideways")  # type: ignore[arg-type]


def test_a_curriculum_whose_parts_disagree_cannot_be_made(curriculum: Curriculum) -> None:
    with pytest.raises(GtnError, match="accuracy"):
        dataclasses.replace(curriculum, orders=("ordered", "reversed"))
