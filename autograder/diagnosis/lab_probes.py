"""Fresh inputs for the lab's exercises, and what a student's functions do on each of them.

A graded function of the lab takes a network or gives tensors with a graph, which do not cross to
the grader. So its exercise exports a track, too, that runs in the student's process and gives data:
`three_step_meta_gradient`, `taught` and `meta_gradient`, `shuffle_with`.

Shuffles have no right values. What is compared are properties: is each image still there, does it
have its label, is each batch whole?
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autograder.diagnosis.probes import QUANTITIES, Array, Observation, Probe, Unreadable, observed

# What each exercise computes: values, and derivatives through them.
LAB_QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "sgd_momentum_step": ("parameters", "velocity", "derivatives"),
    "inner_loop": ("parameters", "derivatives by images", "derivatives by rates"),
    "shuffled": ("steps", "images", "within"),
}
ALL_QUANTITIES = {**QUANTITIES, **LAB_QUANTITIES}
# An exported function by name, with its arguments: the student's, the reference's or a mutant's.
Call = Callable[..., Any]
_SEEDS = range(8)  # of the shuffles: enough to tell chance from order


def make_lab_probes(exercise: str, names: Mapping[str, Any], seed: int) -> list[Probe]:
    """The probes of one exercise, the same for the same seed; `names` are the instructor's."""
    import torch

    make, _ = _WAYS[exercise]
    with torch.random.fork_rng(devices=[]):
        inputs = make(names, zlib.crc32(f"{seed} {exercise}".encode()))
    return [Probe(exercise, 0, 0, 0, 0, None, each, twice=not n) for n, each in enumerate(inputs)]


def observe_in_lab(call: Call, probe: Probe) -> Observation:
    """Call the exports of an exercise on a probe's inputs and record all that can be seen."""
    import torch

    _, run = _WAYS[probe.exercise]
    inputs = copy.deepcopy(probe.inputs)
    changed: set[str] = set()
    with torch.random.fork_rng(devices=[]):  # a learner draws its first weights
        seen = observed(lambda: run(call, inputs, changed))
        if probe.twice and seen.values and not changed:
            seen = replace(seen, again=observed(lambda: run(call, inputs, set())).values)
    return replace(seen, changed=tuple(sorted(changed)))


def _steps(names: Mapping[str, Any], seed: int) -> list[tuple[Any, ...]]:
    torch = names["torch"]
    rng = np.random.default_rng(seed)
    probes: list[tuple[Any, ...]] = []
    for shapes in ([(3,), (2, 4)], [()], [(2, 3), (5,), ()]):
        step = [[torch.as_tensor(rng.normal(size=shape)) for shape in shapes] for _ in range(3)]
        rates = torch.tensor(rng.uniform(0.1, 0.4)), float(rng.uniform(0.5, 0.9))
        ends = (-1, 1), (-1, 1), (0.1, 0.3), (0.3, 0.9)
        x, y, lr, momentum = (torch.as_tensor(rng.uniform(low, high, 3)) for low, high in ends)
        theta = torch.as_tensor(rng.normal(size=2))
        probes.append((*step, *rates, (x, y, theta, lr, momentum)))
    return probes


def _run_step(call: Call, inputs: tuple[Any, ...], changed: set[str]) -> dict[str, Array]:
    *step, track = inputs
    names = ("the given parameters", "the given velocity", "the given gradients")
    before = [_flat(each) for each in step[:3]]
    answer = call("sgd_momentum_step", *step)
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Unreadable("the function should return (new_params, new_velocity)")
    values = {"parameters": _flat(answer[0]), "velocity": _flat(answer[1])}
    changed |= _differing(names, before, [_flat(each) for each in step[:3]])
    parts = ("x", "y", "lr", "momentum")
    values["derivatives"] = _derivatives(call, "three_step_meta_gradient", track, parts, 12)
    return values


def _lessons(names: Mapping[str, Any], seed: int) -> list[tuple[Any, ...]]:
    sizes = [(3, 5, 3), (1, 2, 1), (4, 3, 2)]  # T, batch, steps
    return [(*names["random_lesson"](T, batch, seed=seed + T), steps) for T, batch, steps in sizes]


def _run_lesson(call: Call, inputs: tuple[Any, ...], changed: set[str]) -> dict[str, Array]:
    lesson, weights, real, steps = inputs
    before = copy.deepcopy(lesson)
    result = call("taught", lesson, weights, steps)
    parameters, own, given = (
        _flat([named[name] for name in sorted(weights)])
        for named in (result["params"], result["learner"], weights)
    )
    changed |= _differing(["the learner's own parameters"], [given], [own])
    teachers = [f"the teacher's {name}" for name in before]
    changed |= _differing(teachers, before.values(), [lesson[name] for name in before])
    size = lesson["images"].numel()
    track = lesson, weights, steps, real
    parts = ("images", "lr", "momentum")
    slopes = _derivatives(call, "meta_gradient", track, parts, size + 2 * len(lesson["lr"]))
    return {
        "parameters": parameters,
        "derivatives by images": slopes[:size],
        "derivatives by rates": slopes[size:],
    }


