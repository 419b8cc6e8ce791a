"""HTTP with one model server: bounded in time and bytes, and each way it fails with its code.

No redirect is followed, no proxy and no cookie is used, nothing is taken from the environment.
Errors hold no body, no header and no exception of the client library, which knows all of them.
"""

from __future__ import annotations

import asyncio
import http.cookiejar
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import httpx
import orjson

from cds_hooks.inference.engine import DeadlinePassed
from cds_hooks.inference.remote.address import ServerAddress
from cds_hooks.inference.remote.chat_stream import ChatStream
from cds_hooks.inference.remote.http_faults import broken, check, media_type, pieces_of
from cds_hooks.inference.remote.key_file import KeyFile
from cds_hooks.inference.remote.server_faults import FaultCode, ServerFault, fault_error
from cds_hooks.tls_client import client_context

__all__ = ["ConnectionBounds", "Guard", "ServerConnection"]

Guard = Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]
"""Puts a site's own check in front of a transport."""

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_EVENTS, _JSON = "text/event-stream", "application/json"
_SHORT_BODY = 1 << 20
_LAST_BYTES_S = 0.5
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
# llama-server promises `Keep-Alive: timeout=5` and closes the connection as soon as a stream has
# ended (seen with the one in xllamacpp 2026.10): a request sent into it would be lost.
_LAST_ON_ITS_CONNECTION: Mapping[str, str] = MappingProxyType({"Connection": "close"})


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """Seconds until a connection, until an answer begins, and between its pieces; bytes of it."""

    connect_s: float = 2.0
    first_s: float = 120.0
    stall_s: float = 10.0
    max_bytes: int = 8 << 20
    connections: int = 32


@dataclass(slots=True)
class _Attempt:
    """How far one request got."""

    answered: bool = False


