"""A submission's time in the sandbox: the opening that a class shares, and patience that ends."""

from __future__ import annotations

import time
from typing import Any

import pytest

from autograder.protocol.errors import ProcessEnded
from autograder.protocol.limits import Limits
from autograder.sandbox.sandbox import Sandbox
from autograder.sandbox.session import Session

LIMITS = Limits(cell_seconds=20, call_seconds=1, submission_seconds=60)
OPENING = ("import time\nstarted = [time.time_ns()]", "print(started)")


@pytest.fixture(scope="module")
def impatient() -> Any:
    with Sandbox(LIMITS) as warm:
        yield warm


def text_of(session: Session, source: str) -> str:
    result = session.run_cell(source)
    assert result.ok, result.outputs
    return "".join(output["text"] for output in result.outputs)


def test_a_function_that_runs_out_of_time_twice_is_not_called_a_third_time(impatient: Any) -> None:
    with Session(impatient, {}, LIMITS, 0) as session:
        session.run_cell("def endless():\n    while True: pass\ndef quick(): return 3")
        for _ in range(2):
            with pytest.raises(ProcessEnded, match="longer than 1 s"):
                session.call("endless", [], {})
        before = time.monotonic()
        with pytest.raises(ProcessEnded, match="ran out of time 2 times") as refused:
            session.call("endless", [], {})
        assert time.monotonic() - before < 0.5
        assert refused.value.kind == "timeout"
        assert session.call("quick", [], {}).value == 3


def test_the_opening_is_run_once_for_a_class(impatient: Any) -> None:
    shown = []
    for _ in range(2):
        with Session(impatient, {}, LIMITS, 0, OPENING) as session:
            shown.append([session.run_cell(source).outputs for source in OPENING])
    assert shown[0] == shown[1]
    assert shown[0][1], "the second cell prints"


def test_what_one_submission_does_to_the_opening_no_other_sees(impatient: Any) -> None:
    for number in range(2):
        with Session(impatient, {}, LIMITS, 0, OPENING) as session:
            for source in OPENING:
                session.run_cell(source)
            assert text_of(session, "started.append(0); print(len(started))") == "2\n", number


def test_after_a_death_a_life_starts_after_the_opening_again(impatient: Any) -> None:
    with Session(impatient, {}, LIMITS, 0, OPENING) as session:
        for source in OPENING:
            session.run_cell(source)
        session.run_cell("mine = 7")
        with pytest.raises(ProcessEnded):
            session.run_cell("import os; os._exit(3)")
        assert text_of(session, "print(mine, len(started))") == "7 1\n"


def test_students_random_numbers_do_not_depend_on_the_opening_or_on_luck(impatient: Any) -> None:
    draw = "import random, numpy\nprint(random.random(), numpy.random.rand())"
    drawn = []
    for seed in (1, 1, 2):
        with Session(impatient, {}, LIMITS, seed, OPENING) as session:
            for source in OPENING:
                session.run_cell(source)
            drawn.append(text_of(session, draw))
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    "opening",
    [
        pytest.param(("1 / 0",), id="fails"),
        pytest.param(
            ("import threading, time\nthreading.Thread(target=time.sleep, args=(9,)).start()",),
            id="leaves a thread",
        ),
        pytest.param(("import os\nos._exit(0)",), id="ends its process"),
    ],
)
def test_an_opening_that_no_life_can_start_after_is_run_by_each(
    impatient: Any, opening: tuple[str, ...]
) -> None:
    assert impatient.opening_outputs(opening) is None
    with Session(impatient, {}, LIMITS, 0, opening) as session:
        assert text_of(session, "print('alive')") == "alive\n"
    assert impatient.opening_outputs(OPENING) is not None
