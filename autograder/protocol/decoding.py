"""From a frame's tree and buffers back to the value: what a stranger sent is checked here."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from autograder.protocol.wire_format import DTYPES, Caps, Instance, TooLarge, WireError, is_key

_MAX_DIMENSIONS = 32


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
