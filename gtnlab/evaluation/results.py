"""The list of results: what each recorded run reached, one plain row for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gtnlab.curriculum import Curriculum, Measure, Order
from gtnlab.errors import GtnError
from gtnlab.evaluation.judging import MIN_LEARNERS, Scores
from gtnlab.evaluation.report import Report
from gtnlab.experiments import ExperimentConfig
from gtnlab.files import explained, written_whole


def result(curriculum: Curriculum, report: Report) -> dict[str, Any]:
    """A run's row; accuracies in per cent of test digits.

    Raises:
        GtnError: the report has too few learners for a result.
    """
    facts = curriculum.provenance
    config = ExperimentConfig(**facts["config"])
    if report.provenance["learners"] < MIN_LEARNERS:
        raise GtnError(
            f"{report.provenance['learners']} learners are too few for a result: evaluate with "
            f"--learners {MIN_LEARNERS}."
        )

    def found(order: Order, measure: Measure) -> Scores:
        return next(
            row.scores[measure]
            for row in report.own
            if row.taught == "generated" and row.order == order
        )

    inference = found("ordered", "inference")
    return {
        "name": config.recording,
        "experiment": config.title,
        "teacher": config.teacher,
        "variant": config.variant,
        "images": config.images,
        "steps": config.steps,
        "outer_steps": facts["outer_steps"],
        "learner": config.learner,
        "inference": _per_cent(inference.mean),
        "margin": _per_cent(inference.margin),
        "batch_statistics": _per_cent(found("ordered", "batch-statistics").mean),
        "shuffled": _per_cent(found("steps-shuffled", "inference").mean),
        "cpu_seconds": facts.get("cpu_seconds"),
        "seed": config.seed,
    }


def add_result(path: Path, row: dict[str, Any]) -> None:
    """Put a row into the list in a file, in place of the run's earlier one.

    Raises:
        GtnError: the file holds no such list, or cannot be written.
    """
    rows: list[dict[str, Any]] = []
    if path.is_file():
        with explained(path, "no list of results", "restore it, or name another file"):
            rows = [each for each in json.loads(path.read_text()) if each["name"] != row["name"]]
    rows = sorted([*rows, row], key=lambda each: str(each["name"]))
    with written_whole(path) as scratch:
        scratch.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


def _per_cent(share: float) -> float:
    return round(100 * share, 2)
