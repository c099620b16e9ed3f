"""Fresh inputs for the homework's exercises, and what a function does on each of them.

A probe is one call: a small model, inputs, and whether the call is made twice. An observation is
everything that came back: the named quantities, or why there are none, and what the call changed.
"""

from __future__ import annotations

import copy
import re
import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from autograder.protocol.errors import ProcessEnded, WireError

Array = npt.NDArray[Any]

# What each exercise computes, in the order in which its function returns it.
QUANTITIES: Mapping[str, tuple[str, ...]] = {
    "forward_propagation": ("o", "s"),
    "calculate_total_loss": ("L",),
    "bptt": ("dLdU", "dLdV", "dLdW"),
    "bptt_linear_time": ("dLdU", "dLdV", "dLdW"),
    "sgd_step": ("U", "V", "W"),
    "train_with_sgd": ("losses", "U", "V", "W"),
}
# Which other exercise the reference answer calls: a mistake there shows here too.
BUILDS_ON: Mapping[str, str] = {
    "calculate_total_loss": "forward_propagation",
    "bptt": "forward_propagation",
    "bptt_linear_time": "forward_propagation",
    "sgd_step": "bptt",
    "train_with_sgd": "sgd_step",
    "inner_loop": "sgd_momentum_step",
}
# Exercises whose job is to change the model: its state is their answer, not a side effect.
MOVES_THE_MODEL = ("sgd_step", "train_with_sgd")
PARAMETERS = ("U", "V", "W")

# C, H, T, k of the probes that every exercise has; of those about truncation, and of one with large
# errors, which shows whether a gradient is clipped.
_SIZES = ((5, 3, 5, 1000), (4, 6, 4, 1000), (6, 4, 1, 1000))
_LOUD = (4, 8, 24, 1000)
_SIZES_OF_GRADIENTS = {
    "bptt": ((5, 3, 5, 0), (4, 5, 5, 1), (5, 3, 6, 2), (3, 4, 8, 5), (4, 3, 9, 1000), _LOUD),
    "bptt_linear_time": ((5, 3, 5, 0), _LOUD),
}
_LOUDNESS = 100.0
_OWN_LINE = re.compile(r'File "Cell In\[\d+\]", line \d+, in \S+\n    (\S[^\n]*)')


class Unreadable(Exception):
    """What came back is not of the promised kind."""


@dataclass(frozen=True)
class Probe:
    """One call of an exercise's function.

    Attributes:
        C, H, T, k: sizes of the output and the hidden layer, length of the sequence, truncation.
        model: an instance of the notebook's class, never passed on itself.
        inputs: the arguments after the model.
        twice: call a second time on the same objects.
        loud: the errors are large, so that a clipped gradient shows.
    """

    exercise: str
    C: int
    H: int
    T: int
    k: int
    model: Any
    inputs: tuple[Any, ...]
    twice: bool = False
    loud: bool = False

    @property
    def truncates(self) -> bool:
        """Whether the truncation cuts anything off."""
        return self.k < self.T - 1

    @property
    def repeats_digits(self) -> bool:
        """Whether a digit comes twice in the input, or in one of its sequences."""
        x = self.inputs[0]
        return any(len(set(each)) < len(each) for each in ([x] if np.ndim(x[0]) == 0 else x))


@dataclass(frozen=True)
class Observation:
    """What one call did.

    Attributes:
        values: quantity → what came back for it; empty when nothing readable did.
        problem: short reason for empty values: the exception's name, or `shape of the answer`.
        detail: the same in words.
        line: the line of the notebook that an exception came from, where it is known.
        changed: what the call changed and should not have: names of attributes or inputs.
        again: what a second call with the same arguments gave; empty when there was none.
        died: the student's process ended; no further call makes sense.
    """

    values: Mapping[str, Array] = field(default_factory=dict)
    problem: str = ""
    detail: str = ""
    line: str = ""
    changed: tuple[str, ...] = ()
    again: Mapping[str, Array] = field(default_factory=dict)
    died: bool = False

    @property
    def repeats(self) -> bool:
        """Whether the second call, where there was one, gave the same values."""
        return not self.again or all(
            np.array_equal(self.again[name], value, equal_nan=value.dtype.kind in "fc")
            for name, value in self.values.items()
        )


