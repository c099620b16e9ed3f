"""With --track, a run's settings, metrics and picture can be found in MLflow's store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from experiments.tracking import tracked
from gtnlab.curriculum import Curriculum
from gtnlab.digits import Digits
from gtnlab.errors import GtnError
from gtnlab.experiments import experiment
from gtnlab.training.meta_training import train

CONFIG = experiment("class", steps=2, batch=10, outer_steps=2, device="cpu")


def runs(store: Path) -> Any:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{store}")
    found = client.get_experiment_by_name("gtnlab")
    assert found is not None
    return client, client.search_runs([found.experiment_id], order_by=["start_time ASC"])


def test_a_tracked_run_has_its_settings_metrics_and_picture_and_a_failed_one_says_so(
    tmp_path: Path, curriculum: Curriculum, train_digits: Digits
) -> None:
    store = tmp_path / "mlflow.db"
    with tracked(CONFIG, Path("runs/first"), store=store) as tracker:
        assert tracker is not None
        result = train(CONFIG, quiet=True, digits=train_digits, on_step=tracker.step, log_every=1)
        tracker.finish(curriculum)
    with (
        pytest.raises(GtnError, match="diverged"),
        tracked(CONFIG, Path("runs/second"), store=store),
    ):
        raise GtnError("the outer loss diverged")
    client, (first, second) = runs(store)
    assert (first.info.run_name, first.info.status) == ("first", "FINISHED")
    assert (second.info.run_name, second.info.status) == ("second", "FAILED")
    assert first.data.params["outer_steps"] == "2"
    assert first.data.params["variant"] == "learned"
    history = client.get_metric_history(first.info.run_id, "outer_loss")
    assert [metric.step for metric in history] == [1, 2]
    assert first.data.metrics["mean_lr"] == pytest.approx(float(result.rates()[0].detach().mean()))
    judged = client.get_metric_history(first.info.run_id, "ordered.inference")
    assert [metric.value for metric in judged] == pytest.approx(curriculum.accuracy[:, 0, 1, -1])
    assert [item.path for item in client.list_artifacts(first.info.run_id)] == ["curriculum.png"]
    assert (tmp_path / "mlruns").is_dir()


def test_without_mlflow_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with (
        pytest.raises(GtnError, match=r"pip install mlflow.*leave --track out"),
        tracked(CONFIG, Path("runs/x"), store=tmp_path / "m.db"),
    ):
        pytest.fail("should not get here")


def test_a_store_that_is_no_database_is_named(tmp_path: Path) -> None:
    store = tmp_path / "mlflow.db"
    store.write_text("this is not a database, but it is long enough to be looked at " * 20)
    with (
        pytest.raises(GtnError, match=r"mlflow\.db could not be used"),
        tracked(CONFIG, Path("runs/x"), store=store),
    ):
        pytest.fail("should not get here")
