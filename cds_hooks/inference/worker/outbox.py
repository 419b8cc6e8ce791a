"""What goes out through the engine process's pipe: whole frames, whichever thread writes them."""

from __future__ import annotations

import os
import threading
from typing import Any

from cds_hooks.inference.local.frames import encode

__all__ = ["Outbox"]


class Outbox:
    """Frames for one descriptor."""

    def __init__(self, sink: int) -> None:
        self._sink = sink
        self._writing = threading.Lock()

    def send(self, message: dict[str, Any]) -> None:
        """Write one frame whole. Raises OSError when the service is gone."""
        data = memoryview(encode(message))
        with self._writing:
            while data:
                data = data[os.write(self._sink, data) :]
