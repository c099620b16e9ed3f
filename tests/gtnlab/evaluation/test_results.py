"""The list of results has one row for each run, and what the evaluation found in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gtnlab.curriculum import Curriculum
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation.report import report
from gtnlab.evaluation.results import add_result, result
from gtnlab.experiments import experiment


@pytest.fixture(scope="module")
def row(curriculum: Curriculum, train_digits: Digits, test_digits: Digits) -> dict[str, object]:
    config = experiment("B", variant="random_fixed", seed=3, learner="mlp", learned_scales=False)
    facts = {**curriculum.provenance, "config": config.to_dict(), "outer_steps": 7}
    made = replace(curriculum, provenance={**facts, "cpu_seconds": 1.5})
    found = report(made, test_digits, train_digits, transfer=(), baselines=())
    row = result(made, found)
    values = found.own[0].scores["inference"]
    assert row["inference"] == pytest.approx(100 * values.mean, abs=0.006)
    assert row["margin"] == pytest.approx(100 * values.margin, abs=0.006)
    return row


def test_a_row_says_what_was_run_and_what_it_reached(row: dict[str, object]) -> None:
    assert row["name"] == "B_random_fixed_seed3"
    assert (row["experiment"], row["variant"], row["seed"]) == ("B", "random_fixed", 3)
    assert (row["images"], row["steps"], row["outer_steps"]) == (320, 10, 7)
    assert row["cpu_seconds"] == 1.5
    assert row["batch_statistics"] == row["inference"]
    assert row["shuffled"] != row["inference"]


def test_a_run_that_is_judged_again_replaces_its_row(
    tmp_path: Path, row: dict[str, object]
) -> None:
    path = tmp_path / "results.json"
    add_result(path, row)
    add_result(path, {**row, "name": "A_learned"})
    add_result(path, {**row, "inference": 99.0})
    rows = json.loads(path.read_text())
    assert [(each["name"], each["inference"]) for each in rows] == [
        ("A_learned", row["inference"]),
        ("B_random_fixed_seed3", 99.0),
    ]


def test_a_file_that_is_no_list_of_results_stays_as_it_is(
    tmp_path: Path, row: dict[str, object]
) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"name": 1}')
    with pytest.raises(GtnError, match=r"results\.json is no list of results"):
        add_result(path, row)
    assert path.read_text() == '{"name": 1}'
