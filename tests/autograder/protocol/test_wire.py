"""The wire carries values faithfully, refuses what is not plain data, and survives any bytes."""

from __future__ import annotations

import contextlib
import json
import math
import struct
import subprocess
import sys
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.protocol.errors import TooLarge, WireError
from autograder.protocol.values import Caps, Instance
from autograder.protocol.wire import body_length, decode, encode

DTYPES = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0))
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(codec=None), max_size=700)  # lone surrogates too
    | st.binary(max_size=50)
)
keys = st.text(max_size=5) | st.integers(-(2**31) + 1, 2**31 - 1)
values = st.recursive(
    scalars | arrays,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
        | st.builds(Instance, st.just("RNN"), st.dictionaries(st.just("U"), inner))
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Equal in type, shape and every bit, NaN and the sign of zero included."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray | np.generic):
        return (one.dtype, one.shape) == (other.dtype, other.shape) and bits(one) == bits(other)
    if isinstance(one, float):
        return struct.pack("<d", one) == struct.pack("<d", other) or (one != one and other != other)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Instance):
        return one.class_name == other.class_name and same(one.state, other.state)
    return bool(one == other)


def bits(array: Any) -> bytes:
    return np.asarray(array).tobytes()


@given(values)
def test_every_value_arrives_as_it_was(value: Any) -> None:
    assert same(decode(encode(value)), value)


@given(arrays)
def test_a_numpy_scalar_stays_a_numpy_scalar(array: np.ndarray[Any, Any]) -> None:
    for scalar in array.reshape(-1)[:3]:
        assert same(decode(encode(scalar)), scalar)


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, -0.0, 10**400, -(2**70), "\ud800", "x" * 10_000, b""]
)
def test_the_corners_of_numbers_and_strings_arrive(value: Any) -> None:
    assert same(decode(encode(value)), value)


def test_any_layout_in_memory_arrives_as_the_same_numbers() -> None:
    plain = np.arange(24.0).reshape(4, 6)
    for view in (plain.T, plain[::2, ::-3], np.asfortranarray(plain), plain.astype(">f8")):
        arrived = decode(encode(view))
        assert np.array_equal(arrived, view)
        assert arrived.flags.c_contiguous
        assert arrived.flags.writeable


def test_a_subclass_arrives_as_the_plain_type() -> None:
    class Odd(np.ndarray[Any, Any]):
        def __eq__(self, other: object) -> bool:  # type: ignore[override]
            return True

    class Name(str):
        pass

    assert type(decode(encode(np.zeros(2).view(Odd)))) is np.ndarray
    assert type(decode(encode(np.zeros(2).view(np.recarray)))) is np.ndarray
    assert type(decode(encode(Name("a")))) is str
    assert type(decode(encode(True))) is bool


@pytest.mark.parametrize("requires_grad", [False, True])
def test_a_tensor_arrives_as_a_tensor(requires_grad: bool) -> None:
    sent = torch.arange(6.0).reshape(2, 3).T.requires_grad_(requires_grad)
    arrived = decode(encode(sent))
    assert torch.equal(arrived, sent)
    assert arrived.requires_grad == requires_grad


def test_a_frame_imports_nothing() -> None:
    """Where torch is not imported, a tensor is an array: a frame cannot make the grader import."""
    frame = encode(torch.ones(2))
    code = (
        "import sys; from autograder.protocol.wire import decode\n"
        f"value = decode({frame!r}); assert type(value).__name__ == 'ndarray', value\n"
        "assert 'torch' not in sys.modules and 'pickle5' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        print,
        np.array([object()]),
        np.zeros(1, [("a", object)]),
        torch.zeros(1, dtype=torch.bfloat16),
        [[object()]],
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_plain_data_is_refused_by_name(value: Any) -> None:
    with pytest.raises(WireError, match="cannot cross"):
        encode(value)


def test_a_value_that_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TooLarge, match="deep"):
        encode(loop)


SMALL = Caps(frame_bytes=10_000, header_bytes=1_000, items=50, depth=5)


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(2000),
        [0] * 60,
        [[[[[[[1]]]]]]],
        {str(i): "y" * 100 for i in range(20)},
        b"x" * 20_000,
    ],
    ids=["bytes", "items", "depth", "header", "buffer"],
)
def test_each_cap_holds_at_both_ends(value: Any) -> None:
    with pytest.raises(TooLarge):
        encode(value, SMALL)
    with pytest.raises(WireError):
        decode(encode(value), SMALL)


