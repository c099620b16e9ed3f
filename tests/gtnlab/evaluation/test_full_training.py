"""Full training goes on until the accuracy stands still, and each architecture is trained once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation import full_training
from gtnlab.evaluation.full_training import FullyTrained, fully_trained, train_fully


def test_full_training_learns_and_ends_after_two_lower_rates(
    train_digits: Digits, test_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = train_fully("fc128", train_digits, test_digits, seed=0)
    assert found.accuracy > 0.85
    # Each of the three rates has at least one epoch and those that brought nothing.
    assert found.epochs > 3 * full_training.PATIENCE
    monkeypatch.setattr(full_training, "_accuracy", lambda *_: 0.5)
    stuck = train_fully("fc128", train_digits, test_digits, seed=0)
    # One epoch sets the mark; two without a rise end each of the three rates.
    assert stuck.epochs == 1 + 3 * (full_training.PATIENCE + 1)


def test_what_was_trained_is_kept_and_a_stopped_record_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train_digits: Digits, test_digits: Digits
) -> None:
    trained: list[str] = []

    def counting(name: str, *_: object) -> FullyTrained:
        if len(trained) == 2 and name == "fc128":
            raise KeyboardInterrupt
        trained.append(name)
        return FullyTrained(0.9 + 0.01 * len(trained), epochs=3, seed=0)

    monkeypatch.setattr(full_training, "train_fully", counting)
    path, names = tmp_path / "full.json", ("fc32", "fc64", "fc128")
    with pytest.raises(KeyboardInterrupt):
        fully_trained(path, names, train_digits, test_digits)
    assert sorted(json.loads(path.read_text())) == ["fc32", "fc64"]
    trained.append("stopped")
    ticks: list[tuple[int, int]] = []
    found = fully_trained(
        path,
        names,
        train_digits,
        test_digits,
        on_architecture=lambda done, total: ticks.append((done, total)),
    )
    assert trained == ["fc32", "fc64", "stopped", "fc128"]
    assert ticks == [(1, 1)]
    assert found == {"fc32": 0.91, "fc64": 0.92, "fc128": pytest.approx(0.94)}


@pytest.mark.parametrize("text", ["{", "[]", '{"fc32": 0.9}', '{"fc32": {"accuracy": 0.9}}'])
def test_a_file_that_is_no_record_is_named_and_left_alone(
    tmp_path: Path, text: str, train_digits: Digits, test_digits: Digits
) -> None:
    path = tmp_path / "full.json"
    path.write_text(text)
    with pytest.raises(GtnError, match=r"full\.json is no record of full trainings"):
        fully_trained(path, ("fc32",), train_digits, test_digits)
    assert path.read_text() == text
