"""Values as a JSON tree and raw buffers, and back: what each frame carries.

What comes from the sandbox is untrusted: `Decoder` checks every tag, type, size and shape.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from autograder.protocol import library_types
from autograder.protocol.errors import TooLarge, WireError

PREFIX_BYTES = 16
"""Every frame's magic, length of its header and length of its payload."""

_NUMBERS = {
    code: np.dtype(code)
    for code in (
        *("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8"),
        *("<f2", "<f4", "<f8", "<c8", "<c16"),
    )
}
_DATES = re.compile(r"<[Mm]8(\[\d{0,6}[A-Za-z]{1,2}\])?|[<|][SU]\d{1,7}")  # and texts
_LONG_STRING = 512  # characters; longer strings travel in the payload, not in the JSON header
_MAX_DIMENSIONS = 32
_PLAIN_TYPES: tuple[type[Any], ...] = (int, float, complex, str, list, tuple, dict)
_PLAIN_INT = 1 << 63
_MAX_INT_BYTES = 1 << 20
# Hashes of other keys than strings and indices can be chosen to collide: a set or dictionary of
# so few is built in a moment all the same.
_MAX_OTHER_KEYS = 4_000


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


@dataclass(frozen=True)
class Reference:
    """A thing that stays at the end that owns it; the other end gets a handle.

    Attributes:
        owner: "sandbox" or "grader".
        kind: "function", "class", "iterator" or "object".
        token: number of the thing at its owner's end.
        facts: plain JSON that the other end makes the handle from; see the two ends' `references`.
    """

    owner: str
    kind: str
    token: int
    facts: Mapping[str, Any] = field(default_factory=dict)


# What to send in place of a value: something that can cross, or None where there is nothing. The
# second argument is true when the value cannot cross as data.
Refer = Callable[[Any, bool], Any]
# What a reference or an instance that arrives stands for.
Resolve = Callable[[Reference | Instance], Any]


def _is_plain_key(key: Any) -> bool:
    return isinstance(key, str) or (type(key) is int and abs(key) < 2**31)


def _dtype_of(code: Any) -> np.dtype[Any] | None:
    """The dtype that a code from `code_of` names, None for anything else."""
    if not isinstance(code, str):
        return None
    try:
        return _NUMBERS.get(code) or (np.dtype(code) if _DATES.fullmatch(code) else None)
    except (TypeError, ValueError):
        return None


@lru_cache(maxsize=256)
def code_of(dtype: np.dtype[Any]) -> str | None:
    """How the header names a dtype; None where arrays of it cannot cross as bytes."""
    code = dtype.newbyteorder("<").str
    return code if _dtype_of(code) is not None else None


class Encoder:
    """One value as a tree for the header, and the payload that the tree names."""

    def __init__(self, caps: Caps, refer: Refer | None = None) -> None:
        self.caps = caps
        self.refer: Refer = refer or (lambda value, last: None)
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
        if kind is float or value is None or kind is bool:
            return value
        if kind is int:
            return value if -_PLAIN_INT <= value < _PLAIN_INT else self.big_int(value)
        if kind is str:
            return self.string(value)
        if kind is np.ndarray and (code := code_of(value.dtype)) is not None:
            return ["a", *self.array(value, code)]
        if kind is list:
            return ["l", *(self.tree(item, depth + 1) for item in value)]
        if kind is tuple:
            return ["t", *(self.tree(item, depth + 1) for item in value)]
        if kind is dict:
            return ["d", *([self.tree(each, depth + 1) for each in pair] for pair in value.items())]
        if isinstance(value, np.generic) and (code := code_of(value.dtype)) is not None:
            return ["s", *self.array(np.asarray(value), code)]
        return self.other(value, depth)

    def other(self, value: Any, depth: int) -> Any:
        """What is not of Python's and NumPy's everyday types."""
        if isinstance(value, Instance):
            return ["i", value.class_name, self.tree(dict(value.state), depth + 1)]
        if isinstance(value, Reference):
            return ["r", value.owner, value.kind, value.token, dict(value.facts)]
        if type(value) is bytes:
            return ["b", self.buffer(value)]
        form = library_types.plain_form(value)
        if form is not None:
            return ["x", form[0], self.tree(form[1], depth + 1)]
        if (sent := self.refer(value, False)) is not None:
            return self.tree(sent, depth)
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            return self.tree(np.asarray(value), depth)
        for base in _PLAIN_TYPES:
            if isinstance(value, base) and not isinstance(value, np.generic):
                return self.tree(base(value), depth)
        if isinstance(value, Mapping):
            return self.tree(dict(value), depth)
        if (sent := self.refer(value, True)) is not None:
            return self.tree(sent, depth)
        if isinstance(value, (np.ndarray, np.generic)):
            raise WireError(f"an array of dtype {value.dtype} cannot cross")
        raise WireError(f"a value of type {type(value).__name__} cannot cross")

    def big_int(self, value: int) -> Any:
        size = value.bit_length() // 8 + 1
        if size > _MAX_INT_BYTES:
            raise TooLarge(f"a number of {size} bytes is more than the cap")
        return ["n", self.buffer(value.to_bytes(size, "little", signed=True))]

    def string(self, value: str) -> Any:
        if len(value) <= _LONG_STRING:
            return str(value)
        return ["u", self.buffer(value.encode("utf-8", "surrogatepass"))]

    def array(self, value: np.ndarray[Any, Any], code: str) -> list[Any]:
        if value.dtype.byteorder == ">":
            value = value.astype(code)
        self.buffer(value.tobytes())
        return [code, list(value.shape)]

    def buffer(self, raw: bytes) -> int:
        self.size += len(raw)
        if self.size > self.caps.frame_bytes - self.caps.header_bytes - PREFIX_BYTES:
            raise TooLarge(f"the value needs more than the cap of {self.caps.frame_bytes} bytes")
        self.payload.append(raw)
        return len(raw)


