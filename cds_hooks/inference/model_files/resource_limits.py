"""Time and memory for work on untrusted input in the main thread of a process of its own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

__all__ = ["TookTooLong", "limited"]

_STATM = Path("/proc/self/statm")


class TookTooLong(Exception):
    """The time was up."""


@contextmanager
def limited(seconds: float, more_bytes: int) -> Iterator[None]:
    """Raise TookTooLong after `seconds`, and MemoryError past `more_bytes` of new address space.

    Python sees the alarm between two of its instructions. Memory is limited on Linux alone.
    """

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        with _address_space(more_bytes):
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _address_space(more_bytes: int) -> Iterator[None]:
    if sys.platform != "linux":
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(_STATM.read_text("ascii").split()[0]) * resource.getpagesize()
    least = [limit for limit in (soft, hard, used + more_bytes) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(least), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