def make_probes(
    exercise: str, model_class: Callable[..., Any], seed: int, equal_sizes: bool = False
) -> list[Probe]:
    """The probes of one exercise, the same for the same seed.

    Sizes differ (C > H, C < H), lengths include 1, truncations cut nothing, something and
    everything, digits repeat in some sequences and not in others.

    Args:
        model_class: called as `model_class(input_dim, hidden_dim, bptt_truncate)`.
        equal_sizes: as many hidden units as digits, so that a matrix on the wrong side still fits.
    """
    rng = np.random.default_rng([seed, zlib.crc32(exercise.encode())])
    probes = []
    for number, (C, H, T, k) in enumerate((*_SIZES, *_SIZES_OF_GRADIENTS.get(exercise, ()))):
        loud = (C, H, T, k) == _LOUD
        if equal_sizes:
            C = H = max(C, H)
        kept = np.random.get_state()  # the notebook's class draws from NumPy's global generator
        model = model_class(C, H, k)
        np.random.set_state(kept)
        for name in PARAMETERS:
            # larger than the initial weights, so that every term of a gradient shows
            setattr(model, name, rng.uniform(-1, 1, getattr(model, name).shape))
        inputs = _inputs(exercise, rng, C, T, repeated=number not in (1, 2))
        if loud:
            model.V = _LOUDNESS * model.V
            inputs[0][:] = inputs[0][0]  # one digit all along: the errors add up in dLdV, too
        probes.append(Probe(exercise, C, H, T, k, model, inputs, number == 0, loud))
    return probes


def _inputs(
    exercise: str, rng: np.random.Generator, C: int, T: int, repeated: bool
) -> tuple[Any, ...]:
    if repeated:
        x = rng.integers(C, size=T)
        x[-1] = x[-3]  # at least one digit comes twice
        if x[-2] == x[-1]:
            x[-2] = (x[-1] + 1) % C  # and not only in a row
    else:
        x = rng.permutation(C)[:T]
    y = rng.integers(C, size=T)
    if exercise == "forward_propagation":
        return (x,)
    if exercise == "calculate_total_loss":
        lengths = (T, max(1, T - 2))
        return tuple([rng.integers(C, size=n) for n in lengths] for _ in "xy")
    if exercise == "sgd_step":
        return x, y, float(rng.uniform(0.01, 0.1))
    if exercise == "train_with_sgd":
        # a rate this large lets the loss rise now and then, so that the halving shows
        return *rng.integers(C, size=(2, 3, T)), 2.0, 4, 2 if repeated else 1
    return x, y


def observe(function: Callable[..., Any], probe: Probe, model: Any) -> Observation:
    """Call a student's proxy, the reference or a mutant, and record everything that can be seen.

    Args:
        model: a copy of the probe's model to call it on, which may be changed.
    """
    inputs = copy.deepcopy(probe.inputs)

    def call() -> dict[str, Array]:
        return _read(probe.exercise, function(model, *inputs), model)

    seen = observed(call)
    seen = replace(seen, changed=_changes(probe, model, inputs))
    if probe.twice and seen.values and probe.exercise not in MOVES_THE_MODEL:
        return replace(seen, again=observed(call).values)
    return seen


def observed(run: Callable[[], Mapping[str, Array]]) -> Observation:
    """The values that `run` gives, or why there are none."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a mutant's are nobody's business
            return Observation(run())
    except (Unreadable, WireError) as error:
        return Observation(problem="shape of the answer", detail=str(error))
    except ProcessEnded as error:
        return Observation(problem="stopped", detail=str(error), died=True)
    except Exception as error:
        own = _OWN_LINE.findall(getattr(error, "student_traceback", ""))
        line = own[-1][:200] if own else ""
        return Observation(problem=type(error).__name__, detail=str(error), line=line)


def _read(exercise: str, result: Any, model: Any) -> dict[str, Array]:
    """The named quantities of a result, as copies; `Unreadable` if it is something else."""
    names = QUANTITIES[exercise]
    if exercise in MOVES_THE_MODEL:
        values = [getattr(model, name) if name in PARAMETERS else result for name in names]
    elif len(names) == 1:
        values = [result]
    elif result is None:
        raise Unreadable("the function returned None; is the `return` missing?")
    elif not isinstance(result, list | tuple | np.ndarray) or len(result) != len(names):
        raise Unreadable(f"the function should return the list [{', '.join(names)}]")
    else:
        values = list(result)
    read = {}
    for name, value in zip(names, values, strict=True):
        what = {"L": "the answer", "losses": "the losses"}.get(name, name)
        if value is None:
            raise Unreadable(f"{what} came back as None")
        try:
            read[name] = np.array(value)
        except (TypeError, ValueError) as error:
            raise Unreadable(str(error)) from error
        if read[name].dtype.kind not in "biufc":
            raise Unreadable(f"{what} should be numbers")
    return read


def _changes(probe: Probe, model: Any, inputs: Sequence[Any]) -> tuple[str, ...]:
    allowed = PARAMETERS if probe.exercise in MOVES_THE_MODEL else ()
    before = vars(probe.model) | dict(zip("xy", probe.inputs, strict=False))
    after = vars(model) | dict(zip("xy", inputs, strict=False))
    others = (name for name in before if name not in allowed)
    return tuple(name for name in others if not _same(before[name], after.get(name)))


def _same(then: Any, now: Any) -> bool:
    if isinstance(then, list):
        return isinstance(now, list) and all(map(_same, then, now))
    return np.array_equal(then, now)
