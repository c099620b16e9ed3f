"""Answers that the misconceptions were not made from get their labels, as the benchmark counts."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "diagnosis.py"


@pytest.fixture(scope="module")
def benchmark_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("diagnosis_benchmark", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return module


def test_nine_of_ten_fresh_wrong_answers_are_labelled_and_none_is_called_right(
    benchmark_module: ModuleType,
) -> None:
    outcomes = benchmark_module.measure()
    assert len(outcomes) >= 160
    assert len({outcome.answer.exercise for outcome in outcomes}) == 9
    assert all(outcome.diagnoses for outcome in outcomes)
    missed = [outcome.answer.name for outcome in outcomes if not outcome.labelled]
    assert len(missed) <= 0.1 * len(outcomes), missed
