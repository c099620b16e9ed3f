"""The lab's exercises: what their cells declare, and what each check catches."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from nbgrader.nbgraderformat import MetadataValidator

from authoring.exercises import hints_in, read_exercises, read_lines

Namespace = dict[str, Any]
Run = Any

EXPORTS = {
    "sgd_momentum_step": ["sgd_momentum_step", "three_step_meta_gradient"],
    "inner_loop": ["inner_loop", "taught", "meta_gradient"],
    "shuffled": ["shuffled", "shuffle_with"],
}
POINTS = {
    "sgd-momentum-step-values": 2,
    "sgd-momentum-step-arguments": 1,
    "sgd-momentum-step-gradient": 2,
    "inner-loop-values": 2,
    "inner-loop-meta-gradient": 4,
    "inner-loop-side-effects": 1,
    "shuffled-steps": 1,
    "shuffled-images": 1,
    "shuffled-within": 1,
    "shuffled-labels": 2,
    "written-random-fixed": 3,
}
CHECKS = {name: [i for i in POINTS if i.startswith(name.replace("_", "-"))] for name in EXPORTS}
ALL = [check for checks in CHECKS.values() for check in checks]


def test_the_cells_declare_what_nbgrader_and_the_release_need(lab_notebook: Any) -> None:
    MetadataValidator().validate_nb(lab_notebook)
    declared, points = {}, {}
    for cell in lab_notebook.cells:
        grader, exercise = cell.metadata.get("nbgrader"), cell.metadata.get("exercise", {})
        if grader is None:
            assert not exercise
            continue
        assert grader["grade_id"] == cell.id
        assert "demonstration" not in cell.metadata.get("tags", [])
        if grader["grade"]:
            points[cell.id] = grader["points"]
        if "name" in exercise:
            assert grader["solution"]
            assert not grader["grade"]
            declared[exercise["name"]] = exercise["exports"]
        elif "tests" in exercise:
            assert grader["grade"]
            assert cell.id in CHECKS[exercise["tests"]]
        if cell.cell_type == "code" and "name" not in exercise:
            assert grader["locked"]
    assert declared == EXPORTS
    assert points == POINTS


def test_what_a_check_calls_through_is_defined_before_the_answer(lab_notebook: Any) -> None:
    """Else the grader's copy of it would take the place of the one that asks the student's."""
    order = [cell.id for cell in lab_notebook.cells]
    for name, (_, *tracks) in EXPORTS.items():
        for track in tracks:
            (place,) = [i for i, c in enumerate(lab_notebook.cells) if f"def {track}(" in c.source]
            assert place < order.index(name.replace("_", "-"))
            assert lab_notebook.cells[place].metadata.nbgrader.locked


def test_the_checks_stand_behind_their_exercise_and_before_the_next(lab_notebook: Any) -> None:
    order = [cell.id for cell in lab_notebook.cells if cell.metadata.get("exercise")]
    cells = {name: name.replace("_", "-") for name in EXPORTS}
    assert order == [
        i for name, cell in cells.items() for i in (f"{cell}-hints", cell, *CHECKS[name])
    ]


def test_every_blank_has_three_hints_that_never_hold_a_line(lab_notebook: Any) -> None:
    for exercise in read_exercises(lab_notebook, "lab"):
        assert exercise.hints == exercise.index - 1
        hints = hints_in(lab_notebook.cells[exercise.hints].source)
        assert len(hints) == 3
        for line in read_lines(lab_notebook.cells[exercise.index].source, "lab"):
            code = re.sub(r"\s", "", line.text)
            if line.region == "solution" and len(code) > 11:
                assert code not in re.sub(r"\s", "", "".join(hints))


def test_three_questions_answer_at_once(lab_notebook: Any) -> None:
    asked = [c.source for c in lab_notebook.cells if c.source.startswith("**Think first")]
    assert len(asked) == 3
    for source in asked:
        assert source.count("<details>") == 3
        assert len(re.findall(r"^Right\.", source, re.MULTILINE)) == 1


@pytest.mark.parametrize("seed", [0, 1, 2026])
def test_the_reference_passes_every_check_whatever_the_seed(
    failing: Any, lab: Namespace, run_lab: Run, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(lab, run_lab, ALL, seed) == set()
    assert capsys.readouterr().err == "", "nbgrader takes a test that writes to stderr for failed"


@pytest.mark.parametrize("name", EXPORTS)
def test_an_untouched_stub_passes_none_of_its_checks(
    failing: Any, lab: Namespace, run_lab: Run, name: str
) -> None:
    def stub(*inputs: Any) -> Any:
        raise NotImplementedError

    lab[name] = stub
    assert failing(lab, run_lab, CHECKS[name]) == set(CHECKS[name])


PERMUTED = "order = rng.permutation(steps)"
WRONG = [
    # exercise, before, after, the checks that must fail (and no others)
    ("sgd_momentum_step", "p - lr * v", "p + lr * v", "values gradient"),
    ("sgd_momentum_step", "p - lr * v", "p - lr * g", "values gradient"),
    ("sgd_momentum_step", "v = momentum * v + g", "v = momentum * (v + g)", "values gradient"),
    ("sgd_momentum_step", "v = momentum * v + g", "v = momentum * v + g.detach()", "gradient"),
    ("sgd_momentum_step", "p - lr * v", "(p - lr * v).detach().requires_grad_()", "gradient"),
    ("sgd_momentum_step", "p - lr * v", "p.sub_(lr * v)", "arguments gradient"),
    ("sgd_momentum_step", "v = momentum * v + g", "v.mul_(momentum).add_(g)", "arguments gradient"),
    (
        "sgd_momentum_step",
        "    return new_params, new_velocity",
        "    velocity[:] = new_velocity\n    return new_params, new_velocity",
        "arguments",
    ),
    (
        "sgd_momentum_step",
        "return new_params, new_velocity",
        "return new_velocity, new_params",
        "values gradient",
    ),
    ("inner_loop", "create_graph=True", "create_graph=False", "meta-gradient"),
    ("inner_loop", "lr[t], momentum[t]", "lr[0], momentum[0]", "values meta-gradient"),
    ("inner_loop", "images[t], labels", "images[0], labels", "values meta-gradient"),
    ("inner_loop", "range(steps)", "range(len(images))", "values meta-gradient"),
    ("inner_loop", "stepped, velocity =", "stepped, _ =", "values meta-gradient"),
    (
        "inner_loop",
        "params = dict(zip(params, stepped))",
        "params = {n: p.detach().requires_grad_() for n, p in zip(params, stepped)}",
        "meta-gradient",
    ),
    ("inner_loop", "    return params", "    labels[:] = 0\n    return params", "side-effects"),
    (
        "inner_loop",
        "    return params",
        "    learner.load_state_dict(params)\n    return params",
        "meta-gradient side-effects",  # the way back needs the weights that were overwritten
    ),
    ("shuffled", "images[order], labels[order]", "images[order], labels", "labels"),
    ("shuffled", PERMUTED, "order = np.arange(steps)", "steps labels"),
    ("shuffled", PERMUTED, "order = np.random.permutation(steps)", "labels"),
    ("shuffled", PERMUTED, "order = rng.integers(steps, size=steps)", "steps"),
    (
        "shuffled",
        "np.stack([rng.permutation(batch) for _ in range(steps)])",
        "np.tile(rng.permutation(batch), (steps, 1))",
        "within",
    ),
    (
        "shuffled",
        "rng.permutation(steps * batch).reshape(steps, batch)",
        "np.arange(steps * batch).reshape(steps, batch)[rng.permutation(steps)]",
        "images",
    ),
    ("shuffled", "images[each, orders], labels", "images[each, orders[::-1]], labels", "labels"),
    ("shuffled", "    return {", "    images[:] = by_steps[0]\n    return {", "labels"),
    ("shuffled", '"within": within', '"within": by_images', "within"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "after", "caught_by"), WRONG)
def test_a_wrong_answer_loses_the_points_of_what_is_wrong_and_no_others(
    failing: Any,
    lab: Namespace,
    lab_cells: dict[str, Any],
    run_lab: Run,
    name: str,
    before: str,
    after: str,
    caught_by: str,
) -> None:
    source = lab_cells[name.replace("_", "-")].source
    assert before in source
    exec(source.replace(before, after), lab)
    expected = {f"{name.replace('_', '-')}-{check}" for check in caught_by.split()}
    for seed in (0, 7):
        assert failing(lab, run_lab, CHECKS[name], seed) == expected


def test_the_meta_gradient_by_hand_is_autograds(lab: Namespace, run_lab: Run) -> None:
    printed = run_lab(lab, "by-hand-numbers", "by-autograd-numbers")
    by_hand, by_autograd = (line.split(":")[1] for line in printed.splitlines() if "dL/dx" in line)
    assert float(by_hand) == float(by_autograd) < 0


def test_a_step_in_place_is_refused_as_the_text_says(lab: Namespace, run_lab: Run) -> None:
    printed = run_lab(lab, "in-place-breaks").splitlines()
    assert "modified by an inplace operation" in printed[0]
    assert "not have been used in the graph" in printed[1]


def test_the_teacher_hands_out_what_the_exercise_is_told(lab: Namespace) -> None:
    config = lab["experiment"]("class", steps=2, batch=4)
    teacher = lab["PacedTeacher"](config, seed=3)
    images, labels = teacher()
    lr, momentum = teacher.rates()
    assert images.shape == (2, 4, 1, 28, 28)
    assert labels.tolist() == [0, 1, 2, 3]
    assert lr.shape == momentum.shape == (2,)
    learner = lab["make_learner"]("mlp", 0)
    params = lab["inner_loop"](teacher, learner, 2)
    loss = sum(p.square().sum() for p in params.values())
    gradients = torch.autograd.grad(loss, list(teacher.parameters()))
    assert all(np.isfinite(g.numpy()).all() for g in gradients)
    assert all(g.abs().sum() > 0 for g in gradients[:1])
