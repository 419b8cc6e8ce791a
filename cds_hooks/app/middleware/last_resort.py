"""The last resort: whatever a layer raises becomes an answer, and nothing of it leaks.

An unexpected exception's text may hold patient data, so it goes neither to the client nor to the
server's log: its type and place go to the observer.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.app.browsers import ErrorPage
from cds_hooks.app.errors import Unexpected
from cds_hooks.app.notes import notes_of, place_of
from cds_hooks.app.replies import error_reply
from cds_hooks.errors import ChartsideError

__all__ = ["LastResort"]


class LastResort:
    """Catches everything; once an answer has begun, ends it. Browsers get `page`."""

    def __init__(self, app: ASGIApp, retry_after_s: int, page: ErrorPage | None = None) -> None:
        self.app = app
        self.retry_after_s = retry_after_s
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on and answer for whatever is raised."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            notes = notes_of(scope)
            known = error if isinstance(error, ChartsideError) else Unexpected()
            notes.code = known.code
            if known is not error:
                notes.fault = place_of(error)
            if not begun:
                reply = error_reply(known, scope, retry_after_s=self.retry_after_s, page=self.page)
                await reply(scope, receive, send)