class Decoder:
    """Reads a header's tree and uses the bytes of the payload in order, up to `cursor`."""

    def __init__(self, caps: Caps, payload: memoryview, resolve: Resolve | None = None) -> None:
        self.caps = caps
        self.payload = payload
        self.resolve = resolve
        self.cursor = 0
        self.items = 0
        self.other_keys = 0

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
            case ["x", str(name), inner]:
                plain = self.value(inner, depth + 1)
                if name in library_types.HASHED and isinstance(plain, (list, tuple)):
                    self.count_keys(sum(not _is_plain_key(item) for item in plain))
                return library_types.from_plain(name, plain)
            case ["n", int(length)] if length <= _MAX_INT_BYTES:
                return int.from_bytes(self.buffer(length), "little", signed=True)
            case ["r", str(owner), str(kind), int(token), dict(facts)] if self.resolve is not None:
                return self.resolve(Reference(owner, kind, token, facts))
            case ["b", length]:
                return bytes(self.buffer(length))
            case ["u", length]:
                return self.text(length)
            case ["i", str(name), ["d", *pairs]] if name.isidentifier():
                state = self.mapping(pairs, depth + 1)
                if not all(isinstance(each, str) and each.isidentifier() for each in state):
                    raise WireError("an object in the frame has an attribute that is not a name")
                made = Instance(name, state)
                return made if self.resolve is None else self.resolve(made)
        raise WireError(f"the frame's header has no value of the form {str(tree[0])[:20]!r}")

    def mapping(self, pairs: list[Any], depth: int) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2:
                raise WireError("a dictionary in the frame is not made of pairs")
            key = self.value(pair[0], depth)
            if not _is_plain_key(key):
                self.count_keys(1)
            try:
                result[key] = self.value(pair[1], depth)
            except TypeError:
                raise WireError("a dictionary key in the frame cannot be one") from None
        return result

    def count_keys(self, more: int) -> None:
        self.other_keys += more
        if self.other_keys > _MAX_OTHER_KEYS:
            raise TooLarge(
                f"more than {_MAX_OTHER_KEYS} members of sets, or keys that are neither strings "
                "nor indices, cannot cross"
            )

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
        dtype = _dtype_of(code)
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
            if dtype.itemsize == 0:
                if math.prod(shape) > self.caps.items:
                    raise WireError("the frame has a huge array of nothing")
                return np.zeros(shape, dtype)
            if dtype.kind == "U" and len(raw) and np.frombuffer(raw, "<u4").max() > sys.maxunicode:
                raise WireError("the frame has a text with a character that does not exist")
            return np.frombuffer(raw, dtype).reshape(shape).copy()
        except ValueError as error:
            raise WireError(f"the frame has an array of impossible shape: {error}") from None
