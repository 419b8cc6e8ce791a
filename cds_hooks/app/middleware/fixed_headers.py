"""Headers that every answer has: nothing is cached, sniffed, framed or referred from."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["WITH_A_FORM", "FixedHeaders"]

_NOTHING_ELSE = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
)
_FIXED = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Pages of ours are HTML; their style is inline and they have nothing else.
    "Content-Security-Policy": f"{_NOTHING_ELSE}; form-action 'none'",
}

WITH_A_FORM = f"{_NOTHING_ELSE}; form-action 'self'"
"""The policy of a page whose form comes back to this service."""


class FixedHeaders:
    """Adds them. A page of ours that has a form says so in a policy of its own, which stays."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on with the headers on its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                own = headers.get("Content-Security-Policy")
                headers.update(_FIXED)
                if own is not None:
                    headers["Content-Security-Policy"] = own
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
