"""What goes through the pipes of the engine process: JSON objects, each behind its length.

A frame is four bytes, the length of its body as a big-endian unsigned integer, then the body: one
JSON object. Both sides treat what they read as untrusted: anything else is a `FrameError`, after
which nothing on that pipe can be trusted any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

__all__ = ["MAX_FRAME", "Decoder", "FrameError", "encode"]

MAX_FRAME = 32 * 1024 * 1024
_HEADER = 4


class FrameError(Exception):
    """The bytes are not frames. The text names the fault and never the bytes."""


def encode(message: dict[str, Any]) -> bytes:
    """One frame. Raises FrameError when the message is too long or not JSON."""
    try:
        body = orjson.dumps(message)
    except TypeError as error:
        raise FrameError("a message cannot be written as JSON") from error
    if len(body) > MAX_FRAME:
        raise FrameError("a message is longer than a frame may be")
    return len(body).to_bytes(_HEADER, "big") + body


class Decoder:
    """Frames out of bytes that arrive in any pieces."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._held = bytearray()

    @property
    def pending(self) -> int:
        """Bytes of a frame that has not come whole yet."""
        return len(self._held)

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The messages that `data` completes. Raises FrameError at the first bad frame."""
        self._held += data
        while len(self._held) >= _HEADER:
            size = int.from_bytes(self._held[:_HEADER], "big")
            if size > self._limit:
                raise FrameError("a frame claims to be longer than a frame may be")
            if len(self._held) < _HEADER + size:
                return
            body = bytes(self._held[_HEADER : _HEADER + size])
            del self._held[: _HEADER + size]
            yield _message(body)


def _message(body: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise FrameError("a frame does not hold JSON") from None
    if not isinstance(message, dict):
        raise FrameError("a frame does not hold a JSON object")
    return message
