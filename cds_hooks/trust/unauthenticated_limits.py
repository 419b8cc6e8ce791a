"""How many calls without a good token one address may make, before any signature is looked at.

A bucket an address, in this process; a /64 of IPv6 is one address, since whoever has one has all of
it. Memory is bounded: past the most addresses that are kept, new ones share one bucket. An address
from which a good token came is let through for an hour, so that nobody beside an EHR (a test system
behind the same gateway, say) can shut it out; a caller elsewhere has no such address.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable

from cds_hooks.trust.caller_errors import UnauthenticatedRateLimited

__all__ = ["UnauthenticatedLimits"]

_KNOWN_FOR_S = 3600.0
_OTHERS = "others"


class UnauthenticatedLimits:
    """Buckets by address, full at first. `clock` is monotonic seconds; `per_minute` 0: no bound."""

    def __init__(
        self,
        per_minute: float,
        burst: int,
        *,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._a_second = per_minute / 60
        self._burst = float(burst)
        self._most = most
        self._clock = clock
        self._levels: dict[str, tuple[float, float]] = {}
        self._known: dict[str, float] = {}

    def enter(self, peer: str) -> None:
        """Count a call whose token nobody has looked at. Raises UnauthenticatedRateLimited.

        What is no address is not counted: a call that came otherwise than by the network.
        """
        address = _address(peer)
        if not self._a_second or not address or self._is_known(address):
            return
        key, now = self._key(address), self._clock()
        level = self._level(key, now)
        if level < 1:
            raise UnauthenticatedRateLimited(max(1, math.ceil((1 - level) / self._a_second)))
        self._insert(key, level - 1, now)

    def good(self, peer: str) -> None:
        """The token was good: the caller is authenticated, and its address is known now."""
        if not self._a_second or not (address := _address(peer)):
            return
        now = self._clock()
        if not self._is_known(address) and address in self._levels:
            self._insert(address, min(self._burst, self._level(address, now) + 1), now)
        self._known.pop(address, None)
        self._known[address] = now + _KNOWN_FOR_S
        if len(self._known) > self._most:
            del self._known[next(iter(self._known))]

    @property
    def addresses(self) -> int:
        """How many are kept just now."""
        return len(self._levels) + len(self._known)

    def _is_known(self, address: str) -> bool:
        return self._known.get(address, -math.inf) > self._clock()

    def _key(self, address: str) -> str:
        """The address's own bucket; the shared one where there is no space for another."""
        if address in self._levels or len(self._levels) < self._most:
            return address
        oldest = next(iter(self._levels))
        if self._level(oldest, self._clock()) >= self._burst:
            del self._levels[oldest]
            return address
        return _OTHERS

    def _level(self, key: str, now: float) -> float:
        level, at = self._levels.get(key, (self._burst, now))
        return min(self._burst, level + (now - at) * self._a_second)

    def _insert(self, key: str, level: float, now: float) -> None:
        """Behind all others: the first is the one that was not heard of for longest."""
        self._levels.pop(key, None)
        self._levels[key] = (level, now)


def _address(text: str) -> str:
    """An address in one spelling, of IPv6 its /64; empty for what is none."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return str(found)
