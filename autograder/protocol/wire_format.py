"""What `wire`, `encoding` and `decoding` agree on: caps, dtypes, errors, objects of a notebook."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.errors import AutograderError

PREFIX_BYTES = 16
"""Every frame's magic, length of its header and length of its payload."""

DTYPES = {
    code: np.dtype(code)
    for code in (
        *("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"),
        *("<f2", "<f4", "<f8", "<c8", "<c16"),
    )
}


class WireError(AutograderError):
    """A value that cannot cross, or bytes that are not a well-formed frame."""


class TooLarge(WireError):
    """A value or a frame over one of the caps."""


@dataclass(frozen=True)
class Caps:
    """What one frame may hold; both ends check before they allocate."""

    frame_bytes: int = 64 << 20
    header_bytes: int = 4 << 20
    items: int = 200_000
    depth: int = 32


@dataclass
class Instance:
    """An object of a class that the notebook defines: its class's name and its attributes.

    Attributes that cannot cross (functions, generators, open files) are left out of `state` by
    the sandbox's end.
    """

    class_name: str
    state: dict[str, Any] = field(default_factory=dict)


def is_key(key: Any) -> bool:
    """Whether a dictionary with this key can cross."""
    # numbers of any size could be chosen to collide, and a dictionary of them to take minutes
    return isinstance(key, str) or (type(key) is int and abs(key) < 2**31)
