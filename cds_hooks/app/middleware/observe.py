"""Tells the observer of each finished exchange, in words from closed sets."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.app.handlers import Exchange
from cds_hooks.app.notes import notes_of
from cds_hooks.app.routes import normal, route_of

__all__ = ["Observe"]

_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"})


class Observe:
    """Calls `observe` once for each HTTP exchange, also when it failed or was cancelled."""

    def __init__(self, app: ASGIApp, observe: Callable[[Exchange], None]) -> None:
        self.app = app
        self.observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on and tell afterwards."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 0

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, seen)
        finally:
            self.observe(_exchange(scope, status))


def _exchange(scope: Scope, status: int) -> Exchange:
    notes = notes_of(scope)
    return Exchange(
        request_id=notes.request_id,
        method=scope["method"] if scope["method"] in _METHODS else "OTHER",
        route=route_of(normal(scope["path"])),
        service=notes.service,
        status=status,
        code=notes.code,
        fault=notes.fault,
        duration_ms=(time.monotonic() - notes.received) * 1000,
    )
