"""The requests that an engine was given and that can still give way, as the service knows them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from cds_hooks.inference.engine import Priority, RisingPriority
from cds_hooks.inference.fair_queue import gives_way

__all__ = ["Claim", "Claims", "EngineRequest", "R", "watched"]

K = TypeVar("K", bound=Hashable)


class EngineRequest(Protocol):
    """What a request of any kind says of itself (`GenerationRequest`)."""

    @property
    def priority_now(self) -> Priority: ...

    @property
    def rising(self) -> RisingPriority | None: ...

    @property
    def deadline_s(self) -> float: ...

    @property
    def flow(self) -> tuple[str, str]: ...

    @property
    def observe(self) -> Callable[[Any], None] | None: ...


R = TypeVar("R", bound=EngineRequest)


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """One request from when it came; times are seconds of one clock."""

    request: EngineRequest
    arrived: float

    @property
    def priority(self) -> int:
        """The request's priority by now."""
        return int(self.request.priority_now)

    @property
    def deadline(self) -> float:
        """When its time is up."""
        return self.arrived + self.request.deadline_s

    @property
    def flow(self) -> tuple[int, int]:
        """Numbers that stand for client and tenant: the engine process learns no name."""
        client, tenant = self.request.flow
        return hash(client) & 0x7FFF_FFFF, hash((client, tenant)) & 0x7FFF_FFFF


def watched(
    claim: Claim | None, rises: Callable[[int], None]
) -> contextlib.AbstractContextManager[None]:
    """While the block runs, hear of each higher priority that a claim has."""
    if claim is None or claim.request.rising is None:
        return contextlib.nullcontext()
    return claim.request.rising.watched(lambda: rises(claim.priority))


class Claims(Generic[K]):
    """Claims by what names their request, in the order in which they came."""

    def __init__(self) -> None:
        self._waiting: dict[K, Claim] = {}

    @contextlib.contextmanager
    def entered(self, key: K, claim: Claim | None) -> Iterator[None]:
        """While a request is with the engine; None is no request for samples."""
        if claim is not None:
            self._waiting[key] = claim
        try:
            yield
        finally:
            self._waiting.pop(key, None)

    def began(self, key: K) -> None:
        """The engine works on it: it gives way to nobody any more."""
        self._waiting.pop(key, None)

    def displaced(self, newcomer: Claim) -> K | None:
        """The request that gives way to a newcomer, which is forgotten here; None where the
        newcomer is refused."""
        victim = gives_way(self._waiting.values(), newcomer, newcomer.arrived)
        key = next((k for k, claim in self._waiting.items() if claim is victim), None)
        if key is not None:
            del self._waiting[key]
        return key
