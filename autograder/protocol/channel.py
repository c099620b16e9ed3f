"""One end of the socket between grader and child: whole frames, each within one deadline."""

from __future__ import annotations

import socket
import time
from typing import Any

from autograder.protocol import wire
from autograder.protocol.values import PREFIX_BYTES, Caps, Resolve

_CHUNK = 1 << 20


class ChannelClosed(Exception):
    """The other end is gone."""


class Channel:
    """Values over a stream socket.

    A deadline (`time.monotonic()` seconds, None for never) covers the whole frame, so that bytes
    that drip in slowly are as late as bytes that never come.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def send(self, frame: bytes, deadline: float | None = None) -> None:
        """Send what `wire.encode` made. Raises TimeoutError or ChannelClosed."""
        remaining = memoryview(frame)
        try:
            while remaining:
                self._wait_until(deadline)
                remaining = remaining[self.connection.send(remaining[:_CHUNK]) :]
        except (BrokenPipeError, ConnectionResetError):
            raise ChannelClosed from None

    def receive(
        self,
        deadline: float | None = None,
        caps: Caps = wire.DEFAULT_CAPS,
        resolve: Resolve | None = None,
    ) -> Any:
        """Raises WireError for bytes that are no frame, TimeoutError or ChannelClosed."""
        frame = self._exactly(PREFIX_BYTES, deadline)
        frame += self._exactly(wire.body_length(bytes(frame), caps), deadline)
        return wire.decode(frame, caps, resolve)

    def _exactly(self, size: int, deadline: float | None) -> bytearray:
        # grows with what arrives: an announced size alone costs nothing
        received = bytearray()
        while len(received) < size:
            self._wait_until(deadline)
            try:
                chunk = self.connection.recv(min(_CHUNK, size - len(received)))
            except ConnectionResetError:
                raise ChannelClosed from None
            if not chunk:
                raise ChannelClosed
            received += chunk
        return received

    def _wait_until(self, deadline: float | None) -> None:
        if deadline is None:
            self.connection.settimeout(None)
            return
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self.connection.settimeout(remaining)
