"""What the student's code does to NumPy's state and to arrays that it returned happens here too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograder.protocol.limits import Limits
from autograder.sandbox.session import Session
from autograder.testing.remote import Remote

CELL = """\
import numpy as np

buffer = np.zeros(2)

def plain(x):
    return 2 * x

def draws(x):
    np.random.seed(0)
    return x

def settles(x):
    np.seterr(all="ignore")
    return x

def reuses(x):
    buffer[:] = x
    return buffer

def beside_a_large_one(x):
    buffer[:] = x
    return np.zeros(100_000), buffer

def shows(x):
    print("seen", x)
    return x
"""


@pytest.fixture
def functions(sandbox: Any) -> Any:
    with Session(sandbox, {}, Limits(cell_seconds=20), 1) as session:
        session.run_cell(CELL)
        session.begin_cell()
        yield lambda name, **more: Remote({}, session.call, **more).function(name)


def test_a_plain_function_leaves_nothing_behind(functions: Any) -> None:
    state, settings = repr(np.random.get_state()), np.geterr()
    plain = functions("plain")
    first = plain(np.ones(2))
    plain(np.zeros(2))
    assert first.tolist() == [2, 2]
    assert (repr(np.random.get_state()), np.geterr()) == (state, settings)


def test_random_numbers_and_error_settings_change_here_too(functions: Any) -> None:
    state = repr(np.random.get_state())
    functions("draws")(1.0)
    assert repr(np.random.get_state()) != state
    with np.errstate(all="warn"):
        functions("settles")(1.0)
        assert np.geterr()["over"] == "ignore"


def test_an_array_that_is_returned_again_changes_for_who_kept_it(functions: Any) -> None:
    reuses = functions("reuses")
    first = reuses(np.ones(2))
    second = reuses(np.full(2, 5.0))
    assert second.tolist() == [5, 5]
    assert first.tolist() == [5, 5]


def test_a_large_array_that_is_returned_beside_it_is_not_mistaken_for_it(functions: Any) -> None:
    answers = functions("beside_a_large_one")
    _, first = answers(np.ones(2))
    answers(np.full(2, 5.0))
    assert first.tolist() == [5, 5]


def test_the_diagnosis_sees_values_only(functions: Any, capsys: Any) -> None:
    state = repr(np.random.get_state())
    first = functions("reuses", effects=False)(np.ones(2))
    functions("reuses", effects=False)(np.zeros(2))
    functions("draws", effects=False)(1.0)
    functions("shows", effects=False)(1.0)
    assert first.tolist() == [1, 1]
    assert repr(np.random.get_state()) == state
    assert capsys.readouterr().out == ""
    functions("shows")(1.0)
    assert capsys.readouterr().out == "seen 1.0\n"
