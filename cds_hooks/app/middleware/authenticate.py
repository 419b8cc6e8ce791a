"""Who calls discovery, services and feedback, before anything of a call is read.

A preflight carries no token and never comes this far with CORS; without CORS an OPTIONS is
answered like before. Pages of those who run the service are not CDS Hooks and ask for none.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cds_hooks.app.handlers import Call, Identify
from cds_hooks.app.notes import notes_of
from cds_hooks.app.peer_certificate import certificate_of
from cds_hooks.app.routes import is_protocol

__all__ = ["Authenticate"]


class Authenticate:
    """Asks `identify` for the caller, who is kept in the exchange's notes; passes refusals on."""

    def __init__(self, app: ASGIApp, identify: Identify) -> None:
        self.app = app
        self.identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may come in."""
        asks = scope["type"] == "http" and scope["method"] != "OPTIONS"
        if asks and is_protocol(scope["path"]):
            notes = notes_of(scope)
            authorizations = tuple(Headers(scope=scope).getlist("authorization"))
            peer = scope["client"][0] if scope.get("client") else ""
            shown = certificate_of(scope)
            call = Call(authorizations, scope["path"], notes.request_id, peer, shown)
            notes.caller = await self.identify(call)
        await self.app(scope, receive, send)
