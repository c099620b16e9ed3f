"""Each kind of thing that a course asks for: right answers get all, wrong and cheating none."""

from __future__ import annotations

from typing import Any

import pytest
from kinds_of_assignment import KINDS, reasons

NAMES = sorted(path.stem for path in KINDS.glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_a_right_answer_gets_all_points_the_safest_way(any_assignment: Any, name: str) -> None:
    kind, verdicts = any_assignment.kinds[name], any_assignment.instructor(name).verdicts
    assert {test: verdicts.mode(test) for test in kind.tests} == {
        test: mode for test, (_, mode) in kind.tests.items()
    }, verdicts
    scores, notebook = any_assignment.grade(name, "right")
    assert scores == {test: points for test, (points, _) in kind.tests.items()}, reasons(notebook)


@pytest.mark.parametrize("answer", ["wrong", "cheat"])
@pytest.mark.parametrize("name", NAMES)
def test_wrong_and_cheating_answers_get_none(any_assignment: Any, name: str, answer: str) -> None:
    scores, _ = any_assignment.grade(name, answer)
    assert scores == dict.fromkeys(any_assignment.kinds[name].tests, 0)
