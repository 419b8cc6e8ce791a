"""A reverse proxy that passes calls on unchanged and hands each to a recorder."""

from __future__ import annotations

import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
from starlette.types import Message, Receive, Scope, Send

from cds_hooks.capture.exchange import Exchange, kind_of
from cds_hooks.capture.recorder import LARGEST_BODY
from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.json_output import to_json
from cds_hooks.protocol.operation_outcome import outcome_of

__all__ = ["RecordingProxy", "UpstreamFault"]

# RFC 9110, 7.6.1: fields of one connection only. The host is the upstream's own.
_OF_ONE_CONNECTION = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te",
     b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection"}
)  # fmt: skip

# zlib's manual: 32 + the largest window tells gzip and zlib apart by itself.
_ANY_ZLIB = 47

Headers = list[tuple[bytes, bytes]]


class UpstreamFault(ChartsideError):
    """The service behind the proxy gave no answer; nothing of the call is told."""

    code = "upstream-not-reached"
    status = 502
    issue = "transient"


class UpstreamLate(UpstreamFault):
    """It began no answer in time."""

    code = "upstream-late"
    status = 504


class _ClientGone(Exception):
    """Who called has hung up."""


@dataclass(slots=True)
class _Body:
    """A body as it passes: kept for the record up to a bound."""

    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size <= LARGEST_BODY:
            self.pieces.append(piece)
        else:
            self.pieces.clear()

    @property
    def whole(self) -> bytes | None:
        """All of it; None past the bound."""
        return b"".join(self.pieces) if self.size <= LARGEST_BODY else None


class RecordingProxy:
    """An ASGI application: method, path, headers and bodies go on as they came, in both directions.

    `http` sends nothing of its own and follows no redirect; `record` hears of each call of CDS
    Hooks that was answered whole.
    """

    def __init__(
        self, upstream: str, http: httpx.AsyncClient, record: Callable[[Exchange], None]
    ) -> None:
        self._upstream = httpx.URL(upstream)
        self._http = http
        self._record = record
        self.passed = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one call on."""
        if scope["type"] != "http":
            return
        self.passed += 1
        began, when, asked = time.monotonic(), datetime.now(UTC), _Body()
        try:
            answer = await self._send(scope, receive, asked)
        except _ClientGone:
            return
        except httpx.TimeoutException:
            await _fail(UpstreamLate("the service began no answer in time"), send)
            return
        except (httpx.HTTPError, httpx.InvalidURL):
            hint = "See that the service of --to runs, and its address."
            await _fail(UpstreamFault("the service cannot be reached", hint=hint), send)
            return
        try:
            told = await _pass_back(answer, send)
        except httpx.HTTPError:  # not ended, so the server breaks it off for the caller as well
            return
        finally:
            await answer.aclose()
        known = kind_of(scope["method"], scope["path"])
        if known is not None:
            took = (time.monotonic() - began) * 1000
            body = _decoded(answer, told)
            self._record(
                Exchange(*known, when, answer.status_code, took, _sent(asked, scope), body)
            )

    async def _send(self, scope: Scope, receive: Receive, asked: _Body) -> httpx.Response:
        request = httpx.Request(
            scope["method"],
            self._url(scope),
            headers=_kept(scope["headers"], b"host"),
            content=_body_of(receive, asked) if _has_body(scope["headers"]) else None,
        )
        return await self._http.send(request, stream=True)

    def _url(self, scope: Scope) -> httpx.URL:
        path = scope.get("raw_path") or scope["path"].encode()
        base = self._upstream.raw_path.rstrip(b"/")
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        return self._upstream.copy_with(raw_path=base + path.partition(b"?")[0] + query)


def _kept(headers: Iterable[tuple[bytes, bytes]], *more: bytes) -> Headers:
    """The headers that go on: not those of this connection, nor those that it names so."""
    given = [(name.lower(), value) for name, value in headers]
    named = {each.strip().lower() for name, value in given if name == b"connection"
             for each in value.split(b",")}  # fmt: skip
    left = _OF_ONE_CONNECTION | named | set(more)
    return [(name, value) for name, value in given if name not in left]


def _has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in headers)


async def _body_of(receive: Receive, asked: _Body) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _ClientGone
        if piece := message.get("body", b""):
            asked.add(piece)
            yield piece
        if not message.get("more_body"):
            return


async def _pass_back(answer: httpx.Response, send: Send) -> _Body:
    """Send the answer on as it comes. One that breaks off breaks off for the caller as well."""
    start: Message = {"type": "http.response.start", "status": answer.status_code}
    await send({**start, "headers": _kept(answer.headers.raw)})
    told = _Body()
    async for piece in answer.aiter_raw():
        told.add(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
    return told


def _decoded(answer: httpx.Response, told: _Body) -> bytes | None:
    """The body as text; b"" for one in an encoding that is not known, None past the bound."""
    whole, encoding = told.whole, answer.headers.get("content-encoding", "identity").lower()
    if whole is None or encoding == "identity":
        return whole
    if encoding not in ("gzip", "deflate"):
        return b""
    try:
        found = zlib.decompressobj(_ANY_ZLIB).decompress(whole, LARGEST_BODY + 1)
    except zlib.error:
        return b""
    return found if len(found) <= LARGEST_BODY else None


def _sent(asked: _Body, scope: Scope) -> bytes | None:
    """The body of the call; b"" for one that was compressed."""
    encoded = any(name == b"content-encoding" and value.strip().lower() != b"identity"
                  for name, value in scope["headers"])  # fmt: skip
    return b"" if encoded else asked.whole


async def _fail(error: UpstreamFault, send: Send) -> None:
    body = to_json(outcome_of(error))
    headers: Headers = [(b"content-type", b"application/fhir+json"),
                        (b"content-length", str(len(body)).encode())]  # fmt: skip
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
