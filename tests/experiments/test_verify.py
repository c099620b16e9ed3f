"""A recorded curriculum that lies is found out, whichever part of it lies."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from experiments.publishing import claim
from experiments.verify import verify
from gtnlab.cli import app
from gtnlab.curriculum import Curriculum
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation.judging import judge


@pytest.fixture(scope="module")
def honest(curriculum: Curriculum, test_digits: Digits) -> Curriculum:
    """Real digits as images; accuracy, claim and provenance as a recording would have them."""
    accuracy = np.zeros((2, 1, 2, 4), np.float32)
    for snapshot in range(2):
        judged = judge(
            curriculum.lesson(snapshot), "mlp", test_digits, learners=2, seed=0, every_step=True
        )
        for column, values in enumerate(judged.accuracy.values()):
            accuracy[snapshot, 0, column] = values.mean(axis=0)
    facts: dict[str, Any] = {
        "config": {"name": "class", "variant": "learned", "learner": "mlp"},
        "seed": 0,
        "source": test_digits.source,
        "outer_steps": 7,
        "seconds": 1.0,
        "versions": {},
        "hardware": {},
        "recorded": "2020-01-01",
        "judged": {"learners": 2, "test_images": len(test_digits)},
    }
    told = dataclasses.replace(curriculum, accuracy=accuracy, provenance=facts)
    facts["claim"] = claim(told, test_digits)
    return told


def better_claim(told: Curriculum) -> Curriculum:
    scores = told.provenance["claim"]["accuracy"]["inference"]
    scores["values"] = [0.95] * 10
    scores["mean"] = 0.95
    return told


def claim_that_contradicts_itself(told: Curriculum) -> Curriculum:
    told.provenance["claim"]["accuracy"]["inference"]["mean"] += 0.1
    return told


def other_images(told: Curriculum) -> Curriculum:
    images = told.images.copy()
    images[-1] = images[0]
    return dataclasses.replace(told, images=images)


def other_labels(told: Curriculum) -> Curriculum:
    return dataclasses.replace(told, labels=(told.labels + 1) % 10)


def better_curve(told: Curriculum) -> Curriculum:
    accuracy = told.accuracy.copy()
    accuracy[0, :, :, -1] += 0.2
    return dataclasses.replace(told, accuracy=accuracy)


def no_claim(told: Curriculum) -> Curriculum:
    del told.provenance["claim"]
    return told


def claim_of_nothing(told: Curriculum) -> Curriculum:
    told.provenance["claim"] = {"accuracy": "very high"}
    return told


def other_digits(told: Curriculum) -> Curriculum:
    told.provenance["source"] = "mnist"
    return told


def test_an_honest_file_holds_in_both_forms(
    honest: Curriculum, test_digits: Digits, tmp_path: Path
) -> None:
    honest.save(tmp_path / "honest.npz")
    full = verify(tmp_path / "honest.npz", test_digits)
    quick = verify(tmp_path / "honest.npz", test_digits, quick=True)
    assert len(full) == 2 + 2 * 2  # the claim and two snapshots, in both measures
    assert len(quick) == 2
    assert all(check.holds for check in [*full, *quick])
    assert all(check.allowed < 0.2 for check in full)


@pytest.mark.parametrize(
    ("doctored", "quick", "said"),
    [
        (better_claim, False, r"does not do what it says.*recorded .* %, found .* %"),
        (better_claim, True, "does not do what it says"),
        (claim_that_contradicts_itself, True, "not the mean of the claimed values"),
        (other_images, True, "does not do what it says"),
        (other_labels, True, "does not do what it says"),
        (better_curve, False, "over the outer loop, at step 0"),
        (no_claim, True, r"lacks claim.*gtnlab publish"),
        (claim_of_nothing, True, "cannot be read"),
        (other_digits, True, r"made for mnist.*MNIST_ROOT"),
    ],
)
def test_a_doctored_file_is_found_out(
    honest: Curriculum,
    test_digits: Digits,
    tmp_path: Path,
    doctored: Callable[[Curriculum], Curriculum],
    quick: bool,
    said: str,
) -> None:
    file = tmp_path / "doctored.npz"
    lie = dataclasses.replace(honest, provenance=copy.deepcopy(honest.provenance))
    doctored(lie).save(file)
    with pytest.raises(GtnError, match=said) as raised:
        verify(file, test_digits, quick=quick)
    assert str(file) in str(raised.value)


def test_a_file_of_too_many_snapshots_or_bytes_is_refused(
    honest: Curriculum, test_digits: Digits, tmp_path: Path
) -> None:
    many = np.arange(26) % 2
    parts = ("outer_step", "images", "lr", "momentum", "accuracy")
    dataclasses.replace(honest, **{part: getattr(honest, part)[many] for part in parts}).save(
        tmp_path / "many.npz"
    )
    with pytest.raises(GtnError, match="26 snapshots, more than 25"):
        verify(tmp_path / "many.npz", test_digits, quick=True)
    noise = np.random.default_rng(0).integers(0, 256, (1, 80, 60, 28, 28), dtype=np.uint8)
    dataclasses.replace(
        honest,
        outer_step=honest.outer_step[:1],
        images=noise,
        labels=np.arange(60) % 10,
        lr=np.ones((1, 80)),
        momentum=np.ones((1, 80)),
        accuracy=np.zeros((1, 1, 2, 80), np.float32),
    ).save(tmp_path / "large.npz")
    with pytest.raises(GtnError, match=r"more than the 3,000,000"):
        verify(tmp_path / "large.npz", test_digits, quick=True)


def test_the_command_checks_every_file_of_a_folder_and_names_the_one_that_lies(
    honest: Curriculum, tmp_path: Path, mnist_root: Path
) -> None:
    told = dataclasses.replace(honest, provenance=copy.deepcopy(honest.provenance))
    told.provenance["source"] = "mnist"  # as the files in mnist_root are called
    told.save(tmp_path / "good.npz")
    fine = CliRunner().invoke(app, ["verify", str(tmp_path), "--quick"])
    assert fine.exit_code == 0, fine.output
    assert "good.npz: holds" in fine.output
    better_claim(told).save(tmp_path / "bad.npz")
    found = CliRunner().invoke(app, ["verify", str(tmp_path), "--quick"])
    assert found.exit_code == 1
    assert "bad.npz does not do what it says" in found.output
    assert "1 of 2 files do not hold: bad.npz" in found.output
    assert "good.npz: holds" in found.output
    empty = tmp_path / "empty"
    empty.mkdir()
    assert CliRunner().invoke(app, ["verify", str(empty)]).exit_code == 1
