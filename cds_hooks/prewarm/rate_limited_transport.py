"""A transport that spares the FHIR server: spaced requests, and no word before it wants one.

What a server says with 429 or 503 and Retry-After (RFC 9110, section 10.2.3) holds for every
request, not only for the one that was refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpx

from cds_hooks.errors import ChartsideError

__all__ = ["RateLimitedTransport", "ServerBusy", "retry_after"]

_BUSY = (429, 503)
_TRIES = 4
_FIRST_PAUSE_S = 2.0


class ServerBusy(ChartsideError):
    """The FHIR server wants to be left alone for longer than the site lets a run wait."""

    code = "prewarm-server-busy"
    status = 503


class RateLimitedTransport(httpx.AsyncBaseTransport):
    """At most `per_minute` requests start, evenly spaced; reads that meet a busy server wait.

    A pause longer than `longest_pause_s` is not waited for: the refusal is handed on, and
    `busy_s` tells how long is left of it. `clock` is monotonic seconds.
    """

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        *,
        per_minute: float,
        longest_pause_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._inner = inner
        self._gap = 60.0 / per_minute
        self._longest = longest_pause_s
        self._clock = clock
        self._sleep = sleep
        self._next = clock()
        self._quiet_until = clock()

    @property
    def busy_s(self) -> float:
        """Seconds for which the server still wants to be left alone."""
        return max(self._quiet_until - self._clock(), 0.0)

    def require_patience(self) -> None:
        """Raise ServerBusy when the server wants a longer pause than is waited for."""
        if self.busy_s > self._longest:
            raise ServerBusy(
                f"the FHIR server asks for a pause of {self.busy_s:.0f} s",
                where="Retry-After",
                hint="Run the command again after that; what is done is not done again.",
            )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait for a turn, ask, and ask again when a read met a busy server."""
        for attempt in range(_TRIES):
            await self._turn()
            response = await self._inner.handle_async_request(request)
            if response.status_code not in _BUSY or request.method != "GET":
                return response
            asked = retry_after(response.headers.get("retry-after", ""))
            pause = _FIRST_PAUSE_S * 2**attempt if asked is None else asked
            self._quiet_until = max(self._quiet_until, self._clock() + pause)
            if attempt + 1 == _TRIES or self.busy_s > self._longest:
                return response
            await response.aclose()
        raise AssertionError("the last try returns")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def _turn(self) -> None:
        """Sleep until it is this request's turn; turns are given out in the order of asking."""
        now = self._clock()
        mine = max(self._next, now)
        self._next = mine + self._gap
        if mine > now:
            await self._sleep(mine - now)
        while 0 < self.busy_s <= self._longest:
            await self._sleep(self.busy_s)


def retry_after(value: str) -> float | None:
    """Seconds from now of a Retry-After header, in seconds or as a date; None for neither."""
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError, IndexError):
        return None
    moment = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(moment.timestamp() - time.time(), 0.0)