def _curricula(names: Mapping[str, Any], seed: int) -> list[tuple[Any, ...]]:
    curricula = []
    for number, (steps, batch) in enumerate([(6, 5), (5, 8)]):
        labels = np.arange(steps * batch).reshape(steps, batch)
        # image n is all n, and so is its label
        images = labels[:, :, None, None].repeat(28, 2).repeat(28, 3).astype(np.float32)
        curricula.append((images, labels, seed + 100 * number))
    return curricula


def _run_shuffles(call: Call, inputs: tuple[Any, ...], changed: set[str]) -> dict[str, Array]:
    images, labels, seed = inputs
    shuffles = []
    for number in (*_SEEDS, _SEEDS[0]):
        given = images.copy(), labels.copy()
        shuffles.append(call("shuffle_with", *given, seed + number))
        changed |= _differing(("the given images", "the given labels"), (images, labels), given)
    return {
        way: _properties([(each[way][0], each[way][1]) for each in shuffles], images, labels)
        for way in LAB_QUANTITIES["shuffled"]
    }


def _properties(curricula: list[tuple[Any, Any]], images: Array, labels: Array) -> Array:
    """Yes or no to each question about the shuffles of one kind; the last has the first seed."""
    steps, batch = labels.shape
    answers, places = [], []
    for shown, written in curricula:
        new_images, new_labels = np.asarray(shown), np.asarray(written)
        if new_images.shape != images.shape or new_labels.shape != labels.shape:
            raise Unreadable(
                f"a curriculum of shapes {images.shape} and {labels.shape} became one of shapes "
                f"{new_images.shape} and {new_labels.shape}"
            )
        number = new_images[:, :, 0, 0].astype(int)
        places.append(number)
        rows, inside = np.divmod(number, batch)
        answers.append(
            [
                (new_images == new_images[:, :, :1, :1]).all(),  # images are whole
                sorted(number.ravel()) == list(range(labels.size)),  # all are there, once
                np.array_equal(new_labels, number),  # each with its label
                not np.array_equal(new_labels, labels),  # labels have moved
                not np.array_equal(number, labels),  # images have moved
                (rows == rows[:, :1]).all(),  # what was one batch still is
                (np.sort(rows, axis=1) == np.arange(steps)[:, None]).all(),  # in its place
                (inside == np.arange(batch)).all(),  # places inside a batch are kept
                (inside == inside[:1]).all(),  # all batches in the same inner order
                np.array_equal(number[::-1], labels),  # just turned round
            ]
        )
    *first, again = places
    same = [
        all(np.array_equal(each, first[0]) for each in first),  # always the same order
        np.array_equal(again, first[0]),  # the same generator gives the same
    ]
    # by majority: now and then chance shuffles into the order that was
    return np.array([*(np.mean(answers, axis=0) > 0.5), *same], dtype=float)


# How each exercise's inputs are made, and how its exports are called on them.
_WAYS: Mapping[str, tuple[Callable[..., Any], Callable[..., dict[str, Array]]]] = {
    "sgd_momentum_step": (_steps, _run_step),
    "inner_loop": (_lessons, _run_lesson),
    "shuffled": (_curricula, _run_shuffles),
}


def _differing(names: Iterable[str], before: Iterable[Any], after: Iterable[Any]) -> set[str]:
    """Names of what is no longer as it was before."""
    states = zip(names, before, after, strict=True)
    return {name for name, then, now in states if not np.array_equal(then, now)}


def _derivatives(
    call: Call, export: str, given: tuple[Any, ...], parts: tuple[str, ...], size: int
) -> Array:
    """All derivatives in one array; NaN where nothing could be differentiated."""
    try:
        found = call(export, *copy.deepcopy(given))
        return _flat([found[name] for name in parts])
    except (RuntimeError, ValueError, TypeError):  # a graph that is cut or changed in place
        return np.full(size, np.nan)


def _flat(tensors: Iterable[Any]) -> Array:
    """Tensors of any shapes as one array of numbers; `Unreadable` if these are no tensors."""
    try:
        parts = [each.detach() if hasattr(each, "detach") else each for each in tensors]
        return np.concatenate([np.asarray(part, dtype=float).ravel() for part in parts])
    except (TypeError, ValueError) as error:
        raise Unreadable(f"tensors should come back: {error}") from error
