"""What helps on the way to `bptt`: hints, the example by hand, the stepper, the questions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from authoring.exercises import hints_in, read_exercises, read_lines, source_of

Namespace = dict[str, Any]
Run = Callable[..., str]


def numbers_in(text: str) -> list[list[float]]:
    """The vectors of a table, such as (0.500, −0.200)."""
    vectors = re.findall(r"\((−?\d\.\d{3}), (−?\d\.\d{3})\)", text)
    return [[float(number.replace("−", "-")) for number in vector] for vector in vectors]


def test_every_blank_has_three_hints_that_never_hold_a_line(
    notebook: Any, cells: dict[str, Any]
) -> None:
    exercises = read_exercises(notebook, "homework")
    for exercise in exercises:
        assert exercise.hints == exercise.index - 1  # before the cell that they are about
        hints = hints_in(source_of(notebook.cells[exercise.hints]))
        assert [re.findall(r"<summary>Hint (\d)", hint) for hint in hints] == [["1"], ["2"], ["3"]]
        cell = notebook.cells[exercise.index]
        for line in read_lines(source_of(cell), "homework"):
            code = re.sub(r"\s", "", line.text)
            if line.region == "solution" and len(code) > 11:
                assert code not in re.sub(r"\s", "", "".join(hints))


def test_the_example_by_hand_has_the_numbers_that_are_measured(
    homework: Namespace, cells: dict[str, Any]
) -> None:
    example, x, y = homework["example"], homework["x_example"], homework["y_example"]
    o, s = example.forward_propagation(x)
    source = cells["worked-example"].source
    inside_0, inside_1, s_0, s_1, o_0, o_1, error_0, error_1, *back = numbers_in(source)
    assert np.allclose(np.tanh([inside_0, inside_1]), s[:2], atol=6e-4)
    assert np.allclose([s_0, s_1, o_0, o_1], [*s[:2], *o], atol=6e-4)
    assert np.allclose([error_0, error_1], o - np.eye(2)[y], atol=6e-4)
    parts = homework["measured_contributions"](
        example, x, y, "U", *np.indices((2, 2)).reshape(2, -1)
    ).reshape(2, 2, 2, 2)  # [t, k, unit, digit]
    deltas = [parts[0, 0, :, 0], parts[1, 1, :, 1], parts[1, 0, :, 0]]
    assert np.allclose(back[1::2], deltas, atol=6e-4)
    slopes = [1 - s[0] ** 2, 1 - s[1] ** 2, 1 - s[0] ** 2]
    assert np.allclose(np.array(back[::2]) * slopes, deltas, atol=1e-3)


def test_deltas_are_shown_beside_the_table_and_what_differs_is_marked(
    homework: Namespace, run: Run, cells: dict[str, Any]
) -> None:
    assert "differs" not in run(homework, "bptt-deltas")
    source = cells["bptt"].source
    exec(source.replace(" * (1 - s[bptt_step - 1] ** 2)", ""), homework)
    printed = run(homework, "bptt-deltas").splitlines()
    assert ["differs" in line for line in printed[1:]] == [False, False, True]
    exec(source.replace("T = len(y)", "raise NotImplementedError"), homework)
    assert "not finished yet" in run(homework, "bptt-deltas")
    exec(source.replace("T = len(y)", "T = y.length"), homework)
    assert "AttributeError" in run(homework, "bptt-deltas")


@pytest.mark.parametrize("t", [0, 1, 3])
def test_the_stepper_names_each_array_once_it_is_needed(
    homework: Namespace, run: Run, t: int
) -> None:
    homework["display"] = lambda *objects, **options: type("Handle", (), {"update": lambda *a: 0})()
    run(homework, "draw-unrolled", "way-back")
    stages = homework["stages_back"](t)
    assert [arrow for _, arrow, _, _ in stages].count("hop") == t
    assert [k for k, arrow, _, _ in stages if arrow == "adds"] == list(range(t, -1, -1))
    fig = plt.figure()
    for stage, (_, _, equation, needs) in enumerate(stages):
        homework["draw_way_back"](fig, stage, t)
        title = fig.axes[0].get_title()
        assert equation in title
        assert needs in title
    plt.close("all")


def test_there_are_three_questions_with_one_right_answer_each_and_a_reason_for_all(
    cells: dict[str, Any],
) -> None:
    questions = [cell.source for name, cell in cells.items() if name.startswith("question-")]
    asked = [source for source in questions if "<details>" in source]
    assert len(asked) == 3
    for source in asked:
        answers = re.findall(r"<summary>(.+)</summary>\n\n(.+)\n", source)
        assert len(answers) == 3
        assert [told.startswith("Right.") for _, told in answers].count(True) == 1
        assert all(len(told) > 60 for _, told in answers)
