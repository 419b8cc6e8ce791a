"""Detects streamed text that runs on without end: white space, or the same text repeated."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from cds_hooks.inference.remote.misbehaviour import AnswerBounds
from cds_hooks.inference.remote.server_faults import FaultCode

__all__ = ["TextWatch"]

_STEP = 128  # characters looked at together, fewer than any bound
_KEY = 64  # characters by which an earlier occurrence is found
# Where these repeat themselves there are many occurrences; a little later there are few again.
_TRIED = 16


class TextWatch:
    """Feed it a text as it comes; it holds a few thousand characters of its end and no more."""

    def __init__(self, bounds: AnswerBounds) -> None:
        self._bounds = bounds
        self._white = 0
        self._tail = ""
        longest = max(bounds.repeated_characters, bounds.repeated_times * bounds.repeated_unit)
        self._kept = longest + 1

    def feed(self, piece: str) -> FaultCode | None:
        """What is wrong with the text now, if anything is."""
        for start in range(0, len(piece), _STEP):
            part = piece[start : start + _STEP]
            if self._blank(part):
                return FaultCode.WHITE_SPACE
            dense = "".join(part.split())
            if dense:
                self._tail = (self._tail + dense)[-self._kept :]
                if self._repeats():
                    return FaultCode.REPEATS
        return None

    def _blank(self, part: str) -> bool:
        """Count white space in a row, from one piece to the next."""
        leading = len(part) - len(part.lstrip())
        run = self._white + leading
        self._white = run if leading == len(part) else len(part) - len(part.rstrip())
        return run > self._bounds.white_space

    def _repeats(self) -> bool:
        """Whether the end of the text is one unit again and again, for too long."""
        return any(self._runs(unit) for unit in islice(self._units(), _TRIED))

    def _units(self) -> Iterator[int]:
        """Distances, shortest first, at which the last characters occurred before."""
        tail, last = self._tail, len(self._tail) - _KEY
        if len(tail) <= self._bounds.repeated_characters:
            return
        at = last
        while (at := tail.rfind(tail[-_KEY:], 0, at + _KEY - 1)) >= 0:
            if last - at > self._bounds.repeated_unit:
                return
            yield last - at

    def _runs(self, unit: int) -> bool:
        bounds, tail = self._bounds, self._tail
        run = max(bounds.repeated_characters, bounds.repeated_times * unit) + 1
        return len(tail) >= run and tail[-run:-unit] == tail[unit - run :]
