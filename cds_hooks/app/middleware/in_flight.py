"""Bounds how many calls are open at one time; past it the refusal costs next to nothing."""

from __future__ import annotations

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from cds_hooks.app.errors import Overloaded, TooManyFromPeer
from cds_hooks.app.notes import notes_of
from cds_hooks.app.routes import is_call, is_protocol

__all__ = ["InFlight"]

# From this share of the bound on, calls are answered without waiting for a model, so that places
# come free and clinicians are told: a refusal is something that an EHR may not show. Our choice.
_SHEDS_FROM = 0.75


class InFlight:
    """Counts calls of services and feedback; health and metrics are always let through.

    Refuses before a byte of the body is read: 503 past `most`, 429 past `most_per_peer` from one
    address (0 is no bound). Near `most`, notes of the calls of a caller that has its share of the
    places already that they are to be answered by rules alone.
    """

    def __init__(self, app: ASGIApp, most: int, most_per_peer: int) -> None:
        self.app = app
        self.most = most
        self.most_per_peer = most_per_peer
        self.open: Counter[str] = Counter()
        self.callers: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it in or refuse it."""
        if scope["type"] != "http" or not is_call(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        peer = scope["client"][0] if scope.get("client") else ""
        if self.open.total() >= self.most:
            raise Overloaded
        if self.most_per_peer and self.open[peer] >= self.most_per_peer:
            raise TooManyFromPeer
        notes = notes_of(scope)
        # A page's form asks no model, and anybody may send one: it takes no client's share.
        who = notes.caller.client or peer if is_protocol(scope["path"]) else None
        self.open[peer] += 1
        if who is not None:
            self.callers[who] += 1
            notes.shed = self._sheds(who)
        try:
            await self.app(scope, receive, send)
        finally:
            _less(self.open, peer)
            if who is not None:
                _less(self.callers, who)

    def _sheds(self, who: str) -> bool:
        total = self.callers.total()
        has_its_share = self.callers[who] * len(self.callers) >= total
        return total > _SHEDS_FROM * self.most and has_its_share


def _less(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
