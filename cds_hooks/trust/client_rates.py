"""How often a client may call: a token bucket each, in this process."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from cds_hooks.trust.caller_errors import RateLimited
from cds_hooks.trust.client import Client

__all__ = ["Rates"]


class Rates:
    """Buckets by client, full at first; `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, client: Client) -> None:
        """Count one call. Raises RateLimited with the seconds until one is free again."""
        if not client.calls_per_minute:
            return
        a_second = client.calls_per_minute / 60
        now = self._clock()
        level, at = self._levels.get(client.name, (float(client.burst), now))
        level = min(client.burst, level + (now - at) * a_second)
        if level < 1:
            self._levels[client.name] = (level, now)
            raise RateLimited(client.name, max(1, math.ceil((1 - level) / a_second)))
        self._levels[client.name] = (level - 1, now)
