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

from cds_hooks.app.browsers import ErrorPage
from cds_hooks.app.errors import BodyTooSlow, Overloaded
from cds_hooks.app.notes import notes_of
from cds_hooks.app.replies import error_reply
from cds_hooks.app.server_settings import AppConfig
from cds_hooks.protocol.protocol_errors import BodyTooLarge

__all__ = ["BodyLimit"]

_LINGER_S = 1.0
_LINGER_BYTES = 64 * 1024 * 1024


class BodyLimit:
    """413 past `max_bytes`, 408 when a body takes longer than `read_within_s`.

    All bodies that are open together hold at most `max_held_bytes`: 503 past it.
    """

    def __init__(self, app: ASGIApp, config: AppConfig, page: ErrorPage | None = None) -> None:
        self.app = app
        self.config = config
        self.page = page
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on with a body that is bounded."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(receive, send, self)
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self.config.limits.max_bytes:
            notes_of(scope).code = BodyTooLarge.code
            reply = error_reply(body.too_large(), scope, page=self.page)
            await reply(scope, receive, body.send)
            return
        try:
            await self.app(scope, body.receive, body.send)
        finally:
            self.held -= body.bytes


class _Body:
    """The body of one request, and the response to it."""

    def __init__(self, receive: Receive, send: Send, limit: BodyLimit) -> None:
        self.bytes = 0
        self._receive = receive
        self._send = send
        self._limit = limit
        self._until = asyncio.get_running_loop().time() + limit.config.read_within_s
        self._whole = False
        self._refused = False

    def too_large(self) -> BodyTooLarge:
        """Refuse the body; the answer lingers from here on."""
        self._refused = True
        return BodyTooLarge("the body is larger than the limit", hint="Ask for less in prefetch.")

    async def receive(self) -> Message:
        """The next piece, or BodyTooLarge, BodyTooSlow or Overloaded."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise BodyTooSlow from None
        self._whole = not message.get("more_body", False)
        self._count(len(message.get("body", b"")))
        return message

    def _count(self, size: int) -> None:
        config = self._limit.config
        self.bytes += size
        self._limit.held += size
        if self.bytes > config.limits.max_bytes:
            raise self.too_large()
        if self._limit.held > config.max_held_bytes:
            raise Overloaded

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
