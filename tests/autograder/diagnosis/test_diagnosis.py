"""The diagnosis names the mistake behind what a function returned, and accuses no right answer."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from autograder.diagnosis.diagnose import diagnose
from autograder.diagnosis.misconceptions import Misconceptions
from autograder.diagnosis.mutants import MutantRunner
from autograder.diagnosis.probes import QUANTITIES
from autograder.errors import AutograderError
from autograder.protocol.errors import ProcessEnded
from autograder.recording.results import ExerciseFeedback

RIGHT_ANSWERS = sorted((Path(__file__).parent / "right_answers").glob("*.txt"))

RETURN = "return [dLdU, dLdV, dLdW]"

Define = Callable[..., Callable[..., Any]]
Names = Mapping[str, Any]

REFERENCE = """
def bptt(self, x, y):
    T = len(y)
    o, s = self.forward_propagation(x)
    dLdU, dLdV, dLdW = (np.zeros(p.shape) for p in (self.U, self.V, self.W))
    delta_o = o.copy()
    delta_o[np.arange(T), y] -= 1
    for t in range(T):
        dLdV += np.outer(delta_o[t], s[t])
        delta = self.V.T @ delta_o[t] * (1 - s[t] ** 2)
        for step in range(t, max(-1, t - self.bptt_truncate - 1), -1):
            dLdW += np.outer(delta, s[step - 1])
            dLdU[:, x[step]] += delta
            delta = self.W.T @ delta * (1 - s[step - 1] ** 2)
    return [dLdU, dLdV, dLdW]
