"""A homework goes round through nbgrader's exchange by commands, between accounts of the system."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

FILE = "rnn-bptt/rnn_bptt.ipynb"
NBGRADER = "/opt/unrolled/bin/nbgrader"
# What the hub gives to the terminals of a student's server.
SETTINGS = "/srv/jupyterhub/settings"
AS_STUDENT = f"export JUPYTER_CONFIG_PATH={SETTINGS}/students:{SETTINGS}/everyone;"
Answers = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def round_trip(machine: Any, answers: Answers) -> dict[str, str]:
    """Every command of a round, in order, with what it wrote."""
    said = {}

    def student(command: str) -> None:
        said[command] = machine.do("student", f"{AS_STUDENT} {NBGRADER} {command}")

    def grader(command: str) -> None:
        said[command] = machine.do("grader-unrolled", f"cd course && {NBGRADER} {command}")

    grader("generate_assignment rnn-bptt")
    grader("release_assignment rnn-bptt")
    student("fetch_assignment rnn-bptt")
    notebook = json.loads(machine.do("student", f"cat {FILE}"))
    given = answers("no_tanh_derivative")
    for cell in notebook["cells"]:
        grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = given.get(grade_id, cell["source"])
    machine.do("student", f"cat > {FILE}", json.dumps(notebook))
    student(f"validate {FILE}")
    student("submit rnn-bptt")
    grader("collect rnn-bptt")
    grader("autograde rnn-bptt")
    grader("generate_feedback rnn-bptt")
    grader("release_feedback rnn-bptt")
    student("fetch_feedback rnn-bptt")
    return said


def test_validating_names_the_checks_that_fail(round_trip: dict[str, str]) -> None:
    # Two gradients, the challenge, and two questions without an answer.
    assert "VALIDATION FAILED ON 5 CELL(S)!" in round_trip[f"validate {FILE}"]


def test_the_submission_is_collected_under_the_students_account_name(
    machine: Any, round_trip: dict[str, str]
) -> None:
    owner = machine.do("root", f"stat --format=%U ~grader-unrolled/course/submitted/student/{FILE}")
    assert owner.strip() == "grader-unrolled"
    assert "Collecting submission: student rnn-bptt" in round_trip["collect rnn-bptt"]


def test_the_feedback_that_comes_back_names_the_mistake(
    machine: Any, round_trip: dict[str, str]
) -> None:
    page = machine.do("student", "cat rnn-bptt/feedback/*/rnn_bptt.html")
    assert "4 of 18 points" in page
    assert "the derivative of tanh" in page


@pytest.mark.parametrize(
    "command",
    [
        "ls ~grader-unrolled/course/source",
        "cat ~grader-unrolled/course/gradebook.db",
        "ls /srv/nbgrader/exchange/unrolled/inbound",
        "ls /srv/nbgrader/exchange/unrolled/feedback",
        "touch /srv/nbgrader/exchange/unrolled/outbound/rnn-bptt/rnn_bptt.ipynb",
        "touch /srv/jupyterhub/jupyterhub_config.py",
        "ls ~instructor",
    ],
)
def test_a_student_can_neither_read_nor_change_what_is_not_theirs(
    machine: Any, round_trip: dict[str, str], command: str
) -> None:
    refused = machine.run("student", command)
    assert refused.returncode != 0
    assert "Permission denied" in refused.stderr
