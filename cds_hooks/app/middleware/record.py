"""Hands each call of CDS Hooks that was let in, with its answer, to whoever records calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.app.routes import normal
from cds_hooks.capture import Exchange, kind_of

__all__ = ["Record"]


class Record:
    """Innermost: what was refused, by whomever, is not recorded, and bodies are bounded already."""

    def __init__(self, app: ASGIApp, record: Callable[[Exchange], None]) -> None:
        self.app = app
        self.record = record

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, and tell of it once it was answered whole."""
        known = None
        if scope["type"] == "http":
            known = kind_of(scope["method"], normal(scope["path"]))
        if known is None:
            await self.app(scope, receive, send)
            return
        began, when, status = time.monotonic(), datetime.now(UTC), 0
        asked: list[bytes] = []
        told: list[bytes] = []

        async def received() -> Message:
            message = await receive()
            asked.append(message.get("body", b""))
            return message

        async def seen(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            told.append(message.get("body", b""))
            await send(message)

        await self.app(scope, received, seen)
        took = (time.monotonic() - began) * 1000
        self.record(Exchange(*known, when, status, took, b"".join(asked), b"".join(told)))