class ServerConnection:
    """Requests to one model server over one connection pool; close it when done."""

    def __init__(
        self,
        address: ServerAddress,
        bounds: ConnectionBounds,
        *,
        key: KeyFile | None = None,
        tls: ssl.SSLContext | None = None,
        guard: Guard | None = None,
    ) -> None:
        self._address = address
        self._bounds = bounds
        self._key = key
        self._client = _client(bounds, tls, guard)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def ask(self, path: str, body: Any = None, *, within_s: float) -> bytes:
        """The body of a GET, or of a POST of JSON: at most a MiB. Raises ServerFault."""
        ends = asyncio.get_running_loop().time() + within_s
        answer, attempt = bytearray(), _Attempt()
        found = await self._guarded(self._read(path, body, answer, attempt), attempt, ends)
        if found is not None:
            raise self._error(found, began=False)
        return bytes(answer)

    async def json(self, path: str, body: Any = None, *, within_s: float) -> dict[str, Any]:
        """The JSON object that `ask` brings. Raises ServerFault."""
        answer = await self.ask(path, body, within_s=within_s)
        if answer.lstrip()[:1] == b"<":
            raise self._error(FaultCode.HTML, began=False)
        try:
            value = orjson.loads(answer)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise self._error(FaultCode.NOT_JSON, began=False)
        return value

    async def stream(self, path: str, body: Any, sink: ChatStream, *, ends: float) -> None:
        """Feed an answer to `sink` until it is done, streamed as asked for or else as one piece;
        `ends` is on the loop's clock.

        Raises ServerFault and DeadlinePassed. Cancelling it closes the connection, which is how
        a server learns that nobody waits any more.
        """
        attempt = _Attempt()
        found = await self._guarded(self._pour(path, body, sink, attempt), attempt, ends)
        if sink.done:
            found = None  # what goes wrong behind the end of an answer is nothing to it
        if found is FaultCode.STALLED and asyncio.get_running_loop().time() >= ends:
            raise DeadlinePassed("The deadline passed before the samples were complete")
        if found := found or _ended(sink):
            raise self._error(found, began=sink.began)

    async def _guarded(
        self, work: Coroutine[Any, Any, None], attempt: _Attempt, ends: float
    ) -> ServerFault | FaultCode | None:
        """What went wrong, as a value: raised elsewhere, so that nothing is chained to it."""
        try:
            async with asyncio.timeout_at(ends):
                await work
        except ServerFault as fault:
            return fault
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return broken(error, answered=attempt.answered)
        except TimeoutError:
            return FaultCode.STALLED
        return None

    def _error(self, found: ServerFault | FaultCode, *, began: bool) -> ServerFault:
        where = self._address.authority
        if isinstance(found, FaultCode):
            return fault_error(found, where=where, began=began)
        found.where = found.where or where
        return found

    async def _read(self, path: str, body: Any, into: bytearray, attempt: _Attempt) -> None:
        response = await self._send(path, body, attempt)
        async with aclosing(response), pieces_of(response) as chunks:
            await check(response)
            async for chunk in chunks:
                into += chunk
                if len(into) > _SHORT_BODY:
                    raise fault_error(FaultCode.TOO_LARGE)

    async def _pour(self, path: str, body: Any, sink: ChatStream, attempt: _Attempt) -> None:
        response = await self._send(path, body, attempt, _LAST_ON_ITS_CONNECTION)
        async with aclosing(response), pieces_of(response) as chunks:
            await check(response, media_types=(_EVENTS, _JSON))
            whole = bytearray() if media_type(response.headers) == _JSON else None
            left = self._bounds.max_bytes
            while (chunk := await self._next(chunks, sink)) is not None:
                left -= len(chunk)
                if left < 0:
                    raise fault_error(FaultCode.TOO_LARGE, began=sink.began)
                if whole is None:
                    sink.feed(chunk)
                else:
                    whole += chunk
            if whole is not None:
                sink.whole(bytes(whole))

    async def _next(self, chunks: AsyncIterator[bytes], sink: ChatStream) -> bytes | None:
        """What comes next. Behind a finished answer only its end is waited for, and not long."""
        limit = self._bounds.stall_s if sink.began else self._bounds.first_s
        try:
            async with asyncio.timeout(_LAST_BYTES_S if sink.done else limit):
                return await anext(chunks, None)
        except TimeoutError:
            if sink.done:
                return None
            raise

    async def _send(
        self, path: str, body: Any, attempt: _Attempt, more: Mapping[str, str] = _NO_HEADERS
    ) -> httpx.Response:
        headers = {**(self._key.headers() if self._key else {}), **more}
        content = None if body is None else orjson.dumps(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        method, url = ("GET" if body is None else "POST"), self._address.url(path)
        request = self._client.build_request(method, url, content=content, headers=headers)
        async with asyncio.timeout(self._bounds.first_s):
            response = await self._client.send(request, stream=True)
        attempt.answered = True
        return response


def _ended(sink: ChatStream) -> ServerFault | None:
    """What is wrong with an answer of which nothing more comes."""
    try:
        sink.end()
    except ServerFault as fault:
        return fault
    return None


def _client(
    bounds: ConnectionBounds, tls: ssl.SSLContext | None, guard: Guard | None
) -> httpx.AsyncClient:
    no_cookies = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    # Connections are dropped before servers drop them (uvicorn after 5 s, llama-server's HTTP
    # library after 5 s), so that a request is rarely sent into a closing one.
    # How many there are at most is bounded by who asks: waiting in a pool would look like a stall.
    limits = httpx.Limits(max_keepalive_connections=bounds.connections, keepalive_expiry=3.0)
    verify = tls if tls is not None else client_context()
    transport = httpx.AsyncHTTPTransport(verify=verify, limits=limits, trust_env=False)
    return httpx.AsyncClient(
        transport=guard(transport) if guard is not None else transport,
        cookies=no_cookies,
        timeout=httpx.Timeout(connect=bounds.connect_s, pool=None, write=bounds.stall_s, read=None),
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "chartside"},
    )