"""


@pytest.fixture
def diagnosis_of(
    written: Define, instructor_names: Names, known: Misconceptions
) -> Callable[..., ExerciseFeedback]:
    """The diagnosis of the reference answer with some words exchanged."""

    def find(*edits: tuple[str, str], seed: int = 0) -> ExerciseFeedback:
        source = REFERENCE
        for old, new in edits:
            assert source.count(old) == 1, old
            source = source.replace(old, new)
        return diagnose("bptt", written(source), instructor_names, known, seed)

    return find


def labels(report: ExerciseFeedback) -> list[str]:
    return [found.label for found in report.diagnosis]


# --- right answers --------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", RIGHT_ANSWERS, ids=lambda path: path.stem)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_right_answer_in_any_style_is_never_accused(
    answer: Path,
    seed: int,
    written: Define,
    instructor_names: Names,
    known: Misconceptions,
) -> None:
    function = written(answer.read_text(encoding="utf-8"))
    report = diagnose("bptt", function, instructor_names, known, seed)
    assert report.diagnosis == ()
    assert list(report.right) == ["dLdU", "dLdV", "dLdW"]
    assert "right" in report.paragraph
    assert report.heatmap_png is None


@pytest.mark.parametrize("exercise", QUANTITIES)
def test_the_reference_answers_are_right(
    exercise: str, instructor_names: Names, known: Misconceptions
) -> None:
    function = MutantRunner(known, exercise, instructor_names).reference
    report = diagnose(exercise, function, instructor_names, known, 1)
    assert report.diagnosis == ()
    assert report.right == tuple(QUANTITIES[exercise])


# --- known mistakes ------------------------------------------------------------------------------


@pytest.mark.parametrize("exercise", QUANTITIES)
def test_every_mistake_of_the_bank_gets_its_own_label(
    exercise: str, instructor_names: Names, known: Misconceptions
) -> None:
    mutants = MutantRunner(known, exercise, instructor_names)
    for mutant in known.mutants[exercise]:
        report = diagnose(exercise, mutants.build(mutant), instructor_names, known, 77)
        assert tuple(labels(report)) == mutant.labels
        assert report.diagnosis[0].confidence > 0.9
        assert mutant.misconceptions[0].hint in report.paragraph


def test_two_mistakes_in_different_gradients_are_both_named(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    report = diagnosis_of(("s[step - 1])", "s[step])"), ("dLdV +=", "dLdV ="))
    assert set(labels(report)) == {"dLdW-with-the-new-state", "dLdV-overwritten"}
    assert report.right[0] == "dLdU"


def test_two_mistakes_in_the_same_gradient_are_both_named(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    report = diagnosis_of(("self.W.T @", "self.W @"), ("* (1 - s[t] ** 2)", ""))
    assert set(labels(report)) == {"W-not-transposed", "no-tanh-derivative-at-the-output"}
    assert report.right[0] == "dLdV"


def test_a_right_dLdV_is_said_to_be_right_when_dLdW_is_wrong(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    report = diagnosis_of(("s[step - 1])", "s[t])"))
    assert "dLdV" in report.right
    assert "dLdU" in report.right
    assert "dLdV" in report.paragraph
    assert labels(report) == ["dLdW-with-a-fixed-state"]


@pytest.mark.parametrize(
    ("edits", "label", "told"),
    [
        ([("self.V.T @", "self.V @")], "V-not-transposed", "V is used where Vᵀ is needed"),
        ([("outer(delta_o[t], s[t])", "outer(s[t], delta_o[t])")], "dLdV-transposed", "dLdV"),
        ([("dLdU[:, x[step]]", "dLdU[x[step]]")], "dLdU-transposed", "dLdU"),
        ([("delta_o[t] * (1 - s[t] ** 2)", "delta_o[t] @ (1 - s[t] ** 2)")], "raises-an-error", ""),
    ],
)
def test_an_error_that_comes_from_sizes_is_told_by_what_equal_sizes_give(
    edits: list[tuple[str, str]],
    label: str,
    told: str,
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    report = diagnosis_of(*edits)
    assert labels(report)[0] == label
    assert told in report.paragraph
    assert re.search("stops with (Value|Index)Error", report.paragraph)
    assert ("with as many hidden units as digits" in report.paragraph) == bool(told)


def test_an_error_is_told_with_the_students_own_line(
    instructor_names: Names, known: Misconceptions
) -> None:
    class ValueErrorOfTheirs(ValueError):
        student_traceback = (
            "Traceback (most recent call last):\n"
            '  File "Cell In[9]", line 3, in bptt\n    dLdV += np.outer(s[t], delta_o[t])\n'
            '  File "numpy/core.py", line 9, in outer\n    return multiply(a, b)\n'
        )

    def student(model: Any, x: Any, y: Any) -> Any:
        raise ValueErrorOfTheirs("shapes (3,) and (5,) not aligned")

    report = diagnose("bptt", student, instructor_names, known, 0)
    assert "in your line `dLdV += np.outer(s[t], delta_o[t])`" in report.paragraph
    assert "multiply" not in report.paragraph


@pytest.mark.parametrize(
    ("old", "new", "label"),
    [
        (RETURN, "return [g.astype(np.float32) for g in (dLdU, dLdV, dLdW)]", "single-precision"),
        ("o.copy()", "o.astype(np.float32)", "single-precision"),
        (RETURN, "return [np.longdouble(g) for g in (dLdU, dLdV, dLdW)]", "extended-precision"),
        ("self.V.T @", "np.longdouble(self.V.T) @", "extended-precision"),
    ],
)
def test_right_equations_in_another_precision_are_right_with_a_piece_of_advice(
    old: str, new: str, label: str, diagnosis_of: Callable[..., ExerciseFeedback]
) -> None:
    report = diagnosis_of((old, new))
    if label == "extended-precision" and old != RETURN:
        assert labels(report) == []  # what comes back is float64 again
        return
    assert labels(report) == [label]
    assert report.right == ("dLdU", "dLdV", "dLdW")
    assert report.paragraph.startswith("Well done: your bptt is right.")
    assert "One piece of advice" in report.paragraph
    assert report.heatmap_png is None


def test_what_is_said_of_two_gradients_is_said_once(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    report = diagnosis_of((RETURN, "return [dLdU, 0.3 * dLdV, 0.3 * dLdW]"))
    assert [found.message.split(":")[0] for found in report.diagnosis] == ["In dLdV and dLdW"]
    report = diagnosis_of((RETURN, "return [0 * dLdU, 0 * dLdV, dLdW]"))
    assert [found.message.split(":")[0] for found in report.diagnosis] == ["In dLdU and dLdV"]


def test_a_label_that_does_not_explain_all_it_claims_is_told_as_a_guess(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    """The mutant of the first delta gives dLdU, but not the dLdW that is wrong otherwise, too."""
    report = diagnosis_of(
        (" * (1 - s[t] ** 2)", ""), (RETURN, "return [dLdU, dLdV, np.sin(9 * dLdW)]")
    )
    found = {each.label: each for each in report.diagnosis}
    assert found["no-tanh-derivative-at-the-output"].confidence < 0.7
    assert "I am not sure, but it may be that the first delta" in report.paragraph


@pytest.mark.parametrize("limit", [5.0, 50.0])
def test_clipping_of_large_gradients_is_seen(
    limit: float, diagnosis_of: Callable[..., ExerciseFeedback]
) -> None:
    clip = f"return [np.clip(g, -{limit}, {limit}) for g in (dLdU, dLdV, dLdW)]"
    report = diagnosis_of((RETURN, clip))
    assert "clipped" in labels(report)
    assert ("dLdV" in report.right) == (limit > 25)
    assert "where the errors are not large" in report.paragraph
    norm = "norm = np.sqrt(sum(np.sum(g ** 2) for g in (dLdU, dLdV, dLdW)))"
    scaled = f"return [g * min(1, {limit} / norm) for g in (dLdU, dLdV, dLdW)]"
    report = diagnosis_of((RETURN, f"{norm}\n    {scaled}"))
    assert labels(report) == ["clipped"]


# --- where no mutant fits -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "label"),
    [
        ("return [dLdU.T, dLdV, dLdW]", "dLdU-transposed"),
        ("return [dLdU, -dLdV, dLdW]", "opposite-sign"),
        ("return [dLdU, dLdV, 0.3 * dLdW]", "constant-factor"),
        ("return [dLdU, dLdV / T, dLdW]", "mean-instead-of-sum"),
        ("return [dLdU, dLdV / np.linalg.norm(dLdV), dLdW]", "normalised"),
        ("return [dLdU, dLdV, dLdW + 0.01 * self.W]", "weight-decay"),
        ("return [np.clip(dLdU, -0.2, 0.2), dLdV, dLdW]", "clipped"),
        ("return [dLdU, 0 * dLdV, dLdW]", "still-zero"),
        ("return [dLdU, dLdV, dLdW / 0]", "not-finite"),
        ("return [dLdV, dLdU, dLdW]", "wrong-order"),
        ("return [dLdU, dLdV[1:], dLdW]", "wrong-shape"),
        ("return [dLdU, dLdV]", "wrong-answer-shape"),
        ("pass", "wrong-answer-shape"),
        ("return 'gradients'", "wrong-answer-shape"),
        ("return [g.astype(np.float32) for g in (dLdU, dLdV, dLdW)]", "single-precision"),
        ("return [g.astype(np.float16) for g in (dLdU, dLdV, dLdW)]", "half-precision"),
        ("return [np.round(g, 4) for g in (dLdU, dLdV, dLdW)]", "rounded"),
        ("return [g + np.random.normal(size=g.shape) for g in (dLdU, dLdV, dLdW)]",
         "depends-on-earlier-calls"),
        ("self.V[0] = 0\n    return [dLdU, dLdV, dLdW]", "parameters-updated-in-bptt"),
        ("return np.linalg.inv(dLdU)", "raises-an-error"),
        ("raise NotImplementedError()", "not-attempted"),
        ("raise AttributeError('RNN has no attribute bptt')", "not-defined"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_structure_is_named_where_no_mutant_fits(
    new: str, label: str, diagnosis_of: Callable[..., ExerciseFeedback]
) -> None:
    assert label in labels(diagnosis_of((RETURN, new)))


def test_a_constant_in_place_of_the_truncation_is_named(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    report = diagnosis_of(("t - self.bptt_truncate - 1", "t - 4 - 1"))
    assert labels(report) == ["another-truncation"]
    assert "always 4" in report.paragraph


def test_finite_differences_are_recognised(
    written: Define, instructor_names: Names, known: Misconceptions
) -> None:
    source = """
