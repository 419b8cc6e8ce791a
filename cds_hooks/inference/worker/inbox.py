"""What comes through the engine process's pipe: the first order, and then a thread's reading.

Nothing heavy is imported here: the first order says what the process may keep, and while libraries
load the files that it names are hashed already.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import Any

from cds_hooks.inference.local.frames import Decoder, FrameError

__all__ = ["GARBAGE", "Inbox"]

GARBAGE = 4  # exit status: what came through the pipe was not frames
Frame = dict[str, Any]


class Inbox:
    """Frames of one descriptor: `at_once` may answer one as it comes, the others are `orders`."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._decoder = Decoder()
        self.orders: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self.at_once: Callable[[Frame], bool] = lambda _frame: False

    def first(self) -> Frame:
        """The first order, read by the caller's own thread: there is no other before `open`."""
        try:
            while self.orders.empty():
                if not (chunk := os.read(self._source, 1 << 16)):
                    os._exit(0)
                self._take(chunk)
        except FrameError:
            os._exit(GARBAGE)
        return self.orders.get()

    def open(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, name="frames", daemon=True).start()

    def _read(self) -> None:
        """Read until the pipe closes; this thread's end is the process's end, always."""
        status = GARBAGE
        try:
            while chunk := os.read(self._source, 1 << 16):
                self._take(chunk)
            status = 0
        except (FrameError, KeyError, TypeError):
            pass
        finally:
            os._exit(status)

    def _take(self, chunk: bytes) -> None:
        for frame in self._decoder.feed(chunk):
            if not self.at_once(frame):
                self.orders.put(frame)
