"""A class is graded: every submission ends with a score or a reason, whatever happens meanwhile."""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import psutil
import pytest
from nbgrader.api import Gradebook as NbgraderGradebook

from autograder.errors import AutograderError
from autograder.recording.results import SubmissionResult
from autograder.scheduling.batch import Plan, chosen_students, grade_class
from autograder.scheduling.pools import local_pool, start_early

BIN = Path(sys.executable).parent
FULL = {"scale-values": 3.0, "scale-side-effects": 1.0, "total-values": 2.0, "total-parts": 4.0}


def grade(classroom: Any, **plan: Any) -> dict[str, SubmissionResult]:
    """Grade everybody; student to result, for those whose submission was graded now."""
    course, asked = classroom.course, Plan("sums", **{"jobs": 1, **plan})
    results = grade_class(course, asked, chosen_students(course, asked), lambda *_: None)
    return {result.student: result for result in results}


def code_scores(classroom: Any, student: str) -> dict[str, Any]:
    return {name: points for name, points in classroom.scores()[student].items() if name in FULL}


def notebook_with(classroom: Any, student: str, change: Any) -> None:
    """Hand in the right answers after `change(notebook)`."""
    path = classroom.hand_in(student)
    notebook = json.loads(path.read_bytes())
    change(notebook)
    path.write_text(json.dumps(notebook))


