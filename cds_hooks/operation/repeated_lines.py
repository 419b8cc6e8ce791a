"""Lines that repeat are counted, not written: a client must not fill the log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

__all__ = ["RepeatedLines", "Repeats"]

_MOST_KEYS = 1000


@dataclass(slots=True)
class _Window:
    ends: float
    written: int = 0
    withheld: int = 0


class Repeats:
    """Lets the first `burst` of equal lines through in each window of `window_s` seconds.

    Thread-safe. `clock` gives seconds.
    """

    def __init__(
        self, burst: int, window_s: float = 60.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._window_s, self._clock = burst, window_s, clock
        self._windows: dict[Hashable, _Window] = {}
        self._lock = threading.Lock()

    def passes(self, key: Hashable) -> int | None:
        """None for a line to be withheld; else how many equal ones were withheld before it."""
        with self._lock:
            now = self._clock()
            window = self._windows.get(key)
            before = 0
            if window is None or window.ends <= now:
                before = window.withheld if window else 0
                window = self._begin(key, now)
            if window.written >= self._burst:
                window.withheld += 1
                return None
            window.written += 1
            return before

    def _begin(self, key: Hashable, now: float) -> _Window:
        """A new window; the longest unused one is forgotten where there are very many."""
        self._windows.pop(key, None)
        if len(self._windows) >= _MOST_KEYS:
            del self._windows[next(iter(self._windows))]
        self._windows[key] = window = _Window(now + self._window_s)
        return window


class RepeatedLines(logging.Filter):
    """Withholds equal records of libraries; the next one that is written has their number as
    `repeated`. Events of ours are told apart by `own` and pass."""

    def __init__(self, repeats: Repeats, own: str) -> None:
        super().__init__()
        self._repeats, self._own = repeats, own

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.name == self._own:
            return True
        error = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        withheld = self._repeats.passes((record.name, record.levelno, record.lineno, error))
        if withheld is None:
            return False
        record.repeated = withheld
        return True
