"""Runs side by side in a browser: parameters, metrics and pictures in MLflow's SQLite store.

`gtnlab train --track` finds it through the entry point `gtnlab.trackers`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from gtnlab.curriculum import Curriculum
from gtnlab.errors import GtnError
from gtnlab.experiments import ExperimentConfig
from gtnlab.explorer.picture import draw
from gtnlab.training.outer_loop import StepState

STORE = Path("mlflow.db")
EXPERIMENT = "gtnlab"


class Tracker:
    """Tells the store of the run that is active in MLflow; `show` is the command to look at it."""

    show = f"mlflow ui --backend-store-uri sqlite:///{STORE}"

    def step(self, state: StepState) -> None:
        """Log the metrics of one outer step; the learned rates as their mean."""
        import mlflow

        metrics = {
            "outer_loss": state.outer_loss,
            "train_accuracy": state.accuracy,
            "mean_lr": float(state.lr.mean()),
            "mean_momentum": float(state.momentum.mean()),
            "seconds": state.seconds,
        }
        mlflow.log_metrics(metrics, step=state.outer_step)

    def finish(self, curriculum: Curriculum) -> None:
        """Log the judged accuracies of every snapshot, and the last one's picture."""
        import mlflow

        for outer_step, judged in zip(curriculum.outer_step, curriculum.accuracy, strict=True):
            metrics = {
                f"{order}.{measure}": float(judged[row, column, -1])
                for row, order in enumerate(curriculum.orders)
                for column, measure in enumerate(curriculum.measures)
            }
            mlflow.log_metrics(metrics, step=int(outer_step))
        mlflow.log_figure(draw(curriculum), "curriculum.png", save_kwargs={"dpi": 110})


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
        import mlflow
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise GtnError(
            "Tracking needs MLflow, which is not installed: pip install mlflow, or leave --track "
            "out."
        ) from error
    from sqlalchemy.exc import SQLAlchemyError

    mlflow.set_tracking_uri(f"sqlite:///{store.absolute()}")
    try:
        if mlflow.get_experiment_by_name(EXPERIMENT) is None:
            pictures = store.absolute().parent / "mlruns"
            mlflow.create_experiment(EXPERIMENT, artifact_location=pictures.as_uri())
        mlflow.set_experiment(EXPERIMENT)
        with mlflow.start_run(run_name=run_directory.name):
            mlflow.log_params(config.to_dict())
            yield Tracker()
    except (MlflowException, SQLAlchemyError) as error:
        raise GtnError(
            f"MLflow's store {store} could not be used: {str(error).splitlines()[0]}. Free some "
            f"disk space, move {store} away, or leave --track out."
        ) from error