def frame(header: Any, payload: bytes = b"", announced: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    size = len(payload) if announced is None else announced
    return struct.pack("<4sIQ", b"AGW1", len(text), size) + text + payload


HOSTILE = {
    "no magic": b"XXXX" + bytes(12),
    "too short": b"AGW1",
    "payload of an exabyte": frame([], announced=1 << 60),
    "header that is not JSON": frame(b"{"),
    "header that is not ASCII": frame("é".encode()),
    "nesting that would overflow the stack": frame(b"[" * 100_000),
    "object array": frame(["a", "|O", [1]], bytes(8)),
    "text of impossible characters": frame(["a", "<U1", [1]], b"\xff\xff\xff\xff"),
    "text without an end": frame(["a", "<U99999999", [1]], bytes(4)),
    "huge array of nothing": frame(["a", "<U0", [2**40]]),
    "record of objects": frame(
        [
            "x",
            "record array",
            ["l", ["l", 0], ["d", ["a", ["x", "object array", ["l", ["l", 0], ["l"]]]]]],
        ]
    ),
    "record without fields": frame(["x", "record array", ["l", ["l", 2**40], ["d"]]]),
    "record of nothing": frame(
        ["x", "record array", ["l", ["l", 2**40], ["d", ["a", ["a", "|i1", [2**40, 0]]]]]]
    ),
    "record whose fields do not fit": frame(
        ["x", "record array", ["l", ["l", 2], ["d", ["a", ["a", "|i1", [1]]]]]], bytes(1)
    ),
    "record of numbers": frame(["x", "record array", ["l", ["l", 1], ["d", ["a", 1]]]]),
    "number of two megabytes": frame(["n", 2 << 20], bytes(2 << 20)),
    "unknown type": frame(["x", "subprocess.Popen", ["l", "ls"]]),
    "type that is not plain": frame(["x", "type", "os._wrap_close"]),
    "set of lists": frame(["x", "set", ["l", ["l"]]]),
    "decimal that never ends": frame(["x", "Decimal", "1e999999"]),
    "date that is none": frame(["x", "date", ["l", 2024, 2, 30]]),
    "time zone that is a path": frame(["x", "time", ["l", 1, 2, 3, 4, "../../etc/passwd", 0]]),
    "mask that does not fit": frame(
        ["x", "MaskedArray", ["l", ["a", "|i1", [1]], ["a", "|b1", [2]]]], bytes(3)
    ),
    "reference that nobody resolves": frame(["r", "sandbox", "object", 1, {}]),
    "set chosen to collide": frame(
        ["x", "set", ["l", *((2**61 - 1) * place % 2**63 for place in range(1, 5000))]]
    ),
    "big-endian array": frame(["a", ">f8", [1]], bytes(8)),
    "unhashable dtype": frame(["a", ["<f8"], [1]], bytes(8)),
    "negative size": frame(["a", "<f8", [-1]], bytes(8)),
    "fractional size": frame(["a", "<f8", [1.0]], bytes(8)),
    "boolean size": frame(["a", "|u1", [True]], bytes(1)),
    "size beyond the payload": frame(["a", "<f8", [10**9]], bytes(8)),
    "sizes whose product overflows": frame(["a", "<f8", [2**40, 2**40]], bytes(8)),
    "empty but astronomically wide": frame(["a", "<f8", [0, 2**61, 2**61]]),
    "more dimensions than NumPy has": frame(["a", "<f8", [1] * 70], bytes(8)),
    "boolean that is neither": frame(["a", "|b1", [1]], b"\x02"),
    "bytes that nobody names": frame([1, 2], bytes(8)),
    "unnamed payload": frame(None, bytes(8)),
    "bytes named twice": frame(["l", ["a", "<f8", [1]], ["a", "<f8", [1]]], bytes(8)),
    "negative buffer": frame(["b", -1]),
    "string that is not UTF-8": frame(["u", 2], b"\xff\xff"),
    "class name that is code": frame(["i", "__import__('os')", ["d"]]),
    "attribute that is no name": frame(["i", "RNN", ["d", ["a b", 1]]]),
    "attributes that are no dictionary": frame(["i", "RNN", 1]),
    "key that is a list": frame(["d", [["l"], 1]]),
    "keys chosen to collide": frame(
        ["d", *([(2**61 - 1) * place % 2**63, 1] for place in range(1, 5000))]
    ),
    "pair of three": frame(["d", ["a", 1, 2]]),
    "value without a tag": frame({"a": 1}),
    "empty value": frame([]),
    "unknown tag": frame(["x", 1]),
    "complex of strings": frame(["x", "complex", ["l", "1", "2"]]),
    "tensor of text": frame(["x", "Tensor", ["l", "1", True]]),
    "scalar with a shape": frame(["s", "<f8", [1]], bytes(8)),
    "number of a million digits": frame(b"1" * 1_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_frame_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        decode(HOSTILE[name])


def test_the_announced_size_is_checked_before_anything_is_read() -> None:
    with pytest.raises(TooLarge):
        body_length(frame([], announced=1 << 60)[:16])


@settings(max_examples=300)
@given(values, st.data())
def test_a_damaged_frame_is_a_value_or_an_error_and_nothing_else(value: Any, data: Any) -> None:
    damaged = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(0, len(damaged))) :]
    with contextlib.suppress(WireError):
        decode(damaged)


@settings(max_examples=200)
@given(st.binary(max_size=200), st.binary(max_size=100))
def test_random_headers_are_refused_or_decoded(header: bytes, payload: bytes) -> None:
    with contextlib.suppress(WireError):
        decode(frame(header, payload))
