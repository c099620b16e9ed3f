"""The diagnosis of the lab: every known mistake by its label, no right answer accused."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.diagnosis.diagnose import diagnose
from autograder.diagnosis.lab_probes import LAB_QUANTITIES
from autograder.diagnosis.misconceptions import Misconceptions, load_misconceptions
from autograder.diagnosis.mutants import MutantRunner, instructor_names
from autograder.recording.results import ExerciseFeedback

LAB = Path(__file__).parents[3] / "source" / "gtn-lab"


@pytest.fixture(scope="module")
def known() -> Misconceptions:
    return load_misconceptions(LAB / "misconceptions.toml")


@pytest.fixture(scope="module")
def names() -> Mapping[str, Any]:
    return instructor_names(LAB / "gtn_lab.ipynb")


@pytest.fixture(scope="module")
def diagnosed(known: Misconceptions, names: Mapping[str, Any]) -> Callable[..., ExerciseFeedback]:
    def find(exercise: str, source: str, seed: int = 0) -> ExerciseFeedback:
        """The diagnosis of an answer: its source in a namespace with its exercise's tracks."""
        own = dict(names)
        exec(known.references[exercise].track, own)
        exec(textwrap.dedent(source), own)
        return diagnose(exercise, own[exercise], own, known, seed)

    return find


@pytest.mark.parametrize("exercise", LAB_QUANTITIES)
def test_every_exercise_has_eight_mistakes_and_each_gets_its_own_label(
    exercise: str, known: Misconceptions, names: Mapping[str, Any]
) -> None:
    assert len([each for each in known.entries if each.exercise == exercise]) >= 8
    runner = MutantRunner(known, exercise, names)
    for mutant in known.mutants[exercise]:
        call = runner.build(mutant)
        exports = known.references[exercise].exercise.exports
        own = {**names, **{name: _bound(call, name) for name in exports}}
        report = diagnose(exercise, own[exercise], own, known, 77)
        assert tuple(found.label for found in report.diagnosis) == mutant.labels
        assert mutant.misconceptions[0].hint in report.paragraph


def _bound(call: Callable[..., Any], name: str) -> Callable[..., Any]:
    return lambda *inputs: call(name, *inputs)


RIGHT = {
    "sgd_momentum_step": """
        def sgd_momentum_step(params, velocity, grads, lr, momentum):
            after = [torch.add(momentum * v, g) for v, g in zip(velocity, grads)]
            return tuple(p + (-lr) * v for p, v in zip(params, after)), tuple(after)
        """,
    "inner_loop": """
        def inner_loop(teacher, learner, steps):
            (images, labels), (lr, momentum) = teacher(), teacher.rates()
            names = [name for name, _ in learner.named_parameters()]
            now = [p for _, p in learner.named_parameters()]
            speed = [torch.zeros_like(p) for p in now]
            for x, rate, friction in zip(images[:steps], lr, momentum):
                loss = lesson_loss(learner, dict(zip(names, now)), x, labels)
                slopes = torch.autograd.grad(loss, now, create_graph=True)
                speed = [friction * v + g for v, g in zip(speed, slopes)]
                now = [p - rate * v for p, v in zip(now, speed)]
            return dict(zip(names, now))
        """,
    # another use of chance, so that no order is that of the reference
    "shuffled": """
        def shuffled(curriculum, rng):
            images, labels = np.array(curriculum[0]), np.array(curriculum[1])
            steps, batch = labels.shape
            numbers = np.arange(steps * batch).reshape(steps, batch)
            within = rng.permuted(numbers, axis=1)
            everywhere = rng.permuted(numbers)
            by_steps = rng.permutation(numbers, axis=0)
            flat = images.reshape(-1, 28, 28), labels.ravel()
            orders = {"steps": by_steps, "images": everywhere, "within": within}
            return {way: tuple(part[order] for part in flat) for way, order in orders.items()}
        """,
}


@pytest.mark.parametrize("exercise", RIGHT)
@pytest.mark.parametrize("seed", [0, 1, 20_260_101])
def test_a_right_answer_in_another_style_is_not_accused(
    exercise: str, seed: int, diagnosed: Callable[..., ExerciseFeedback]
) -> None:
    report = diagnosed(exercise, RIGHT[exercise], seed)
    assert report.diagnosis == ()
    assert report.right == LAB_QUANTITIES[exercise]


@pytest.mark.parametrize(
    ("exercise", "source", "label"),
    [
        ("sgd_momentum_step", "def sgd_momentum_step(*given):\n    return 1", "wrong-answer-shape"),
        ("sgd_momentum_step", "def sgd_momentum_step(*given):\n    raise NotImplementedError",
         "not-attempted"),
        ("shuffled", "def shuffled(curriculum, rng):\n    return curriculum[2]", "raises-an-error"),
    ],
)  # fmt: skip
def test_an_answer_without_values_is_told_why(
    exercise: str, source: str, label: str, diagnosed: Callable[..., ExerciseFeedback]
) -> None:
    report = diagnosed(exercise, source)
    assert [found.label for found in report.diagnosis] == [label]
    assert "hidden units" not in report.paragraph


def test_a_loop_is_not_blamed_for_its_step(known: Misconceptions, names: Mapping[str, Any]) -> None:
    own = dict(names)
    step = known.references["sgd_momentum_step"]
    exec(step.track, own)
    exec(step.function.replace("momentum * v + g", "g"), own)
    exec(known.references["inner_loop"].track, own)
    exec(known.references["inner_loop"].cell, own)
    (found,) = diagnose("inner_loop", own["inner_loop"], own, known, 0).diagnosis
    assert found.label == "builds-on-sgd_momentum_step"


def test_quantities_with_a_plurals_name_get_a_plurals_verb(
    diagnosed: Callable[..., ExerciseFeedback], known: Misconceptions
) -> None:
    source = known.references["inner_loop"].function.replace(", create_graph=True", "")
    assert "parameters are right" in diagnosed("inner_loop", source).paragraph


def test_two_shuffles_with_one_mistake_are_told_in_one_sentence(
    diagnosed: Callable[..., ExerciseFeedback], known: Misconceptions
) -> None:
    source = known.references["shuffled"].function.replace("labels[order])", "labels.copy())")
    source = source.replace("labels[each, orders]", "labels.copy()")
    (found,) = diagnosed("shuffled", source).diagnosis
    assert found.label == "labels-stay-behind"
    assert found.message.startswith("In steps and within: ")


def test_the_diagnosis_leaves_the_global_generators_alone(
    diagnosed: Callable[..., ExerciseFeedback], names: Mapping[str, Any]
) -> None:
    torch = names["torch"]
    state, torch_state = np.random.get_state()[1].tolist(), torch.random.get_rng_state().clone()
    diagnosed("inner_loop", RIGHT["inner_loop"])
    assert np.random.get_state()[1].tolist() == state
    assert torch.equal(torch.random.get_rng_state(), torch_state)
