"""Browser-based clients: an allow-list of origins, off by default.

A preflight is answered here, before anything that asks who is calling: it carries no token.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cds_hooks.app.errors import OriginRefused
from cds_hooks.app.replies import error_reply
from cds_hooks.app.routes import is_protocol, normal

__all__ = ["Cors"]


class Cors(CORSMiddleware):
    """Starlette's, for the paths of CDS Hooks alone, with a refusal like every other of ours."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=("GET", "HEAD", "POST", "OPTIONS"),
            allow_headers=("authorization", "content-type", "x-request-id"),
            # A page on the internet that a site listed may call a service in its own network:
            # Chromium asks for that (Private Network Access), and others refuse nothing by it.
            allow_private_network=True,
            expose_headers=("X-Request-ID", "Retry-After"),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or pass it on with the headers on its answer."""
        if scope["type"] == "http" and is_protocol(normal(scope["path"])):
            await super().__call__(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Starlette's answer, unless it refuses."""
        response = super().preflight_response(request_headers)
        return response if response.status_code < 400 else error_reply(OriginRefused())