def cell_of(notebook: Any, name: str) -> Any:
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def test_every_bad_file_ends_with_a_reason_and_stops_nobody(classroom: Any) -> None:
    right = classroom.hand_in("zoe").read_bytes()
    bad = {
        "empty": b"",
        "truncated": right[: len(right) // 2],
        "latin": right.replace(b"Sums", "Sümmen".encode("latin-1")),
        "huge": right.replace(b"Because tanh", b"Because tanh " * 3_000_000),
        "binary": bytes(range(256)),
        "bomb": b"[" * 200_000 + b"]" * 200_000,
    }
    for student, data in bad.items():
        classroom.hand_in_file(student, data)
    classroom.hand_in_file("another", b'{"nbformat": 4, "cells": []}', "sums-final.ipynb")
    classroom.folder("nothing").mkdir(parents=True)
    classroom.folder("linked").parent.mkdir()
    classroom.folder("linked").symlink_to(classroom.folder("zoe"))
    results = grade(classroom, jobs=2)
    refused = {*bad, "another", "nothing", "linked"}
    assert {s for s, result in results.items() if result.status == "not gradable"} == refused
    assert results["zoe"].status == "graded"
    assert code_scores(classroom, "zoe") == FULL
    for student in refused:
        assert results[student].reason
        assert set(code_scores(classroom, student).values()) == {None}
        assert results[student].reason in classroom.graded(student).cells[0].source


def test_every_odd_notebook_is_graded_for_its_answers(classroom: Any) -> None:
    def old_format(notebook: Any) -> None:
        cells = [
            {**cell, "input": cell["source"], "language": "python"}
            if cell["cell_type"] == "code"
            else cell
            for cell in notebook["cells"]
        ]
        notebook.clear()
        notebook.update(nbformat=3, nbformat_minor=0, metadata={}, worksheets=[{"cells": cells}])

    def doubled(notebook: Any) -> None:
        at = notebook["cells"].index(cell_of(notebook, "total"))
        notebook["cells"].insert(at, {**cell_of(notebook, "total"), "source": "1 / 0", "id": "b"})

    def cheaper(notebook: Any) -> None:
        for name in FULL:
            cell_of(notebook, name)["metadata"]["nbgrader"]["points"] = 1000
            cell_of(notebook, name)["source"] = "pass"

    def without_metadata(notebook: Any) -> None:
        for cell in notebook["cells"]:
            cell["metadata"] = {"nbgrader": ["nonsense"]}

    changes = {
        "old": old_format,
        "doubled": doubled,
        "cheaper": cheaper,
        "plain": without_metadata,
        "julia": lambda n: n["metadata"].update(kernelspec={"name": "julia", "language": "julia"}),
        "reversed": lambda n: n["cells"].reverse(),
        "untested": lambda n: [n["cells"].remove(cell_of(n, name)) for name in FULL],
        "..odd id": lambda n: None,
    }
    for student, change in changes.items():
        notebook_with(classroom, student, change)
    classroom.hand_in_file("doubled", b"not a notebook", "extra.ipynb")
    results = grade(classroom, jobs=2)
    for student in changes:
        assert results[student].status == "graded", results[student]
        assert code_scores(classroom, student) == FULL, student
    assert "more than once" in results["doubled"].reason
    assert "scale-values was missing" in results["untested"].reason


def test_nbgrader_goes_on_from_the_result_feedback_and_export(classroom: Any) -> None:
    classroom.hand_in("ada")
    classroom.hand_in("bob", total="def total(numbers):\n    return 0")
    classroom.hand_in_file("cyd", b"")
    (classroom.folder("ada") / "data.txt").write_text("mine")
    grade(classroom)
    folder = classroom.root / "autograded" / "ada" / "sums"
    assert (folder / "data.txt").read_text() == "mine"
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    assert [path.name for path in folder.parent.iterdir()] == ["sums"]
    for command in (
        ["nbgrader", "generate_feedback", "sums", "--log-level=ERROR"],
        ["nbgrader", "export", "--log-level=ERROR"],
    ):
        subprocess.run(
            [BIN / command[0], *command[1:]], cwd=classroom.root, check=True, timeout=120
        )
    rows = (classroom.root / "grades.csv").read_text().splitlines()
    score = rows[0].split(",").index("score")
    assert {row.split(",")[3]: float(row.split(",")[score]) for row in rows[1:]} == {
        "ada": 10,
        "bob": 6,
        "cyd": 0,
    }
    for student in ("ada", "bob", "cyd"):
        page = (classroom.root / "feedback" / student / "sums" / "sums.html").read_text()
        assert "_expected_scale" not in page
        assert "HIDDEN TESTS" not in page
    assert "could not be graded" in page


def test_what_was_graded_and_has_not_changed_is_skipped(classroom: Any) -> None:
    for student in ("ada", "bob", "cyd", "dee"):
        classroom.hand_in(student)
    assert set(grade(classroom)) == {"ada", "bob", "cyd", "dee"}
    assert grade(classroom) == {}
    classroom.hand_in("ada", total="def total(numbers):\n    return 0")
    shutil.rmtree(classroom.root / "autograded" / "bob")
    with NbgraderGradebook(f"sqlite:///{classroom.root / 'gradebook.db'}", "unrolled") as book:
        book.remove_submission("sums", "cyd")
    assert set(grade(classroom)) == {"ada", "bob", "cyd"}
    assert code_scores(classroom, "ada")["total-values"] == 0
    assert set(grade(classroom, force=True, students=("dee",))) == {"dee"}


def test_a_regrade_that_fails_does_not_keep_the_old_score(classroom: Any) -> None:
    classroom.hand_in("ada")
    grade(classroom)
    assert code_scores(classroom, "ada") == FULL
    classroom.hand_in_file("ada", b"{")
    grade(classroom)
    assert set(code_scores(classroom, "ada").values()) == {None}
    with NbgraderGradebook(f"sqlite:///{classroom.root / 'gradebook.db'}", "unrolled") as book:
        comment = book.find_comment("scale", "sums", "sums", "ada").comment
    assert comment.startswith("Not graded: sums.ipynb is damaged")


def test_messages_that_no_file_and_no_database_can_hold_do_not_stop_the_batch(
    classroom: Any,
) -> None:
    classroom.hand_in(
        "ada",
        total="def total(numbers):\n    raise ValueError('\\ud800 \\x00 \\x1b[31m')",
        scale="print('\\udfff')\nModel.scale = lambda self, x, factor=1: '\\ud800'",
    )
    classroom.hand_in("bob")
    results = grade(classroom)
    assert {result.status for result in results.values()} == {"graded"}
    assert code_scores(classroom, "ada")["total-values"] == 0
    assert "?" in str(classroom.graded("ada").cells)


def test_a_fault_of_the_grader_costs_one_submission_and_is_said(
    classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autograder.scheduling import batch

    for student in ("ada", "bob"):
        classroom.hand_in(student)
    sound = batch.notebook_file

    def faulty(notebook: Any) -> bytes:
        told = notebook["metadata"]["autograder"]
        if told["student"] == "ada" and told["status"] == "graded":
            raise OverflowError("too much")
        return sound(notebook)

    monkeypatch.setattr(batch, "notebook_file", faulty)
    results = grade(classroom)
    assert results["ada"].status == "not gradable"
    assert "OverflowError: too much" in results["ada"].reason
    assert results["bob"].status == "graded"


def test_grading_without_a_sandbox_is_noted_in_the_gradebook(classroom: Any) -> None:
    classroom.hand_in("ada")
    results = grade(classroom, unsandboxed=True)
    assert not results["ada"].sandboxed
    with NbgraderGradebook(f"sqlite:///{classroom.root / 'gradebook.db'}", "unrolled") as book:
        comments = [
            c.comment for n in book.find_submission("sums", "ada").notebooks for c in n.comments
        ]
    assert any("without a sandbox" in comment for comment in comments if comment)


def test_two_graders_do_not_work_on_the_same_assignment(classroom: Any) -> None:
    classroom.hand_in("ada")
    course = classroom.course
    inside: list[Any] = []

    def second_grader(*_: object) -> None:
        with pytest.raises(AutograderError, match="Another"):
            grade(classroom)
        inside.append(True)

    grade_class(course, Plan("sums", jobs=1), ["ada"], second_grader)
    assert inside == [True]


def start_grading(classroom: Any, *options: str) -> subprocess.Popen[bytes]:
    command = [BIN / "autograder", "grade", "sums", "--quiet", *options]
    return subprocess.Popen(
        command, cwd=classroom.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def consistent(classroom: Any, student: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    """All of a student's scores are the old ones, or all are the new ones."""
    assert code_scores(classroom, student) in (old, new)


def test_killing_the_grader_at_any_moment_leaves_every_grade_old_or_new(classroom: Any) -> None:
    students = [f"s{number}" for number in range(4)]
    none = dict.fromkeys(FULL, 0.0)
    for student in students:
        classroom.hand_in(student, total="pass", scale="pass")
    grade(classroom, jobs=2)
    assert all(code_scores(classroom, student) == none for student in students)
    for student in students:
        classroom.hand_in(student)
    chance = random.Random(5)
    for _ in range(8):
        grader = start_grading(classroom, "--jobs=2", "--force")
        time.sleep(chance.uniform(0.1, 6.0))
        descendants = psutil.Process(grader.pid).children(recursive=True)
        grader.kill()
        grader.communicate()
        for student in students:
            consistent(classroom, student, none, FULL)
        _, alive = psutil.wait_procs(descendants, timeout=10)
        assert not alive, "a worker or a sandbox outlived its grader"
    grade(classroom, jobs=2)
    assert all(code_scores(classroom, student) == FULL for student in students)
    left = {path.name for s in students for path in (classroom.root / "autograded" / s).iterdir()}
    assert left == {"sums"}


def test_killing_between_grades_and_folder_is_made_good_by_the_next_run(
    classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom.hand_in("ada")
    grade(classroom)
    classroom.hand_in("ada", total="def total(numbers):\n    return 0")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("autograder.scheduling.batch.replace_folder", killed)
        with pytest.raises(KeyboardInterrupt):
            grade(classroom)
    assert classroom.result("ada").tests["total-values"][0] == 2
    assert set(grade(classroom)) == {"ada"}
    assert classroom.result("ada").tests["total-values"][0] == 0


def workers_of(grader: psutil.Process) -> list[psutil.Process]:
    """The local workers."""
    return [c for c in grader.children() if "multiprocessing.spawn" in " ".join(c.cmdline())]


SLOW = "import time\ntime.sleep(1)\n"


def test_a_local_worker_that_is_killed_loses_nothing(classroom: Any) -> None:
    for student in ("ada", "bob", "cyd"):
        classroom.hand_in(student, total=SLOW + "def total(numbers):\n    return sum(numbers)")
    grader = psutil.Process()
    killed: list[Any] = []

    def kill_a_worker(*_: object) -> None:
        if not killed:
            killed.append(workers_of(grader)[0])
            killed[0].kill()

    course = classroom.course
    results = grade_class(course, Plan("sums", jobs=2), ["ada", "bob", "cyd"], kill_a_worker)
    assert killed
    assert sorted(result.student for result in results) == ["ada", "bob", "cyd"]
    assert all(result.status == "graded" for result in results)
    assert all(code_scores(classroom, student) == FULL for student in ("ada", "bob", "cyd"))


FATAL = """\
import os, signal
from autograder.scheduling import worker

def grade(job):
    if job.submission.student == "bob":
        os.kill(os.getpid(), signal.SIGKILL)
    return worker.grade(job)
"""


def test_a_submission_that_ends_every_worker_is_given_up_and_the_others_are_graded(
    classroom: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in ("ada", "bob", "cyd"):
        classroom.hand_in(student)
    (tmp_path / "fatal_for_bob.py").write_text(FATAL)
    monkeypatch.syspath_prepend(str(tmp_path))
    fatal = importlib.import_module("fatal_for_bob")
    monkeypatch.setattr("autograder.scheduling.batch.grade", fatal.grade)
    results = grade(classroom, jobs=2)
    assert results["bob"].status == "not gradable"
    assert "ended twice" in results["bob"].reason
    assert {results["ada"].status, results["cyd"].status} == {"graded"}


@contextmanager
def dask_cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A real `dask scheduler` and `dask worker` processes, on this machine only."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    common = ["--no-dashboard", "--local-directory", str(folder)]
    worker = ["worker", address, "--nthreads=1", "--no-nanny", "--host=127.0.0.1", *common]
    scheduler = ["scheduler", "--host=127.0.0.1", f"--port={port}", "--no-dashboard"]
    processes = [
        subprocess.Popen([BIN / "dask", *arguments], cwd=folder, stderr=subprocess.DEVNULL)
        for arguments in (scheduler, *[worker] * workers)
    ]
    try:
        from distributed import Client

        with Client(address, timeout=60) as client:
            client.wait_for_workers(workers, timeout=60)
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def test_a_dask_worker_that_is_killed_loses_nothing(classroom: Any, tmp_path: Path) -> None:
    students = [f"s{number}" for number in range(5)]
    for student in students:
        classroom.hand_in(student, total=SLOW + "def total(numbers):\n    return sum(numbers)")
    graded: list[str] = []
    with dask_cluster(tmp_path, workers=2) as (address, workers):

        def kill_one(student: str, _results: object) -> None:
            if not graded:
                workers[0].kill()
            graded.append(student)

        results = grade_class(classroom.course, Plan("sums", scheduler=address), students, kill_one)
    assert sorted(graded) == students
    assert {result.status for result in results} == {"graded"}
    assert all(code_scores(classroom, student) == FULL for student in students)


def test_a_scheduler_that_does_not_answer_is_named(
    classroom: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    classroom.hand_in("ada")
    monkeypatch.setattr("autograder.scheduling.pools._CONNECT_SECONDS", 1)
    with pytest.raises(AutograderError, match=r"127\.0\.0\.1:1 .*dask scheduler"):
        grade(classroom, scheduler="tcp://127.0.0.1:1")


def test_the_graded_notebook_is_one_that_nbformat_accepts(classroom: Any) -> None:
    classroom.hand_in("ada")
    grade(classroom)
    notebook = classroom.graded("ada")
    assert notebook.nbformat == nbformat.current_nbformat
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.autograder["status"] == "graded"


def test_arrays_that_would_fill_the_machine_fail_the_test_and_not_the_worker() -> None:
    with local_pool(1, gc.collect) as pool:
        with pytest.raises(MemoryError):
            pool.submit(np.ones, (40_000, 40_000)).result()
        assert pool.submit(np.ones, 3).result().sum() == 3


def test_a_worker_that_was_started_early_is_the_pool_s_first_one() -> None:
    start_early(gc.collect)
    early = {worker.pid for worker in workers_of(psutil.Process())}
    with local_pool(1, gc.collect) as pool:
        assert {pool.submit(os.getpid).result()} == early
    with local_pool(1, gc.collect) as pool:
        assert pool.submit(os.getpid).result() not in early
