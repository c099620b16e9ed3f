"""A sweep runs each task once, here or on Dask, and writes results as they come."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster
from typer.testing import CliRunner

from experiments import sweep
from experiments.sweep import RESULT, Outcome, Task, finished, run_sweep, tasks
from gtnlab.cli import app
from gtnlab.curriculum import Curriculum
from gtnlab.errors import GtnError
from gtnlab.evaluation.report import Report
from gtnlab.learner import LEARNERS


def small(out: Path) -> list[Task]:
    """The three variants of `class`, cut down to be quick."""
    return [
        dataclasses.replace(
            task, config=dataclasses.replace(task.config, steps=2, batch=10, snapshots=2)
        )
        for task in tasks("class", out, outer_steps=2, device="cpu")
    ]


def scores(task: Task) -> list[Any]:
    rows = json.loads((task.folder / RESULT).read_text())["rows"]
    return [row["accuracy"] for row in rows]


@pytest.fixture
def scheduler(mnist_root: Path) -> Iterator[str]:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def test_nine_are_three_experiments_in_three_variants_for_each_seed(tmp_path: Path) -> None:
    found = tasks("nine", tmp_path, seeds=2)
    assert len(found) == len({task.folder for task in found}) == 18
    assert {(t.config.name, t.config.variant) for t in found} == {
        (name, variant) for name in "ABC" for variant in ("learned", "random_fixed", "random")
    }
    assert {task.config.seed for task in found} == {0, 1}


def test_everything_is_the_papers_size_our_nine_and_the_replications_with_either_teacher(
    tmp_path: Path,
) -> None:
    configs = [task.config for task in tasks("full", tmp_path, seeds=2)]
    assert len(configs) == len({config.recording for config in configs}) == 70
    assert {(c.name, c.teacher) for c in configs} == {
        *((name, "small") for name in ("paper", *"ABC")),
        *((f"{name}_pixels", "pixels") for name in ("paper", *"ABC")),
        ("family", "pixels"),
        *((f"seed_{name}", teacher) for name in "ABC" for teacher in ("seed", "lean")),
    }
    assert configs[0].images == 32 * 128


def test_the_ways_to_inference_differ_in_norm_and_outer_path_and_share_one_budget(
    tmp_path: Path,
) -> None:
    configs = [task.config for task in tasks("inference", tmp_path, outer_steps=3)]
    ways = {(LEARNERS[c.learner].norm, c.outer_path) for c in configs}
    assert len(ways) == len(configs) == 5
    assert {way[0] for way in ways} == {"batch", "group", "layer", "none"}
    assert ("batch", "inference") in ways
    shared = [
        {k: v for k, v in c.to_dict().items() if k not in ("learner", "outer_path")}
        for c in configs
    ]
    assert all(each == shared[0] for each in shared)
    assert shared[0]["outer_steps"] == 3
    assert len({LEARNERS[c.learner].filters for c in configs}) == 1


def test_a_sweep_runs_on_a_dask_cluster_as_it_does_here_and_is_not_run_twice(
    tmp_path: Path, scheduler: str
) -> None:
    here, there = small(tmp_path / "here"), small(tmp_path / "there")
    written: list[bool] = []
    run_sweep(here, learners=2, on_outcome=lambda o: written.append(finished(o.task)))
    assert written == [True] * 3
    run_sweep(there, scheduler=scheduler, learners=2)
    for one, other in zip(here, there, strict=True):
        assert scores(one) == scores(other)
        curriculum = Curriculum.load(other.folder / "curriculum.npz")
        assert curriculum.provenance["config"]["variant"] == other.config.variant
    assert all(finished(task) for task in there)


def test_several_runs_at_once_on_this_machine_give_what_one_after_the_other_gives(
    tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, together = small(tmp_path / "alone")[:2], small(tmp_path / "together")[:2]
    run_sweep(alone, learners=2)
    # The processes must be others, or this stub would be met.
    monkeypatch.setattr(sweep, "run_experiment", None)
    outcomes = run_sweep(together, jobs=2, learners=2)
    assert [outcome.failure for outcome in outcomes] == [None, None]
    for one, other in zip(alone, together, strict=True):
        assert scores(one) == scores(other)
    assert run_sweep([], jobs=2) == []


def test_jobs_and_a_scheduler_exclude_each_other() -> None:
    both = ["sweep", "class", "--jobs", "2", "--scheduler", "tcp://127.0.0.1:9"]
    found = CliRunner().invoke(app, both)
    assert found.exit_code == 2
    assert "give one" in found.output


def test_a_budget_leaves_out_what_would_not_fit_and_runs_the_rest(
    tmp_path: Path, mnist_root: Path
) -> None:
    first, long, last = small(tmp_path)
    long = dataclasses.replace(long, config=dataclasses.replace(long.config, outer_steps=10**7))
    outcomes = run_sweep([first, long, last], learners=2, budget=600)
    assert [outcome.failure for outcome in outcomes] == [None] * 3
    assert [outcome.report is not None for outcome in outcomes] == [True, False, True]
    assert outcomes[1].seconds_needed is not None
    assert outcomes[1].seconds_needed > 600
    assert not long.folder.exists()
    result = CliRunner().invoke(
        app,
        ["sweep", "class", "--outer-steps", "10000000", "--budget", "600", "--device", "cpu",
         "--out", str(tmp_path / "cli")],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.output.count("left out: class-") == 3


def test_a_task_that_fails_while_it_is_timed_is_an_outcome_and_the_others_go_on(
    tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, _ = small(tmp_path)
    real = sweep.seconds_needed

    def no_memory_for_one(task: Task) -> float:
        if task is first:
            raise RuntimeError("CUDA out of memory")
        return real(task)

    monkeypatch.setattr(sweep, "seconds_needed", no_memory_for_one)
    failed, ran = run_sweep([first, second], learners=1, budget=600)
    assert failed.failure == "RuntimeError: CUDA out of memory"
    assert ran.report is not None


def test_a_budget_counts_only_the_steps_that_an_interrupted_task_still_needs(
    tmp_path: Path, mnist_root: Path
) -> None:
    task = small(tmp_path)[0]
    run_sweep([task], learners=1)
    assert sweep.seconds_needed(task) == 0


def test_a_budget_is_for_one_run_after_the_other() -> None:
    found = CliRunner().invoke(app, ["sweep", "nine", "--budget", "60", "--jobs", "2"])
    assert found.exit_code == 2
    assert "leave --jobs" in found.output


def test_a_task_that_fails_is_an_outcome_and_the_others_go_on(
    tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    todo = small(tmp_path)
    real = sweep.run_experiment

    def no_memory_for_one(config: Any, folder: Path, **options: Any) -> Curriculum:
        if config.variant == "random_fixed":
            raise RuntimeError("CUDA out of memory")
        return real(config, folder, **options)

    monkeypatch.setattr(sweep, "run_experiment", no_memory_for_one)
    outcomes = run_sweep(todo, learners=2)
    assert [outcome.failure for outcome in outcomes] == [
        None,
        "RuntimeError: CUDA out of memory",
        None,
    ]
    assert [finished(task) for task in todo] == [True, False, True]


def test_an_interrupted_task_goes_on_from_its_checkpoint(
    tmp_path: Path, mnist_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = small(tmp_path)[0]
    seen: list[bool] = []
    real = sweep.run_experiment

    def spy(config: Any, folder: Path, **options: Any) -> Curriculum:
        seen.append(options["resume"])
        return real(config, folder, **options)

    monkeypatch.setattr(sweep, "run_experiment", spy)
    run_sweep([task], learners=1)
    (task.folder / RESULT).unlink()
    assert run_sweep([task], learners=1)[0].failure is None
    assert seen == [False, True]


def test_a_result_of_other_settings_is_not_taken_for_this_one(
    tmp_path: Path, mnist_root: Path
) -> None:
    task = small(tmp_path)[0]
    run_sweep([task], learners=1)
    other = dataclasses.replace(task, config=dataclasses.replace(task.config, real_batch=7))
    with pytest.raises(GtnError, match=r"other settings \(real_batch\)"):
        finished(other)
    (task.folder / RESULT).write_text("{")
    with pytest.raises(GtnError, match="delete it"):
        finished(task)


def test_a_scheduler_that_does_not_answer_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "CONNECT_SECONDS", 1)
    with pytest.raises(GtnError, match=r"127\.0\.0\.1:9.*dask scheduler"):
        run_sweep(small(tmp_path), scheduler="tcp://127.0.0.1:9")
    assert list(tmp_path.iterdir()) == []


def test_a_result_is_both_a_curriculum_and_a_report(tmp_path: Path, mnist_root: Path) -> None:
    task = small(tmp_path)[2]
    (outcome,) = run_sweep([task], learners=2)
    assert isinstance(outcome, Outcome)
    assert Report.load(task.folder / RESULT).provenance["learners"] == 2
    assert Curriculum.load(task.folder / "curriculum.npz").steps == 2
