"""From a value to what a frame carries: a JSON tree and raw buffers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from autograder.protocol.wire_format import (
    DTYPES,
    PREFIX_BYTES,
    Caps,
    Instance,
    TooLarge,
    WireError,
    is_key,
)

_LONG_STRING = 512  # characters; longer strings travel in the payload, not in the JSON header


def can_cross(value: np.ndarray[Any, Any]) -> bool:
    """Whether an array is of a dtype that can cross."""
    return value.dtype.newbyteorder("<").str in DTYPES


class Encoder:
    """One value as a tree for the header, and the payload that the tree names."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.items = 0
        self.size = 0
        self.payload: list[bytes] = []

    def tree(self, value: Any, depth: int) -> Any:
        """What the header says of a value; WireError if it cannot cross."""
        self.items += 1
        if self.items > self.caps.items:
            raise TooLarge(f"the value has more than {self.caps.items} items")
        if depth > self.caps.depth:
            raise TooLarge(f"the value is nested more than {self.caps.depth} deep")
        kind = type(value)  # most values are of these: the checks below take longer
        if kind is int or kind is float:
            return value
        if kind is str:
            return self.string(value)
        if kind is np.ndarray:
            return ["a", *self.array(value)]
        if isinstance(value, np.generic):  # before float: np.float64 is a float
            return ["s", *self.array(np.asarray(value))]
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, complex):
            return ["c", value.real, value.imag]
        if isinstance(value, str):
            return self.string(value)
        if isinstance(value, (bytes, bytearray)):
            return ["b", self.buffer(bytes(value))]
        if isinstance(value, np.ndarray):
            return ["a", *self.array(value)]
        if isinstance(value, Instance):
            return ["i", value.class_name, self.tree(dict(value.state), depth + 1)]
        if isinstance(value, (list, tuple)):
            tag = "l" if isinstance(value, list) else "t"
            return [tag, *(self.tree(item, depth + 1) for item in value)]
        if isinstance(value, Mapping):
            return ["d", *(self.pair(key, item, depth + 1) for key, item in value.items())]
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return ["T", *self.tensor(value)]
        raise WireError(f"a value of type {type(value).__name__} cannot cross")

    def pair(self, key: Any, item: Any, depth: int) -> list[Any]:
        if not is_key(key):
            raise WireError(f"a dictionary key of type {type(key).__name__} cannot cross")
        return [self.tree(key, depth), self.tree(item, depth)]

    def string(self, value: str) -> Any:
        if len(value) <= _LONG_STRING:
            return str(value)
        return ["u", self.buffer(value.encode("utf-8", "surrogatepass"))]

    def array(self, value: np.ndarray[Any, Any]) -> list[Any]:
        plain = np.asarray(value)
        code = plain.dtype.newbyteorder("<").str
        if code not in DTYPES:
            raise WireError(f"an array of dtype {value.dtype} cannot cross")
        little = plain.astype(DTYPES[code], order="C", copy=False)
        self.buffer(little.tobytes())
        return [code, list(plain.shape)]

    def tensor(self, value: Any) -> list[Any]:
        try:
            plain = value.detach().cpu().resolve_conj().resolve_neg().numpy()
        except (TypeError, RuntimeError) as error:
            raise WireError(f"a tensor of dtype {value.dtype} cannot cross: {error}") from None
        return [*self.array(plain), bool(value.requires_grad)]

    def buffer(self, raw: bytes) -> int:
        self.size += len(raw)
        if self.size > self.caps.frame_bytes - self.caps.header_bytes - PREFIX_BYTES:
            raise TooLarge(f"the value needs more than the cap of {self.caps.frame_bytes} bytes")
        self.payload.append(raw)
        return len(raw)
