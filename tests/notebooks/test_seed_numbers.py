"""The homework prints the numbers it has always printed, and its old defects stay fixed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

Namespace = dict[str, Any]
Run = Callable[..., str]


def test_the_first_sample_is_the_published_one(homework: Namespace, run: Run) -> None:
    assert run(homework, "data-first").split("\n") == [
        "              [9 4 0 1 9 0 1]",
        "            + [8 9 0 8 6 4 3]",
        "-----------------------------",
        "[0 0 0 0 0 0 1 8 3 1 0 5 4 4]",
        "",
    ]


def test_the_first_output_row_is_the_published_one(homework: Namespace, run: Run) -> None:
    assert "(14, 10)\n[[0.128147 0.086456 0.097282 0.102131 0.081564 0.108697" in run(
        homework, "first-output"
    )


def test_the_first_predictions_are_the_published_ones(homework: Namespace, run: Run) -> None:
    run(homework, "first-output")
    assert "[0 5 9 5 0 8 5 7 0 1 7 3 5 6]" in run(homework, "first-predictions")


def test_training_prints_the_published_losses_and_the_final_one(
    homework: Namespace, run: Run
) -> None:
    printed = run(homework, "train-run")
    published = [2.302904, 1.509416, 1.375010, 1.335181, 1.294507]
    for epoch, loss in enumerate(published):
        assert f"num_examples_seen={100 * epoch} epoch={epoch}: {loss:.6f}\n" in printed
    losses = homework["losses"]
    assert [seen for seen, _ in losses] == [0, 100, 200, 300, 400, 500]
    assert np.allclose([loss for _, loss in losses[:5]], published, atol=5e-7)
    model = homework["model"]
    final = model.calculate_loss(homework["X_train"][:100], homework["y_train"][:100])
    assert losses[-1][1] == final < published[-1]


def test_the_mean_loss_is_a_number_on_todays_numpy(homework: Namespace) -> None:
    x = [np.array([1, 2]), np.array([3])]
    model = homework["RNN"](10, 4)
    assert model.calculate_loss(x, x) == pytest.approx(model.calculate_total_loss(x, x) / 3)


def test_bptt_does_not_overwrite_what_forward_propagation_returned(
    homework: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = homework["RNN"](10, 4)
    x = np.array([1, 2, 3])
    o, s = model.forward_propagation(x)
    before = o.copy(), s.copy()
    monkeypatch.setattr(type(model), "forward_propagation", lambda self, x: [o, s])
    model.bptt(x, x)
    assert np.array_equal(o, before[0])
    assert np.array_equal(s, before[1])


def test_the_function_of_one_step_has_the_name_it_is_called_by(homework: Namespace) -> None:
    assert homework["RNN"].sgd_step.__name__ == "sgd_step"
    assert "sdg_step" not in homework


def test_training_halves_the_learning_rate_when_the_loss_rises(
    homework: Namespace, capsys: pytest.CaptureFixture[str]
) -> None:
    np.random.seed(0)
    model = homework["RNN"](10, 8)
    homework["train_with_sgd"](
        model,
        homework["X_train"][:4],
        homework["y_train"][:4],
        4.0,
        nepoch=3,
        evaluate_loss_after=1,
    )
    assert "Setting learning rate to 2.000000" in capsys.readouterr().out


def test_the_text_names_the_largest_product_and_the_loss_that_is_differentiated(
    cells: dict[str, Any],
) -> None:
    assert "the recurrent product is the largest" in cells["forward-intro"].source
    assert "gradient of the summed loss" in cells["gradient"].source


def test_the_contributions_follow_the_truncation_rule(homework: Namespace, run: Run) -> None:
    rows = run(homework, "truncation-numbers").splitlines()
    assert rows[0].endswith("together 14")
    assert rows[2].endswith("[1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]  together 39")
    assert rows[-1].endswith("together 105")
