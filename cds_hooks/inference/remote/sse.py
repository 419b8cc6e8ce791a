"""Server-sent events from chunks of bytes, however they are cut (WHATWG HTML, section 9.2).

Only `data` matters here: event names, ids, retry times and comments are read over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["EventReader", "EventTooLong"]

_LINE_END = re.compile(rb"\r\n|\r|\n")
_MARK = b"\xef\xbb\xbf"


class EventTooLong(Exception):
    """One event is longer than it may be."""


class EventReader:
    """Feed it what arrives; it gives the data of each event that is complete.

    An event that the stream ends in is none. No more than `longest` bytes are ever held.
    """

    def __init__(self, longest: int = 1 << 20) -> None:
        self._longest = longest
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._after_return = False
        self._first = True

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of each event that ends in `chunk`. Raises EventTooLong."""
        if not chunk:
            return
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
        self._after_return = chunk.endswith(b"\r") if chunk else False
        *ended, rest = _LINE_END.split(chunk)
        for piece in ended:
            self._hold(piece)
            yield from self._take(bytes(self._line))
            self._line.clear()
        self._hold(rest)

    def _hold(self, piece: bytes) -> None:
        if len(self._line) + len(piece) + self._size > self._longest:
            raise EventTooLong
        self._line += piece

    def _take(self, line: bytes) -> Iterator[bytes]:
        if self._first:
            line, self._first = line.removeprefix(_MARK), False
        if line:
            self._field(line)
        elif self._data:
            yield b"\n".join(self._data)
            self._data, self._size = [], 0

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(line) + 1
