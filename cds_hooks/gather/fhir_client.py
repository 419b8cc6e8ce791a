"""An asynchronous FHIR client for the reads of one hook call.

The server is named by the caller, so nothing it says is trusted: the token goes only to URLs
under its base, no redirect is followed, no cookie is kept, and time and bytes are bounded. A
failed read ends as a code; bodies, URLs and the token appear in no message and no log.
"""

from __future__ import annotations

import asyncio
import http.cookiejar
import logging
import re
import ssl
from typing import Any

import httpx

from cds_hooks.gather.fhir_settings import GatherConfig
from cds_hooks.gather.result import NoteCode
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.protocol.json_body import BodyLimits, read_object
from cds_hooks.protocol.protocol_errors import (
    BodyTooDeep,
    BodyTooLarge,
    BodyTooManyParts,
    BodyUnreadable,
)
from cds_hooks.tls_client import certificate_fault, client_context

__all__ = ["FhirClient", "ReadError", "open_http", "usable_token"]

# Both write URLs, which hold patient ids, to their logs.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# RFC 6750: b64token.
_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*")

_STATUS = {
    401: NoteCode.UNAUTHORIZED,
    403: NoteCode.FORBIDDEN,
    404: NoteCode.NOT_FOUND,
    410: NoteCode.GONE,
    429: NoteCode.RATE_LIMITED,
}


class ReadError(Exception):
    """A read that gave nothing; `code` says why."""

    def __init__(self, code: NoteCode) -> None:
        super().__init__(code.value)
        self.code = code


def open_http(
    config: GatherConfig,
    *,
    tls: ssl.SSLContext | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """The connection pool that hook calls share: no cookies, no proxy, no redirects.

    `tls` holds a site's own certificate authority; without it the system's are used.
    """
    no_cookies = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    timeout = httpx.Timeout(config.read_s, connect=config.connect_s)
    return httpx.AsyncClient(
        verify=tls if tls is not None else client_context(),
        transport=transport,
        cookies=no_cookies,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        headers={"Accept": "application/fhir+json", "Accept-Encoding": "identity"},
    )


def usable_token(token: str) -> bool:
    """Whether a bearer token can go into a header (RFC 6750, section 2.1)."""
    return _BEARER.fullmatch(token) is not None


class FhirClient:
    """Reads under one base, with one token, until `ends` (seconds of the event loop's clock)."""

    def __init__(
        self,
        pool: httpx.AsyncClient,
        base: ServerBase,
        token: str | None,
        config: GatherConfig,
        ends: float,
    ) -> None:
        self.base = base
        self._pool = pool
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.config = config
        self._ends = ends
        self._turn = asyncio.Semaphore(config.concurrency)
        self._bytes_left = config.max_total_bytes

    async def read(self, link: str) -> dict[str, Any]:
        """The JSON object of one URL, relative or absolute, under the base. Raises ReadError."""
        url = self.base.resolve(link)
        if url is None:
            raise ReadError(NoteCode.LINK_REFUSED)
        answer = await self._attempt(url)
        # Raised out here so that no library exception, which knows the request's headers, is
        # chained to it.
        if isinstance(answer, NoteCode):
            raise ReadError(answer)
        return _parse(answer, self.config)

    async def _attempt(self, url: httpx.URL) -> bytes | NoteCode:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(self._ends), self._turn:
                async with asyncio.timeout(self.config.read_s):
                    return await self._get(url)
        except (TimeoutError, httpx.TimeoutException):
            return NoteCode.DEADLINE if loop.time() >= self._ends else NoteCode.TIMEOUT
        except httpx.ConnectError as error:
            return NoteCode.UNTRUSTED if certificate_fault(error) else NoteCode.UNREACHABLE
        except (httpx.HTTPError, httpx.InvalidURL):
            return NoteCode.CONNECTION_LOST

    async def _get(self, url: httpx.URL) -> bytes | NoteCode:
        async with self._pool.stream("GET", url, headers=self._headers) as response:
            if (code := _refusal(response)) is not None:
                return code
            return await self._body(response)

    async def _body(self, response: httpx.Response) -> bytes | NoteCode:
        """The body as sent, read no further than the bounds."""
        body = bytearray()
        limit = min(self.config.max_bytes, self._bytes_left)
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            return NoteCode.TOO_LARGE
        async for piece in response.aiter_bytes():
            body += piece
            self._bytes_left -= len(piece)
            if len(body) > limit or self._bytes_left < 0:
                return NoteCode.TOO_LARGE
        html = "html" in response.headers.get("content-type", "").lower()
        return NoteCode.HTML if html or body[:64].lstrip()[:1] == b"<" else bytes(body)


def _refusal(response: httpx.Response) -> NoteCode | None:
    """Why a response's body is not worth reading. Content types are not asked: many are wrong."""
    status = response.status_code
    if status == 200:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        return None if encoding in {"", "identity"} else NoteCode.COMPRESSED
    if status >= 500:
        return NoteCode.SERVER_ERROR
    if 300 <= status < 400:
        return NoteCode.REDIRECTED
    return _STATUS.get(status, NoteCode.REQUEST_REFUSED)


def _parse(body: bytes, config: GatherConfig) -> dict[str, Any]:
    limits = BodyLimits(max_bytes=config.max_bytes)
    try:
        return read_object(body, limits)
    except (BodyTooLarge, BodyTooManyParts):
        code = NoteCode.TOO_LARGE
    except BodyTooDeep:
        code = NoteCode.JSON_TOO_DEEP
    except BodyUnreadable:
        code = NoteCode.JSON_INVALID
    raise ReadError(code)