def bptt(self, x, y):
    gradients = []
    for p in (self.U, self.V, self.W):
        g = np.zeros(p.shape)
        for i in np.ndindex(p.shape):
            kept = p[i]
            p[i] = kept + 1e-4
            up = self.calculate_total_loss([x], [y])
            p[i] = kept - 1e-4
            g[i] = (up - self.calculate_total_loss([x], [y])) / 2e-4
            p[i] = kept
        gradients.append(g)
    return gradients
"""
    report = diagnose("bptt", written(source), instructor_names, known, 3)
    assert labels(report) == ["finite-differences"]


def test_weights_that_depend_on_the_steps_back_are_found(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    report = diagnosis_of(("dLdW += np", "dLdW += (1 + t - step) * np"))
    assert labels(report) == ["steps-back-miscounted"]
    assert "1, 2, 3" in report.paragraph


def test_a_loss_that_is_right_for_one_size_only_is_named(
    instructor_names: Names, known: Misconceptions
) -> None:
    runner = MutantRunner(known, "calculate_total_loss", instructor_names)

    def student(model: Any, x: Any, y: Any) -> Any:
        loss = runner.reference(runner.adopt(model), x, y)
        return loss if model.V.shape[0] > model.V.shape[1] else np.sin(9 * loss)

    report = diagnose("calculate_total_loss", student, instructor_names, known, 5)
    assert labels(report) == ["right-for-one-size-only"]


def test_a_mistake_below_is_not_blamed_on_the_function_above(
    written: Define, instructor_names: Names, known: Misconceptions
) -> None:
    class Wrong(instructor_names["RNN"]):  # type: ignore[misc]
        def forward_propagation(self, x: Any) -> Any:
            o, s = super().forward_propagation(x)
            return [o, s**3]

    Wrong.__name__ = "RNN"
    names = {**instructor_names, "RNN": Wrong}
    report = diagnose("bptt", written(REFERENCE), names, known, 0)
    assert labels(report) == ["builds-on-forward_propagation"]


def test_when_nothing_fits_the_paragraph_says_that_it_is_not_sure(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    report = diagnosis_of((RETURN, "return [np.sin(9 * dLdU), np.exp(dLdV), dLdW**3 - 1]"))
    assert labels(report) == ["unknown"]
    assert report.diagnosis[0].confidence < 0.3
    assert "I am not sure what is behind dLdU, dLdV and dLdW" in report.paragraph


def test_a_challenge_that_was_left_open_is_no_mistake(
    written: Define, instructor_names: Names, known: Misconceptions
) -> None:
    student = written("def f(self, x, y):\n    raise NotImplementedError()", "f")
    report = diagnose("bptt_linear_time", student, instructor_names, known, 0)
    assert report.diagnosis == ()
    assert "open, which is fine" in report.paragraph


def test_a_call_that_was_stopped_is_not_repeated(
    instructor_names: Names, known: Misconceptions
) -> None:
    calls = []

    def student(model: Any, x: Any, y: Any) -> Any:
        calls.append(x)
        raise ProcessEnded("timeout", "the call took more than 10 seconds")

    report = diagnose("bptt", student, instructor_names, known, 0)
    assert len(calls) == 1
    assert labels(report) == ["does-not-finish"]
    assert "more than 10 seconds" in report.paragraph


# --- what the report is made of -------------------------------------------------------------------


def test_the_same_seed_gives_the_same_report_and_leaves_the_global_generator_alone(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    state = np.random.get_state()[1].tolist()
    first, second = (diagnosis_of(("self.W.T @", "self.W @"), seed=5) for _ in "12")
    assert first == second
    assert np.random.get_state()[1].tolist() == state


def test_the_paragraph_has_three_to_five_sentences(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    for edit in [("self.W.T @", "self.W @"), ("dLdV +=", "dLdV -="), (RETURN, "return None")]:
        paragraph = diagnosis_of(edit).paragraph
        assert 3 <= paragraph.replace("? ", ". ").replace("! ", ". ").count(". ") + 1 <= 5, (
            paragraph
        )


def test_the_heatmap_is_a_small_picture_that_shows_where_the_error_is(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    png = diagnosis_of(("dLdV += np.outer(delta_o[t], s[t])", "dLdV += 0")).heatmap_png
    assert png is not None
    assert len(png) < 20_000
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")).astype(int)
    yellow = (picture[..., 0] > 230) & (picture[..., 1] > 200) & (picture[..., 2] < 110)
    third = picture.shape[1] // 3
    assert yellow[:, third : 2 * third].any()
    assert not yellow[:, :third].any()


def test_the_heatmap_shows_values_that_are_not_finite_in_red(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    png = diagnosis_of((RETURN, "return [dLdU, dLdV, dLdW * np.nan]")).heatmap_png
    assert png is not None
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"))
    third = picture.shape[1] // 3
    assert (picture[:, -third:] == (200, 60, 60)).all(axis=-1).any()


def test_the_matrix_that_is_furthest_off_is_kept_beside_the_right_one(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    kept = diagnosis_of((RETURN, "return [dLdU * 1.01, dLdV, dLdW * 3]")).comparison
    assert kept is not None
    assert kept.quantity == "dLdW"
    np.testing.assert_allclose(kept.returned, 3 * np.array(kept.right), rtol=1e-2)
    assert diagnosis_of((RETURN, "return [dLdU, dLdV, dLdW * np.nan]")).comparison is None
    assert diagnosis_of().comparison is None


def test_a_message_keeps_the_letters_of_a_name_that_it_begins_with(
    diagnosis_of: Callable[..., ExerciseFeedback],
) -> None:
    late = ("np.outer(delta, s[step - 1])", "np.outer(delta, s[step])")
    (found,) = diagnosis_of(late).diagnosis
    assert found.message.startswith("dLdW")


def test_an_exercise_without_probes_is_an_error_that_lists_the_known_ones(
    instructor_names: Names, known: Misconceptions
) -> None:
    with pytest.raises(AutograderError, match=r"'adam'.*forward_propagation, "):
        diagnose("adam", print, instructor_names, known, 0)
