"""The command: a whole round works, errors are sentences with a status, help is quick."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from gtnlab.cli import app
from gtnlab.curriculum import Curriculum

COMMANDS = ("train", "evaluate", "draw", "sweep", "search")


def gtnlab(*words: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mnist_root: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


LIST = "results.json"


def test_a_round_of_train_evaluate_draw_leaves_its_files_and_says_where(here: Path) -> None:
    trained = gtnlab("train", "class", "--outer-steps", "3")
    assert trained.exit_code == 0, trained.output
    run = here / "runs" / "class"
    assert files(run) == {"config.json", "metrics.jsonl", "checkpoint.pt", "curriculum.npz"}
    assert files(here) == {"runs"}, "nothing is tracked unless asked for"
    assert "3 outer steps" in trained.output
    assert "batch-statistics" in trained.output
    assert "inference" in trained.output
    curriculum = Curriculum.load(run / "curriculum.npz")
    assert curriculum.images.shape[1:] == (10, 32, 28, 28)
    assert curriculum.provenance["source"] == "mnist"
    assert curriculum.provenance["outer_steps"] == 3

    judged = gtnlab("evaluate", run, "--learners", "2", "--no-transfer")
    assert judged.exit_code == 0, judged.output
    rows = json.loads((run / "evaluation.json").read_text())["rows"]
    assert len(rows) == 7
    assert all(set(row["accuracy"]) == {"batch-statistics", "inference"} for row in rows)
    for word in ("ordered", "reversed", "real-kmeans", "360 test images"):
        assert word in judged.output

    few = gtnlab(
        "evaluate", run, "--learners", "2", "--no-transfer", "--no-real", "--results", LIST
    )
    assert few.exit_code == 1
    assert "--learners 10" in few.output
    assert not (here / LIST).exists()

    drawn = gtnlab("draw", run, "--out", here / "page.png")
    assert drawn.exit_code == 0, drawn.output
    picture = matplotlib.image.imread(here / "page.png")
    assert min(picture.shape[:2]) > 400
    assert np.unique(picture.reshape(-1, 4), axis=0).shape[0] > 50


def test_tracking_where_only_the_students_package_is_says_what_to_do(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gtnlab.cli.entry_points", lambda group: ())
    tried = gtnlab("train", "class", "--outer-steps", "2", "--track")
    assert tried.exit_code == 1
    assert "leave --track out" in tried.output


def test_a_run_is_not_overwritten_and_can_be_resumed(here: Path) -> None:
    assert gtnlab("train", "class", "--outer-steps", "2").exit_code == 0
    again = gtnlab("train", "class", "--outer-steps", "2")
    assert again.exit_code == 1
    assert "--resume" in again.output
    assert gtnlab("train", "class", "--outer-steps", "2", "--resume").exit_code == 0


def test_a_random_teacher_is_judged_by_fresh_drawings(here: Path) -> None:
    assert gtnlab("train", "class", "--variant", "random", "--outer-steps", "2").exit_code == 0
    run = here / "runs" / "class-random"
    scores = []
    for target in (run, run / "curriculum.npz"):
        judged = gtnlab(
            "evaluate", target, "--learners", "2", "--no-transfer", "--no-real", "--out", here
        )
        assert judged.exit_code == 0, judged.output
        rows = json.loads((here / "evaluation.json").read_text())["rows"]
        scores.append(rows[0]["accuracy"]["inference"]["values"])
    assert scores[0] != scores[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "clas"), "Did you mean 'class'?"),
        (("train", "class", "--variant", "learnt"), "random_fixed"),
        (("train", "class", "--teacher", "huge"), "lean"),
        (("train", "class", "--learner", "resnet"), "seed_cnn"),
        (("train", "class", "--outer-steps", "0"), "outer_steps must be at least 1"),
        (("train", "class", "--seconds", "0"), "above 0"),
        (("train", "class", "--seed", "-1"), "--seed"),
        (("train", "class", "--device", "tpu"), "cuda"),
        (("train",), "NAME"),
        (("evaluate", "runs/class", "--learners", "0"), "--learners"),
        (("sweep", "ten"), "nine"),
        (("sweep", "nine", "--seeds", "0"), "--seeds"),
        (("draw", "some.npz", "--out", "some.doc"), ".png"),
        (("teach",), "teach"),
    ],
)
def test_a_usage_error_ends_with_status_2_and_names_the_way_out(
    here: Path, words: tuple[str, ...], said: str
) -> None:
    result = gtnlab(*words)
    assert result.exit_code == 2, result.output
    assert said in result.output
    assert "Traceback" not in result.output
    assert files(here) == set()


@pytest.mark.parametrize("command", [("evaluate",), ("draw",), ("search",)])
def test_a_missing_or_damaged_curriculum_ends_with_status_1(
    here: Path, command: tuple[str, ...]
) -> None:
    missing = gtnlab(*command, "runs/none")
    assert missing.exit_code == 1
    assert "gtnlab train class" in missing.output
    (here / "bad.npz").write_bytes(b"PK\x03\x04 and then nothing")
    damaged = gtnlab(*command, "bad.npz")
    assert damaged.exit_code == 1
    assert "damaged or was cut short" in damaged.output


@pytest.mark.parametrize(
    "words",
    [("train", "class"), ("evaluate", "runs/x"), ("search", "runs/x")],
    ids=lambda words: words[0],
)
def test_a_gpu_that_is_asked_for_and_not_there_is_said_so(
    here: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = gtnlab(*words, "--device", "cuda")
    assert result.exit_code == 1
    assert "nvidia-smi" in result.output


def test_a_full_disk_while_recording_keeps_the_earlier_curriculum(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gtnlab("train", "class", "--outer-steps", "2").exit_code == 0
    recorded = here / "runs" / "class" / "curriculum.npz"
    before = recorded.read_bytes()

    def full(file: Any, **_: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    result = gtnlab("train", "class", "--outer-steps", "2", "--resume")
    assert result.exit_code == 1
    assert "No space left on device" in result.output
    assert "Free some disk space" in result.output
    assert recorded.read_bytes() == before
    assert not [name for name in files(recorded.parent) if name.startswith(".")]


def test_help_teaches_and_does_not_wait_for_torch() -> None:
    listed = gtnlab("--help").output
    assert all(command in listed for command in COMMANDS)
    assert "gtnlab train class" in listed
    for command in COMMANDS:
        assert f"gtnlab {command} " in gtnlab(command, "--help").output.split("For example")[1]
    check = "import sys, gtnlab.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
