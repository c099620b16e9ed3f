"""Architecture search ranks by a few steps and says how far that agrees with full training."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scipy import stats

from gtnlab.curriculum import Curriculum
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.evaluation.architecture_search import Candidate, Search, search

FULL = {"fc32": 0.97, "conv16k5s2g3": 0.99, "fc64x32_tanh": 0.98}


def test_a_search_measures_every_architecture_twice_and_is_reproducible(
    curriculum: Curriculum, train_digits: Digits, tmp_path: Path
) -> None:
    ticks: list[tuple[int, int]] = []

    def once() -> Search:
        return search(
            curriculum,
            train_digits,
            FULL,
            learners=1,
            held_out=50,
            on_candidate=lambda done, total: ticks.append((done, total)),
        )

    found = once()
    assert {candidate.name: candidate.full for candidate in found.candidates} == FULL
    assert found.candidates == sorted(found.candidates, key=lambda c: -c.full)
    assert len({candidate.generated for candidate in found.candidates}) > 1
    assert ticks == [(1, 3), (2, 3), (3, 3)]
    assert once().candidates == found.candidates
    found.save(tmp_path / "search.json")
    saved = json.loads((tmp_path / "search.json").read_text())
    assert saved["spearman"]["generated"][0] == pytest.approx(found.correlation("generated")[0])
    assert saved["provenance"]["held_out"] == 50
    assert Search.load(tmp_path / "search.json").candidates == found.candidates
    (tmp_path / "search.json").write_text('{"candidates": [{}]}')
    with pytest.raises(GtnError, match=r"search\.json is not a readable search"):
        Search.load(tmp_path / "search.json")


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


def test_too_few_architectures_are_refused(curriculum: Curriculum, train_digits: Digits) -> None:
    with pytest.raises(GtnError, match="at least 3 architectures"):
        search(curriculum, train_digits, {"mlp": 0.98, "wide": 0.99})
