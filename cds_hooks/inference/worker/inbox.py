"""What comes through the engine process's pipe, read by a thread from the very start.

Nothing heavy is imported here: while the libraries are, the first order is read and the files that
it names are hashed already.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from typing import Any

from cds_hooks.inference.frames import Decoder, FrameError

__all__ = ["GARBAGE", "Inbox"]

GARBAGE = 4  # exit status: what came through the pipe was not frames
Frame = dict[str, Any]


class Inbox:
    """Frames of one descriptor: `at_once` may answer one as it comes, the others are `orders`."""

    def __init__(self, source: int) -> None:
        self._source = source
        self.orders: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self.at_once: Callable[[Frame], bool] = lambda _frame: False

    def open(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._read, name="frames", daemon=True).start()

    def _read(self) -> None:
        """Read until the pipe closes; this thread's end is the process's end, always."""
        decoder = Decoder()
        status = GARBAGE
        try:
            while chunk := os.read(self._source, 1 << 16):
                for frame in decoder.feed(chunk):
                    if not self.at_once(frame):
                        self.orders.put(frame)
            status = 0
        except (FrameError, KeyError, TypeError):
            pass
        finally:
            os._exit(status)
