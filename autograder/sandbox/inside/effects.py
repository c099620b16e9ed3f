"""Inside the sandbox: what a call leaves behind besides its value and its arguments.

The grader does the same to its own side, so that a test for side effects sees what it would see
if the function had run there: NumPy's random numbers moved on, its error settings were changed,
arrays that earlier calls returned were overwritten.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

_MOST_BYTES = 1 << 18
_KEPT_CALLS = 4


class Effects:
    """Watches the calls of one process."""

    def __init__(self) -> None:
        self._returned: deque[tuple[int, list[tuple[int, np.ndarray[Any, Any], bytes]]]]
        self._returned = deque(maxlen=_KEPT_CALLS)
        self._own: Any = None
        self._random: Any = None

    def before(self) -> None:
        """A call begins."""
        self._own = np.random.get_state(legacy=True)
        # else who sets the same seed in every call would leave the same state in every call
        np.random.random_sample()
        self._random = np.random.get_state(legacy=True)

    def after(self, number: int, value: Any, settings: Mapping[str, str]) -> dict[str, Any]:
        """What the call `number` left behind; empty for nothing.

        Args:
            value: what it returned.
            settings: NumPy's error settings that it was called with, still to be left.
        """
        found: dict[str, Any] = {}
        if (now := np.geterr()) != dict(settings):
            found["errstate"] = now
        state: Any = np.random.get_state(legacy=True)
        if state[2:] != self._random[2:] or not np.array_equal(state[1], self._random[1]):
            found["random"] = True
        else:
            np.random.set_state(self._own)
        overwritten = [
            [earlier, place, array]
            for earlier, arrays in self._returned
            for place, array, kept in arrays
            if array.tobytes() != kept
        ]
        if overwritten:
            found["overwritten"] = overwritten
        arrays = enumerate(returned_arrays(value))
        small = [(place, each) for place, each in arrays if each.nbytes <= _MOST_BYTES]
        self._returned.append((number, [(place, each, each.tobytes()) for place, each in small]))
        return found


def returned_arrays(value: Any, depth: int = 0) -> Iterator[np.ndarray[Any, Any]]:
    """The arrays in what a function returned, in order, two lists or tuples deep."""
    if type(value) is np.ndarray and not value.dtype.hasobject:
        yield value
    elif isinstance(value, (list, tuple)) and len(value) <= 16 and depth < 2:
        for item in value:
            yield from returned_arrays(item, depth + 1)
