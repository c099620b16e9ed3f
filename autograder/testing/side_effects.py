"""What the student's code did to its arguments, done to the caller's own objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def write_back(mine: Any, returned: Any, is_notebook_object: Callable[[Any], bool]) -> bool:
    """Make the caller's object equal to its copy after the call; False where it cannot be.

    Args:
        is_notebook_object: whether a value is of one of the notebook's classes, whose attributes
            are looked at.
    """
    if isinstance(mine, np.ndarray):
        return _write_array(mine, returned)
    if type(mine).__module__ == "torch" and type(mine) is type(returned):
        if mine.shape != returned.shape or mine.dtype != returned.dtype:
            return False
        mine.detach().copy_(returned.detach())
        return True
    if isinstance(mine, (set, bytearray)) and type(mine) is type(returned):
        if mine != returned:
            mine.clear()
            (mine.update if isinstance(mine, set) else mine.extend)(returned)
        return True
    if isinstance(mine, list) and isinstance(returned, list):
        kept = [
            old if write_back(old, new, is_notebook_object) else new
            for old, new in zip(mine, returned, strict=False)
        ]
        mine[:] = kept + returned[len(mine) :]
        return True
    if isinstance(mine, tuple) and isinstance(returned, tuple) and len(mine) == len(returned):
        both = zip(mine, returned, strict=True)
        written = [write_back(old, new, is_notebook_object) for old, new in both]
        return all(written)
    if isinstance(mine, dict) and isinstance(returned, dict):
        for name in mine.keys() - returned.keys():
            del mine[name]
        for name, new in returned.items():
            if name not in mine or not write_back(mine[name], new, is_notebook_object):
                mine[name] = new
        return True
    if type(mine) is type(returned) and type(mine).__module__.partition(".")[0] == "pandas":
        if type(mine).__name__ in ("DataFrame", "Series") and not mine.equals(returned):
            mine._update_inplace(returned)
        return True
    if type(mine) is type(returned) and is_notebook_object(mine):
        return write_back(vars(mine), vars(returned), is_notebook_object)
    return mine is returned


def _write_array(mine: np.ndarray[Any, Any], returned: Any) -> bool:
    if not isinstance(returned, np.ndarray):
        return False
    if mine.shape != returned.shape or mine.dtype != returned.dtype:
        return False
    if mine.dtype.hasobject:
        pairs = zip(mine.flat, returned.flat, strict=True)
        changed = any(a is not b and a != b for a, b in pairs)
    else:
        changed = mine.tobytes() != returned.tobytes()
    if changed and mine.flags.writeable:
        mine[...] = returned
    return mine.flags.writeable or not changed
