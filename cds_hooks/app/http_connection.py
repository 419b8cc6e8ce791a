"""uvicorn's HTTP protocol within bounds on connections, and with the certificate of the caller.

uvicorn lets a server choose the protocol class, and that is all that is used here. It bounds
neither the time nor the size of a request's head, asyncio's server bounds no handshake that has not
begun, and the scope that uvicorn makes has no `extensions.tls`. So the server listens without TLS,
each connection is counted first (`Connections`), and TLS begins here.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import get_remote_addr

from cds_hooks.app.connections import Connections
from cds_hooks.app.peer_certificate import told_of

__all__ = ["HttpConnection", "connection_factory"]


def connection_factory(connections: Connections, tls: ssl.SSLContext | None) -> Any:
    """What `uvicorn.Config(http=...)` takes; the server itself must be given no TLS."""

    def make(**of_server: Any) -> HttpConnection:
        return HttpConnection(connections, tls, **of_server)

    return make


class HttpConnection(HttpToolsProtocol):
    """One connection; `_open` once TLS, if any, has begun and uvicorn knows of it."""

    def __init__(
        self, connections: Connections, tls: ssl.SSLContext | None, **of_server: Any
    ) -> None:
        super().__init__(**of_server)
        self._bounded = connections
        self._tls = tls
        self._raw: asyncio.Transport | None = None
        self._open = False
        self._head_bytes = 0
        self._in_body = False
        # The bounds are on HTTP: a connection that became a WebSocket would count for good.
        self.ws_protocol_class = None
        self._early: list[bytes] = []
        self._handshake: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection, and begin TLS or HTTP."""
        self._raw = transport
        address = get_remote_addr(transport)
        if not self._bounded.admit(self, address[0] if address else ""):
            transport.abort()
        elif self._tls is None:
            self._begin_http(transport)
        else:
            transport.pause_reading()
            self._handshake = self.loop.create_task(self._begin_tls(transport, self._tls))

    def abort(self) -> None:
        """Close at once."""
        if self._raw is not None:
            self._raw.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Also of a connection that was never opened, and by both layers of TLS."""
        self._bounded.release(self)
        if self._open:
            self._open = False
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that grows past its bound ends the connection.

        The rest of a body whose call was refused already is thrown away, until the time for the
        next head is over: a reset would come before the caller has read why.
        """
        if not self._open:
            self._early.append(data)
            return
        in_body = self._in_body
        super().data_received(data)
        if self._open and self._waits_for_head() and not (in_body or self._in_body):
            self._head_bytes += len(data)
            if self._head_bytes > self._bounded.bounds.head_bytes:
                self._bounded.end_large(self)

    def on_headers_complete(self) -> None:
        """A whole head: the request begins."""
        self._bounded.busy(self)
        self._head_bytes = 0
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A whole body, if any: what comes next is a head."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer has left: the next head is waited for, unless it has come before."""
        super().on_response_complete()
        if self._waits_for_head():
            self._bounded.wait(self)

    def _waits_for_head(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    async def _begin_tls(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        bound = self._bounded.bounds.head_s
        try:
            secure = await self.loop.start_tls(
                transport, self, tls, server_side=True, ssl_handshake_timeout=bound
            )
        except (OSError, ssl.SSLError):
            # What a handshake fails of is nothing that anybody could mend.
            transport.abort()
            self._bounded.release(self)
            return
        if secure is None or transport.is_closing():
            self._bounded.release(self)
            return
        self._begin_http(secure)

    def _begin_http(self, transport: asyncio.Transport) -> None:
        self._bounded.begun(self)
        super().connection_made(transport)
        if self._tls is not None:
            self.app: ASGIApp = told_of(self.app, transport)
        self._open = True
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)
