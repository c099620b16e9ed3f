"""Architecture search ranks by a few steps and says how far that agrees with full training."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from scipy import stats

from gtnlab.curriculum import Curriculum
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation.architecture_search import Candidate, Search, search, train_fully
from gtnlab.evaluation.baselines import split_off
from gtnlab.learner import FAMILY, members

NAMES = ("linear_none", "fc16_none", "conv8k3_batch")


def test_full_training_learns_and_a_single_step_does_not(
    train_digits: Digits, test_digits: Digits
) -> None:
    assert train_fully("fc128_none", train_digits, test_digits, 60, seed=0) > 0.85
    assert train_fully("fc128_none", train_digits, test_digits, 1, seed=0) < 0.6


def test_a_search_measures_every_architecture_three_ways_and_is_reproducible(
    curriculum: Curriculum, train_digits: Digits, test_digits: Digits, tmp_path: Path
) -> None:
    ticks: list[tuple[int, int]] = []

    def once() -> Search:
        return search(
            curriculum,
            train_digits,
            test_digits,
            names=NAMES,
            learners=1,
            full_steps=5,
            on_candidate=lambda done, total: ticks.append((done, total)),
        )

    found = once()
    assert {candidate.name for candidate in found.candidates} == set(NAMES)
    assert found.candidates == sorted(found.candidates, key=lambda c: -c.full)
    assert ticks == [(1, 3), (2, 3), (3, 3)]
    assert once().candidates == found.candidates
    for candidate in found.candidates:
        assert candidate.full == train_fully(
            candidate.name, split_off(train_digits)[0], test_digits, 5, 0
        )
    found.save(tmp_path / "search.json")
    saved = json.loads((tmp_path / "search.json").read_text())
    assert saved["spearman"]["generated"][0] == pytest.approx(found.correlation("generated")[0])
    assert saved["provenance"]["full"]["steps"] == 5


def test_a_family_teacher_ranks_only_what_it_was_not_trained_with(
    curriculum: Curriculum,
    train_digits: Digits,
    test_digits: Digits,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside = members("family")[0]
    few = {name: FAMILY[name] for name in (inside, *NAMES)}
    monkeypatch.setattr("gtnlab.evaluation.architecture_search.FAMILY", few)
    config = {**curriculum.provenance["config"], "learner": "family"}
    made = dataclasses.replace(curriculum, provenance={"config": config})
    found = search(made, train_digits, test_digits.thinned(50), learners=1, full_steps=2)
    assert {candidate.name for candidate in found.candidates} == set(NAMES)


def test_the_correlation_is_spearmans() -> None:
    generated, full = [0.3, 0.9, 0.5, 0.8], [0.91, 0.97, 0.95, 0.93]
    candidates = [
        Candidate(str(i), 1, g, 1 - f, f)
        for i, (g, f) in enumerate(zip(generated, full, strict=True))
    ]
    found = Search(candidates, {})
    # From the ranks 1 4 2 3 and 1 4 3 2: 1 − 6 · 2 / (4 · 15).
    assert found.correlation("generated")[0] == pytest.approx(0.8)
    assert found.correlation("real")[0] == pytest.approx(-1)
    assert found.correlation("generated")[1] == pytest.approx(stats.spearmanr(generated, full)[1])


def test_too_few_architectures_are_refused(
    curriculum: Curriculum, train_digits: Digits, test_digits: Digits
) -> None:
    with pytest.raises(GtnError, match="at least 3 architectures"):
        search(curriculum, train_digits, test_digits, names=NAMES[:2])
