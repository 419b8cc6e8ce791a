"""Bounds the size of a body and the time it may take, without holding what is too much.

A body that announces itself as too large is refused before a byte of it is read; one that does not
is refused at the byte past the limit. What a client goes on sending after that is thrown away for a
moment before the connection is closed: closing at once would reset it, and the client would never
read why.
"""

from __future__ import annotations

import asyncio
import contextlib

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.app.errors import BodyTooSlow
from cds_hooks.app.notes import notes_of
from cds_hooks.app.replies import error_reply
from cds_hooks.protocol.errors import BodyTooLarge

__all__ = ["BodyLimit"]

_LINGER_S = 1.0
_LINGER_BYTES = 64 * 1024 * 1024


class BodyLimit:
    """413 past `max_bytes`, 408 when a body takes longer than `within_s`."""

    def __init__(self, app: ASGIApp, max_bytes: int, within_s: float) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on with a body that is bounded."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(receive, send, self.max_bytes, self.within_s)
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self.max_bytes:
            notes_of(scope).code = BodyTooLarge.code
            await error_reply(body.too_large())(scope, receive, body.send)
        else:
            await self.app(scope, body.receive, body.send)


class _Body:
    """One body on its way in, and the answer on its way out."""

    def __init__(self, receive: Receive, send: Send, max_bytes: int, within_s: float) -> None:
        self._receive = receive
        self._send = send
        self._left = max_bytes
        self._until = asyncio.get_running_loop().time() + within_s
        self._whole = False
        self._refused = False

    def too_large(self) -> BodyTooLarge:
        """Refuse the body; the answer lingers from here on."""
        self._refused = True
        return BodyTooLarge("the body is larger than the limit", hint="Ask for less in prefetch.")

    async def receive(self) -> Message:
        """The next piece, or BodyTooLarge or BodyTooSlow."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow from None
        self._left -= len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._left < 0:
            raise self.too_large()
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on; before its end, throw away what the client still sends."""
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if self._refused and not self._whole and last:
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body"}
        await self._send(message)

    async def _linger(self) -> None:
        thrown = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while thrown < _LINGER_BYTES:
                    message = await self._receive()
                    thrown += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return
