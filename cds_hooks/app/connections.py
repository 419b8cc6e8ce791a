"""Bounds on connections, before a byte of a request is read.

A connection waits until the head of its next request has arrived whole (TLS handshake included),
and is busy until the answer has left. Past a bound, the connection that has waited longest gives
way to the new one, first of those whose TLS has not begun: a client that sends its request at once
is served while clients that send half a head lose their connections. Only where no connection
waits is the new one refused.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Connection", "ConnectionBounds", "ConnectionCounts", "Connections"]


class Connection(Protocol):
    """What can be told to end at once."""

    def abort(self) -> None:
        """Close without sending anything more."""


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """`most` connections in all and `per_address` from one address that many callers do not share
    (0: no bound); `head_s` seconds from the start of a wait to a whole head of a request, of at
    most `head_bytes`."""

    most: int = 1000
    per_address: int = 250
    head_s: float = 10.0
    head_bytes: int = 64 * 1024


@dataclass(slots=True)
class ConnectionCounts:
    """How many connections were ended, and why, since the start."""

    late: int = 0
    displaced: int = 0
    refused: int = 0
    large: int = 0


class Connections:
    """The open connections of one process; not thread-safe. `clock` gives seconds."""

    def __init__(
        self,
        bounds: ConnectionBounds,
        *,
        clock: Callable[[], float],
        is_shared: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.bounds = bounds
        self.counts = ConnectionCounts()
        self._clock = clock
        self._is_shared = is_shared
        self._address_of: dict[Connection, str] = {}
        self._of_address: dict[str, int] = {}
        # The longest wait first: of those whose TLS has not begun, of the others, of each address.
        self._new: OrderedDict[Connection, float] = OrderedDict()
        self._begun: OrderedDict[Connection, float] = OrderedDict()
        self._waiting_of: dict[str, OrderedDict[Connection, None]] = {}

    def __len__(self) -> int:
        return len(self._address_of)

    @property
    def waiting(self) -> int:
        """How many of them wait for a head."""
        return len(self._new) + len(self._begun)

    def admit(self, connection: Connection, address: str) -> bool:
        """Count a new connection, which waits; false when it has to be closed instead."""
        address = "" if self._is_shared(address) else address
        if not (self._fits_address(address) and self._fits()):
            self.counts.refused += 1
            return False
        self._address_of[connection] = address
        self._of_address[address] = self._of_address.get(address, 0) + 1
        self._wait(connection, self._new)
        return True

    def begun(self, connection: Connection) -> None:
        """TLS has begun, or there is none; the time that has passed counts on."""
        since = self._new.pop(connection, None)
        if since is not None:
            self._begun[connection] = since

    def wait(self, connection: Connection) -> None:
        """The connection waits for another head from now on."""
        if connection in self._address_of:
            self.busy(connection)
            self._wait(connection, self._begun)

    def _wait(self, connection: Connection, queue: OrderedDict[Connection, float]) -> None:
        queue[connection] = self._clock()
        of_address = self._waiting_of.setdefault(self._address_of[connection], OrderedDict())
        of_address[connection] = None

    def busy(self, connection: Connection) -> None:
        """A whole head has arrived: the connection is not ended from here until it waits again."""
        new, begun = self._new.pop(connection, None), self._begun.pop(connection, None)
        if new is None and begun is None:
            return
        address = self._address_of[connection]
        of_address = self._waiting_of[address]
        del of_address[connection]
        if not of_address:
            del self._waiting_of[address]

    def release(self, connection: Connection) -> None:
        """The connection is closed. Harmless for one that was refused or released before."""
        self.busy(connection)
        address = self._address_of.pop(connection, None)
        if address is None:
            return
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]

    def end_late(self) -> None:
        """Close every connection whose head is overdue."""
        limit = self._clock() - self.bounds.head_s
        for queue in (self._new, self._begun):
            # Those whose TLS took long stand behind some that began later: a sweep finds all.
            for connection in [each for each, since in queue.items() if since <= limit]:
                self.counts.late += 1
                self._end(connection)

    def end_waiting(self) -> None:
        """Close every connection that waits: the service stops."""
        for connection in (*self._new, *self._begun):
            self._end(connection)

    def end_large(self, connection: Connection) -> None:
        """Close a connection whose head is larger than allowed."""
        self.counts.large += 1
        self._end(connection)

    def _fits(self) -> bool:
        if len(self) < self.bounds.most:
            return True
        return self._displace(self._new) or self._displace(self._begun)

    def _fits_address(self, address: str) -> bool:
        most = self.bounds.per_address
        if not address or not most or self._of_address.get(address, 0) < most:
            return True
        return self._displace(self._waiting_of.get(address, ()))

    def _displace(self, waiting: Iterable[Connection]) -> bool:
        connection = next(iter(waiting), None)
        if connection is None:
            return False
        self.counts.displaced += 1
        self._end(connection)
        return True

    def _end(self, connection: Connection) -> None:
        self.release(connection)
        connection.abort()
