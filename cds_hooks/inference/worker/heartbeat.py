"""Tells the service that this process makes progress, while it does and only then.

A decode of a large model on a slow machine takes longer than any bound that also finds a process
that hangs. What tells them apart is processor time that is spent.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["start_heartbeat"]

_WORK_S = 0.02  # the thread's own waking takes a hundredth of that


def start_heartbeat(
    send: Callable[[dict[str, Any]], None],
    every_s: float,
    spent: Callable[[], float] = time.process_time,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Send `{"op": "pulse"}` at most every `every_s` while processor time (`spent`, s) is used."""

    def beat() -> None:
        last = spent()
        with contextlib.suppress(OSError):  # the service is gone: the reading thread ends this too
            while True:
                pause(every_s)
                now = spent()
                if now - last >= _WORK_S:
                    last = now
                    send({"op": "pulse"})

    threading.Thread(target=beat, name="pulse", daemon=True).start()
