"""How this machine's own commands call the running service: signed, and over its own TLS."""

from __future__ import annotations

import ssl
import time
import uuid
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import httpx

from cds_hooks.settings import Settings
from cds_hooks.tls_client import client_context
from cds_hooks.trust.signing import SigningKey, call_token

__all__ = ["OwnToken", "own_http"]

_ENDPOINTS = "/cds-services"
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, not bound here


@dataclass(frozen=True, slots=True)
class OwnToken(httpx.Auth):
    """A new token for each CDS Hooks call: for the URL under which EHRs know the endpoint.

    `base_url` is that address of the service, whatever address is called.
    """

    key: SigningKey
    issuer: str
    base_url: str
    now: Callable[[], float] = time.time

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """httpx asks this for each request."""
        _, found, rest = request.url.path.partition(_ENDPOINTS)
        if found:
            audience = f"{self.base_url}{_ENDPOINTS}{rest}"
            request.headers["Authorization"] = f"Bearer {self.token(audience)}"
        yield request

    def token(self, audience: str) -> str:
        """One for this URL, good for one call."""
        return call_token(self.key, self.issuer, audience, now=self.now(), jti=str(uuid.uuid4()))


def own_http(settings: Settings, port: int, **options: Any) -> httpx.AsyncClient:
    """A client of the service on this machine. Raises KeyUnusable."""
    host = _ANYWHERE.get(settings.server.host, settings.server.host)
    own, tls = settings.own_calls, settings.tls
    scheme = "https" if tls.certificate else "http"
    here = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    auth = None
    if own.key is not None:
        key = SigningKey.load(own.key, own.algorithm, own.key_id, setting="own_calls.key")
        auth = OwnToken(key, own.issuer, settings.server.public_url.rstrip("/") or here)
    verify: ssl.SSLContext | bool = _pinned(settings) if tls.certificate else True
    return httpx.AsyncClient(base_url=here, trust_env=False, auth=auth, verify=verify, **options)


def _pinned(settings: Settings) -> ssl.SSLContext:
    """Only the service's own certificate is taken, whatever name it is for."""
    context = client_context(settings.tls.certificate)
    context.check_hostname = False
    # The very certificate is known, so it matters little how its issuer made it.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    own = settings.own_calls
    if own.certificate is not None:
        context.load_cert_chain(own.certificate, own.certificate_key)
    return context
