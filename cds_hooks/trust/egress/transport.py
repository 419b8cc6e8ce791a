"""The lock in front of an HTTP client: the destination before it is looked up, and redirects."""

from __future__ import annotations

import httpx

from cds_hooks.tls_client import certificate_fault
from cds_hooks.trust.egress.egress_errors import EgressRefused
from cds_hooks.trust.egress.lock import EgressLock, RefusedAccess

__all__ = ["LockedTransport"]

_PORTS = {"http": 80, "https": 443}


class LockedTransport(httpx.AsyncBaseTransport):
    """Hands on only requests to listed destinations, in the scheme that is listed, and tells of a
    server whose certificate is refused.

    A redirect to another origin loses its Location: no client can follow it, whatever it is told
    about redirects, and so no token leaves with it.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, lock: EgressLock) -> None:
        self._inner = inner
        self._lock = lock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises httpx.ConnectError for a destination that is not listed."""
        scheme, host, port = _origin(request.url)
        try:
            self._lock.request(scheme, host, port)
        except EgressRefused as refused:
            raise httpx.ConnectError(refused.code, request=request) from None
        try:
            response = await self._inner.handle_async_request(request)
        except httpx.ConnectError as error:
            if why := certificate_fault(error):
                self._lock.record(RefusedAccess("certificate", host, port, why))
            raise
        self._hold(response, request.url)
        return response

    async def aclose(self) -> None:
        """Close the transport beneath."""
        await self._inner.aclose()

    def _hold(self, response: httpx.Response, asked: httpx.URL) -> None:
        location = response.headers.get("location")
        if location is None or not 300 <= response.status_code < 400:
            return
        try:
            target = _origin(asked.join(location))
        except (httpx.InvalidURL, ValueError):
            target = ("", "other", 0)
        if target != _origin(asked):
            del response.headers["location"]
            self._lock.record(RefusedAccess("redirect", asked.host, _origin(asked)[2]))


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme, 0)
