"""uvicorn's HTTP protocol, with the certificate that the caller showed.

uvicorn hands no certificate over (its scope has no `extensions.tls`). It does let a server choose
the protocol class, and asyncio tells a protocol of its connection: that is all that is used here.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from cds_hooks.app.peer_certificate import told_of

__all__ = ["TlsHttp"]

_Http: Any = AutoHTTPProtocol


class TlsHttp(_Http):  # type: ignore[misc]  # uvicorn chooses the class by what is installed
    """Each connection asks the application with its caller's certificate in the scope."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is done: the certificate is what TLS verified."""
        super().connection_made(transport)
        self.app: ASGIApp = told_of(self.app, transport)
