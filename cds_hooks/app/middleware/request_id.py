"""Every exchange has an id, in its notes and in the `X-Request-ID` header."""

from __future__ import annotations

import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.app.notes import notes_of

__all__ = ["RequestId"]


class RequestId:
    """Takes over the caller's id when it is a UUID; anything else could carry patient data."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Name the exchange and pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        notes = notes_of(scope)
        if theirs := _uuid(Headers(scope=scope).get("x-request-id", "")):
            notes.request_id = theirs

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = notes.request_id
            await send(message)

        await self.app(scope, receive, named)


def _uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text)) if len(text) == 36 else ""
    except ValueError:
        return ""
