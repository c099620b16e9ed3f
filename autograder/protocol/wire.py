"""Frames: values as bytes and back, between grader and sandbox. No pickle, all capped.

A frame is a 16-byte prefix (magic, header length, payload length), an ASCII JSON header that
describes one value, and the raw little-endian buffers of its arrays and long strings in the order
in which the header names them. Every payload byte is used exactly once, so that a small frame can
never decode to a large value.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from autograder.protocol.errors import TooLarge, WireError
from autograder.protocol.values import PREFIX_BYTES, Caps, Decoder, Encoder, Refer, Resolve

_PREFIX = struct.Struct("<4sIQ")
_MAGIC = b"AGW1"
DEFAULT_CAPS = Caps()


def encode(value: Any, caps: Caps = DEFAULT_CAPS, refer: Refer | None = None) -> bytes:
    """One frame that holds `value`.

    Python's own data types, NumPy arrays and scalars, torch tensors, the types of
    `library_types` and `Instance` can cross. Other subclasses arrive as the plain type; arrays
    arrive C-contiguous.

    Args:
        refer: says what to send in place of a value that is not data.

    Raises WireError naming the type that cannot cross, or the cap that the value breaks.
    """
    encoder = Encoder(caps, refer)
    tree = encoder.tree(value, 0)
    try:
        header = json.dumps(tree, separators=(",", ":")).encode("ascii")
    except ValueError as error:  # an int of more digits than Python converts
        raise WireError(f"a number cannot cross: {error}") from None
    if len(header) > caps.header_bytes:
        raise TooLarge(f"the value needs {len(header)} bytes of header, more than the cap")
    prefix = _PREFIX.pack(_MAGIC, len(header), encoder.size)
    return b"".join([prefix, header, *encoder.payload])


def body_length(prefix: bytes, caps: Caps = DEFAULT_CAPS) -> int:
    """How many bytes follow this 16-byte prefix; WireError if it is forged or over the caps."""
    return sum(_lengths(prefix, caps))


def decode(
    frame: bytes | bytearray, caps: Caps = DEFAULT_CAPS, resolve: Resolve | None = None
) -> Any:
    """The value of one whole frame.

    Arrays are fresh and writable. A tensor becomes a torch tensor only where torch is already
    imported, else a plain array: a hostile frame cannot make the grader import anything.

    Args:
        resolve: says what a reference stands for; without it a frame may hold none.

    Raises WireError for anything that `encode` could not have written.
    """
    header_bytes, payload_bytes = _lengths(bytes(frame[:PREFIX_BYTES]), caps)
    if len(frame) != PREFIX_BYTES + header_bytes + payload_bytes:
        raise WireError("the frame's length is not what its prefix says")
    header = bytes(frame[PREFIX_BYTES : PREFIX_BYTES + header_bytes])
    try:
        tree = json.loads(header.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise WireError(f"the frame's header is not JSON: {error}") from None
    decoder = Decoder(caps, memoryview(frame)[PREFIX_BYTES + header_bytes :], resolve)
    value = decoder.value(tree, 0)
    if decoder.cursor != payload_bytes:
        raise WireError("the frame carries bytes that no part of its header names")
    return value


def _lengths(prefix: bytes, caps: Caps) -> tuple[int, int]:
    if len(prefix) != PREFIX_BYTES:
        raise WireError("the frame is shorter than its prefix")
    magic, header, payload = _PREFIX.unpack(prefix)
    if magic != _MAGIC:
        raise WireError("the bytes do not begin like a frame")
    if header > caps.header_bytes or PREFIX_BYTES + header + payload > caps.frame_bytes:
        raise TooLarge(
            f"the frame announces {header + payload} bytes; the cap is {caps.frame_bytes}"
        )
    return header, payload
