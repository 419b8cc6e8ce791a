"""Which request is next where several wait, and which gives way where no more may wait.

Open charts come first. Within a priority clients take turns, and the tenants of a client among
themselves, so one that asks for ten times as much does not make the others wait. Work of a lower
priority does not wait without end: once it has waited for half of its time, each fourth turn is
its. The shares and the half are our own choice. Pure; used by the engine process and by `plan`.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

__all__ = ["FairQueue", "Waiting", "gives_way"]

_TURNS_BETWEEN = 3
_MOST_REMEMBERED = 1024


class Waiting(Protocol):
    """What waits: the lowest `priority` is first, times are seconds of one clock, and `flow` stands
    for the client that asked and for its tenant."""

    @property
    def priority(self) -> int: ...

    @property
    def arrived(self) -> float: ...

    @property
    def deadline(self) -> float: ...

    @property
    def flow(self) -> tuple[int, int]: ...


W = TypeVar("W", bound=Waiting)


class FairQueue(Generic[W]):
    """Requests that wait, iterated in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: list[W] = []
        self._turns = 0
        self._last_turn: OrderedDict[tuple[int, ...], int] = OrderedDict()
        self._passed_over = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[W]:
        return iter(self._waiting)

    def add(self, request: W) -> None:
        """Let a request wait."""
        self._waiting.append(request)

    def remove(self, request: W) -> None:
        """Forget a request that waits no longer and was not begun."""
        self._waiting.remove(request)

    def first(self, now: float) -> W | None:
        """The request that is to begin next; None where nothing waits."""
        if not self._waiting:
            return None
        best = min(each.priority for each in self._waiting)
        overdue = [each for each in self._waiting if each.priority > best and _aged(each, now)]
        if not overdue or self._passed_over < _TURNS_BETWEEN:
            overdue = [each for each in self._waiting if each.priority == best]
        return min(overdue, key=self._last_turns)

    def begin(self, request: W) -> None:
        """Take a request out of the queue: it is the turn of its client and its tenant."""
        self.remove(request)
        self._turns += 1
        for key in (request.flow[:1], request.flow):
            self._last_turn[key] = self._turns
            self._last_turn.move_to_end(key)
        while len(self._last_turn) > _MOST_REMEMBERED:
            self._last_turn.popitem(last=False)
        lower = any(each.priority > request.priority for each in self._waiting)
        self._passed_over = self._passed_over + 1 if lower else 0

    def _last_turns(self, request: W) -> tuple[int, int]:
        client, tenant = request.flow[:1], request.flow
        return self._last_turn.get(client, 0), self._last_turn.get(tenant, 0)


def gives_way(waiting: Iterable[W], newcomer: Waiting, now: float) -> W | None:
    """The request that leaves a full queue to a newcomer; None where the newcomer is refused.

    That is the newest of a lower priority, but for the oldest of these once it is due by its age;
    else the newest of the client that has at least two more waiting than the newcomer's, or of such
    a tenant of the same client.
    """
    every = list(waiting)
    lower = [each for each in every if each.priority > newcomer.priority]
    if lower and _aged(lower[0], now):
        lower = lower[1:]
    if lower:
        return _newest_of_largest(lower, 1)
    equals = [each for each in every if each.priority == newcomer.priority]
    for depth in (1, 2):
        count = Counter(each.flow[:depth] for each in equals)
        if count and max(count.values()) > count[newcomer.flow[:depth]] + 1:
            return _newest_of_largest(equals, depth)
        equals = [each for each in equals if each.flow[:depth] == newcomer.flow[:depth]]
    return None


def _newest_of_largest(waiting: list[W], depth: int) -> W:
    """The newest of the client that has most, and there of the tenant that has most."""
    for level in range(depth, 3):
        largest = Counter(each.flow[:level] for each in waiting).most_common(1)[0][0]
        waiting = [each for each in waiting if each.flow[:level] == largest]
    return waiting[-1]


def _aged(request: Waiting, now: float) -> bool:
    return 2 * (now - request.arrived) >= request.deadline - request.arrived
