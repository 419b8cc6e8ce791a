"""The certificate that a caller showed in TLS: from our own server, or from a declared proxy.

In the scope it stands where the ASGI TLS extension puts it (`extensions.tls.client_cert_chain`,
PEM). uvicorn does not fill that in; `tls_protocol` does. Either way TLS has verified it before.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["certificate_of", "from_header", "told_of", "with_certificate"]

_LONGEST = 16 * 1024
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def certificate_of(scope: Scope) -> bytes:
    """The caller's certificate (DER); empty when it showed none, or none is known."""
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
    try:
        return ssl.PEM_cert_to_DER_cert(chain[0]) if chain else b""
    except (ValueError, TypeError):
        return b""


def with_certificate(scope: Scope, certificate: bytes) -> Scope:
    """The scope with this certificate and no other; without one when it is empty."""
    chain = [ssl.DER_cert_to_PEM_cert(certificate)] if certificate else []
    extensions = {**scope.get("extensions", {}), "tls": {"client_cert_chain": chain}}
    return {**scope, "extensions": extensions}


def from_header(values: list[str]) -> bytes:
    """The certificate (DER) in a proxy's header; empty for none, several, or what is none.

    Read are base64 of DER, between colons (RFC 9440) or bare, and PEM, also percent-encoded.
    """
    if len(values) != 1 or len(values[0]) > _LONGEST:
        return b""
    text = values[0].strip()
    if "BEGIN" in text:
        text = unquote(text).strip()
        if not (text.startswith(_BEGIN) and text.endswith(_END)):
            return b""
        text = text.removeprefix(_BEGIN).removesuffix(_END)
        text = "".join(text.split())
    elif len(text) > 2 and text[0] == text[-1] == ":":
        text = text[1:-1]
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return b""


def told_of(app: ASGIApp, transport: Any) -> ASGIApp:
    """The application, told of the certificate that was shown on this connection."""
    connection = transport.get_extra_info("ssl_object")
    shown = (connection.getpeercert(binary_form=True) if connection else None) or b""

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await app(with_certificate(scope, shown), receive, send)

    return told
