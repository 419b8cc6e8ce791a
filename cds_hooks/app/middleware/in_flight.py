"""Bounds how many calls are open at one time; past it the refusal costs next to nothing."""

from __future__ import annotations

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from cds_hooks.app.errors import Overloaded, TooManyFromPeer
from cds_hooks.app.routes import is_call

__all__ = ["InFlight"]


class InFlight:
    """Counts calls of services and feedback; health and metrics are always let through.

    Refuses before a byte of the body is read: 503 past `most`, 429 past `most_per_peer` from one
    address (0 is no bound).
    """

    def __init__(self, app: ASGIApp, most: int, most_per_peer: int) -> None:
        self.app = app
        self.most = most
        self.most_per_peer = most_per_peer
        self.open: Counter[str] = Counter()

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
        self.open[peer] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.open[peer] -= 1
            if not self.open[peer]:
                del self.open[peer]
