"""Headers that every answer has: nothing is cached unasked, sniffed, framed or referred from.

No window or page of another site has hold of ours.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["FixedHeaders"]

_FIXED = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
}
# A year (OWASP ASVS 5.0, 3.4.1). Not for names below ours: they may be another's.
_HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
_OWN = ("Cache-Control", "Content-Security-Policy")


class FixedHeaders:
    """Adds them. A page may bring a policy of its own, and an asset may be kept; both stay.

    With `https` a browser is told to come back over TLS alone.
    """

    def __init__(self, app: ASGIApp, https: bool = False) -> None:
        self.app = app
        self.headers = _FIXED | (_HTTPS_ONLY if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on with the headers on its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    if name not in _OWN or name not in headers:
                        headers[name] = value
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
