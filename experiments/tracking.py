"""Runs side by side in a browser: parameters, metrics and pictures in MLflow's SQLite store.

`gtnlab train --track` finds it through the entry point `gtnlab.trackers`.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gtnlab.curriculum import Curriculum
from gtnlab.errors import GtnError
from gtnlab.experiments import ExperimentConfig
from gtnlab.training.meta_training import StepState

__all__ = ["STORE", "Tracker", "tracked"]

STORE = Path("mlflow.db")
EXPERIMENT = "gtnlab"


class Tracker:
    """One run in the store."""

    def __init__(self, client: Any, run: str) -> None:
        self._client, self._run = client, run
        self.show = f"mlflow ui --backend-store-uri sqlite:///{STORE}"
        """The command that shows what was recorded."""

    def step(self, state: StepState) -> None:
        """Log the metrics of one outer step; the learned rates as their mean."""
        self._log(
            state.outer_step,
            outer_loss=state.outer_loss,
            train_accuracy=state.accuracy,
            mean_lr=float(state.lr.mean()),
            mean_momentum=float(state.momentum.mean()),
            seconds=state.seconds,
        )

    def finish(self, curriculum: Curriculum) -> None:
        """Log the judged accuracies of every snapshot, and the last one's picture."""
        from gtnlab.explorer.picture import draw, save_picture

        for index, outer_step in enumerate(curriculum.outer_step):
            self._log(
                int(outer_step),
                **{
                    f"{order}.{measure}": float(curriculum.accuracy[index, row, column, -1])
                    for row, order in enumerate(curriculum.orders)
                    for column, measure in enumerate(curriculum.measures)
                },
            )
        with tempfile.TemporaryDirectory() as scratch:
            picture = Path(scratch) / "curriculum.png"
            save_picture(draw(curriculum), picture)
            self._client.log_artifact(self._run, str(picture))

    def _log(self, step: int, **metrics: float) -> None:
        for key, value in metrics.items():
            self._client.log_metric(self._run, key, value, step=step)


@contextlib.contextmanager
def tracked(
    config: ExperimentConfig, run_directory: Path, *, store: Path = STORE
) -> Iterator[Tracker]:
    """A tracker for one run, which is marked failed if the block raises.

    Args:
        config: logged as the run's parameters.
        run_directory: gives the run its name.
        store: the SQLite file; pictures go to ``mlruns`` beside it.

    Raises:
        GtnError: MLflow is not installed, or its store cannot be written to.
    """
    # MLflow counts its users over the network unless told otherwise before its import.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise GtnError(
            "Tracking needs MLflow, which is not installed: pip install mlflow, or leave --track "
            "out."
        ) from error
    from sqlalchemy.exc import SQLAlchemyError

    try:
        client = MlflowClient(tracking_uri=f"sqlite:///{store.absolute()}")
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = (
            found.experiment_id
            if found
            else client.create_experiment(
                EXPERIMENT, artifact_location=(store.absolute().parent / "mlruns").as_uri()
            )
        )
        run = client.create_run(experiment, run_name=run_directory.name).info.run_id
        for key, value in config.to_dict().items():
            client.log_param(run, key, value)
        try:
            yield Tracker(client, run)
        except BaseException:
            client.set_terminated(run, "FAILED")
            raise
        client.set_terminated(run)
    except (MlflowException, SQLAlchemyError) as error:
        raise GtnError(
            f"MLflow's store {store} could not be used: {str(error).splitlines()[0]}. Free some "
            f"disk space, move {store} away, or leave --track out."
        ) from error
