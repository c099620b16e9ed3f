"""Recorded curricula with their evaluations, in the order in which they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gtnlab.curriculum import Curriculum, Measure
from gtnlab.errors import GtnError
from gtnlab.evaluation.judging import Scores
from gtnlab.evaluation.report import Report, Row
from gtnlab.experiments import EXPERIMENTS, ExperimentConfig
from gtnlab.explorer.recordings import names

__all__ = ["LABELS", "Result", "by_experiment", "load_results"]

LABELS = {
    "learned": "learned",
    "random_fixed": "random, fixed",
    "random": "random",
    "inference": "learned, for inference",
}
"""The kinds of result in words: the variants, and a teacher that was trained for inference."""


@dataclass(frozen=True)
class Result:
    """One recorded curriculum and its evaluation."""

    name: str
    config: ExperimentConfig
    curriculum: Curriculum
    report: Report

    @property
    def kind(self) -> str:
        """Its variant, or that its teacher was trained for inference: a key of ``LABELS``."""
        return "inference" if self.config.outer_path == "inference" else self.config.variant

    @property
    def experiment(self) -> str:
        """What results are grouped by: the experiment, told apart by its teacher."""
        return self.config.title

    @property
    def label(self) -> str:
        """Its kind in words, and its seed if it is not the first."""
        return LABELS[self.kind] + (f", seed {self.config.seed}" if self.config.seed else "")

    def row(self, order: str) -> Row:
        """What the teacher's own learner scored with its lesson in this order.

        Raises:
            GtnError: the evaluation has no such row.
        """
        for row in self.report.own:
            if row.taught == "generated" and row.order == order:
                return row
        raise GtnError(
            f"The evaluation of {self.name} has no row {order!r}. Judge it again with `gtnlab "
            "evaluate`, and publish it with `gtnlab publish`."
        )

    def scores(self, order: str, measure: Measure) -> Scores:
        """Of fresh learners, taught in this order."""
        return self.row(order).scores[measure]

    @property
    def minutes(self) -> float:
        """Wall time of the training."""
        return float(self.curriculum.provenance["seconds"]) / 60

    @property
    def outer_steps(self) -> int:
        """Outer steps done."""
        return int(self.curriculum.provenance["outer_steps"])


def load_results(folder: Path) -> list[Result]:
    """Every recorded curriculum of a folder that has an evaluation beside it.

    Sorted by experiment, as ``EXPERIMENTS`` has them, then teacher, kind and seed.

    Raises:
        GtnError: none has one, or a file cannot be read.
    """
    found = []
    for name in names(folder):
        evaluation = folder / f"{name}.json"
        if not evaluation.is_file():
            continue
        curriculum = Curriculum.load(folder / f"{name}.npz")
        try:
            config = ExperimentConfig(**curriculum.provenance["config"])
        except (KeyError, TypeError) as error:
            raise GtnError(
                f"{folder / name}.npz does not say how it was made ({error}). Record it again with "
                "`gtnlab train` and `gtnlab publish`."
            ) from error
        found.append(Result(name, config, curriculum, Report.load(evaluation)))
    if not found:
        raise GtnError(
            f"{folder} holds no evaluations (NAME.json). Run `gtnlab evaluate` on the run, then "
            "`gtnlab publish`."
        )
    place = [*EXPERIMENTS]
    return sorted(
        found,
        key=lambda r: (
            place.index(r.config.name) if r.config.name in place else len(place),
            r.experiment,
            [*LABELS].index(r.kind),
            r.config.seed,
        ),
    )


def by_experiment(results: list[Result]) -> dict[str, list[Result]]:
    """The results of each experiment, in order."""
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.experiment, []).append(result)
    return found
