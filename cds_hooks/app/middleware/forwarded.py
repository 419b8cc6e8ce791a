"""Behind a declared proxy: only it is believed, and nobody else beyond this machine is answered.

Without this a caller could write its own X-Forwarded-For, or come past the proxy in clear text.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cds_hooks.addresses import is_loopback
from cds_hooks.app.errors import NotThroughProxy
from cds_hooks.app.peer_certificate import from_header, with_certificate
from cds_hooks.app.routes import is_protocol, normal

__all__ = ["Address", "Forwarded", "Network", "address_of", "is_in"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Forwarded:
    """Takes client and scheme from the headers of a proxy in these networks, and the caller's
    certificate from the header of this name: what the proxy itself showed is not the caller's.

    Raises NotThroughProxy for callers from elsewhere but this machine, and for a CDS Hooks call
    that did not come to the proxy over https.
    """

    def __init__(self, app: ASGIApp, networks: Iterable[str], certificate: str = "") -> None:
        self.app = app
        self.certificate = certificate
        self.networks = tuple(ipaddress.ip_network(each) for each in networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on as the proxy saw it."""
        await self.app(self._seen(scope) if scope["type"] == "http" else scope, receive, send)

    def _seen(self, scope: Scope) -> Scope:
        peer = address_of(scope["client"][0] if scope.get("client") else "")
        if not self._is_proxy(peer):
            if peer is None or not is_loopback(peer):
                raise NotThroughProxy
            return scope
        headers = Headers(scope=scope)
        scheme = _last(headers.getlist("x-forwarded-proto")).lower()
        if scheme != "https" and is_protocol(normal(scope["path"])):
            raise NotThroughProxy
        caller = self._caller(headers.getlist("x-forwarded-for")) or str(peer)
        seen = {**scope, "scheme": scheme or scope["scheme"], "client": (caller, 0)}
        named = headers.getlist(self.certificate) if self.certificate else []
        return with_certificate(seen, from_header(named))

    def _caller(self, values: list[str]) -> str:
        """The last address in the chain that is no proxy's: what stands before it is hearsay."""
        chain = [part.strip() for value in values for part in value.split(",")]
        for text in reversed(chain):
            address = address_of(text)
            if address is None:
                return ""
            if not self._is_proxy(address):
                return str(address)
        return ""

    def _is_proxy(self, address: Address | None) -> bool:
        return is_in(address, self.networks)


def is_in(address: Address | None, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of these networks."""
    return address is not None and any(address in network for network in networks)


def address_of(text: str) -> Address | None:
    """The address in a text, of IPv4 where it is mapped into IPv6; None where it is none."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _last(values: list[str]) -> str:
    return values[-1].split(",")[-1].strip() if values else ""
