"""Values as a JSON tree and raw buffers, and back: what each frame carries.

What comes from the sandbox is untrusted: `Decoder` checks every tag, type, size and shape.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.protocol.errors import TooLarge, WireError

PREFIX_BYTES = 16
"""Every frame's magic, length of its header and length of its payload."""

DTYPES = {
    code: np.dtype(code)
    for code in (
        *("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"),
        *("<f2", "<f4", "<f8", "<c8", "<c16"),
    )
}
_LONG_STRING = 512  # characters; longer strings travel in the payload, not in the JSON header
_MAX_DIMENSIONS = 32


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


class Decoder:
    """Reads a header's tree and uses the bytes of the payload in order, up to `cursor`."""

    def __init__(self, caps: Caps, payload: memoryview) -> None:
        self.caps = caps
        self.payload = payload
        self.cursor = 0
        self.items = 0

    def value(self, tree: Any, depth: int) -> Any:
        """The value that a part of the tree describes; WireError if it describes none."""
        self.items += 1
        if self.items > self.caps.items:
            raise TooLarge(f"the frame has more than {self.caps.items} items")
        if depth > self.caps.depth:
            raise TooLarge(f"the frame is nested more than {self.caps.depth} deep")
        if tree is None or isinstance(tree, (bool, int, float, str)):
            return tree
        if not isinstance(tree, list) or not tree:
            raise WireError("the frame's header holds a value without a tag")
        tag = tree[0]  # the frequent ones first: matching their patterns takes longer
        if tag == "l":
            return [self.value(item, depth + 1) for item in tree[1:]]
        if tag == "d":
            return self.mapping(tree[1:], depth + 1)
        if tag == "a" and len(tree) == 3:
            return self.array(tree[1], tree[2])
        if tag == "t":
            return tuple(self.value(item, depth + 1) for item in tree[1:])
        match tree:
            case ["s", code, []]:
                return self.array(code, [])[()]
            case ["T", code, shape, bool(requires_grad)]:
                return self.tensor(self.array(code, shape), requires_grad)
            case ["c", float(real), float(imag)]:
                return complex(real, imag)
            case ["b", length]:
                return bytes(self.buffer(length))
            case ["u", length]:
                return self.text(length)
            case ["i", str(name), ["d", *pairs]] if name.isidentifier():
                return Instance(name, self.attributes(pairs, depth + 1))
        raise WireError(f"the frame's header has no value of the form {str(tree[0])[:20]!r}")

    def mapping(self, pairs: list[Any], depth: int) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2:
                raise WireError("a dictionary in the frame is not made of pairs")
            key = self.value(pair[0], depth)
            if not is_key(key):
                raise WireError("a dictionary key in the frame is neither a string nor an index")
            result[key] = self.value(pair[1], depth)
        return result

    def attributes(self, pairs: list[Any], depth: int) -> dict[str, Any]:
        state = self.mapping(pairs, depth)
        if not all(isinstance(name, str) and name.isidentifier() for name in state):
            raise WireError("an object in the frame has an attribute that is not a name")
        return state

    def buffer(self, length: Any) -> memoryview:
        if type(length) is not int or not 0 <= length <= len(self.payload) - self.cursor:
            raise WireError("the frame's header asks for more bytes than the frame has")
        start = self.cursor
        self.cursor += length
        return self.payload[start : self.cursor]

    def text(self, length: Any) -> str:
        try:
            return bytes(self.buffer(length)).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise WireError(f"a string in the frame is not UTF-8: {error}") from None

    def array(self, code: Any, shape: Any) -> np.ndarray[Any, Any]:
        dtype = DTYPES.get(code) if isinstance(code, str) else None
        if dtype is None:
            raise WireError(f"the frame has an array of dtype {str(code)[:20]!r}")
        proper = isinstance(shape, list) and len(shape) <= _MAX_DIMENSIONS
        if not proper or not all(type(size) is int and 0 <= size < 2**62 for size in shape):
            raise WireError("the frame has an array without a proper shape")
        raw = self.buffer(dtype.itemsize * math.prod(shape))
        # a byte other than 0 or 1 would make a boolean that equals neither True nor False
        if dtype.kind == "b" and len(raw) and max(raw) > 1:
            raise WireError("the frame has a boolean array with other values than 0 and 1")
        try:
            return np.frombuffer(raw, dtype).reshape(shape).copy()
        except ValueError as error:
            raise WireError(f"the frame has an array of impossible shape: {error}") from None

    def tensor(self, array: np.ndarray[Any, Any], requires_grad: bool) -> Any:
        torch = sys.modules.get("torch")
        if torch is None:
            return array
        try:
            return torch.from_numpy(array).requires_grad_(requires_grad)
        except (TypeError, RuntimeError) as error:
            raise WireError(f"the frame has a tensor that torch refuses: {error}") from None
