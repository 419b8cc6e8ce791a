"""The fault that an HTTP response, or a missing one, stands for."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager, suppress
from typing import cast

import httpx

from cds_hooks.inference.remote.misbehaviour import code_in
from cds_hooks.inference.remote.server_faults import FaultCode, fault_error

__all__ = ["broken", "check", "media_type", "pieces_of"]

_STATUS = {
    400: FaultCode.REQUEST_REFUSED,
    401: FaultCode.UNAUTHORIZED,
    403: FaultCode.FORBIDDEN,
    404: FaultCode.NOT_FOUND,
    405: FaultCode.NOT_FOUND,
    413: FaultCode.REQUEST_REFUSED,
    422: FaultCode.REQUEST_REFUSED,
    429: FaultCode.BUSY,
    503: FaultCode.UNAVAILABLE,
}
_LONGEST_WAIT_S = 3600.0
_READ_OF_A_REFUSAL = 1 << 16
_REFUSAL_S = 2.0
# llama-server's error type; vLLM's and OpenAI's words for the same.
_TOO_LONG = re.compile(rb"exceed_context_size_error|context_length_exceeded|context length")
_DIGITS = re.compile(r"[0-9]{1,9}")
# Statuses whose body may tell of what is known of servers (`misbehaviour.toml`).
_TELLING = frozenset({400, 422, 500})


async def check(response: httpx.Response, *, media_types: Collection[str] = ()) -> None:
    """Raise the ServerFault that an answer's head is, unless it is fit to be read.

    The body of a refused request is looked at, and never quoted: whether the prompt was too long,
    and whether it tells of what such servers are known to do wrong.
    """
    fault = _fault_of_status(response.status_code)
    if response.status_code in _TELLING:
        fault = _fault_of_words(response.status_code, await _words(response)) or fault
    fault = fault or _fault_of_headers(response.headers, media_types)
    if fault is not None:
        raise fault_error(fault, retry_after_s=_retry_after_s(response.headers))


@asynccontextmanager
async def pieces_of(response: httpx.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """The body as it is sent, piece by piece; leaving the block ends the reading for sure."""
    pieces = cast("AsyncGenerator[bytes, None]", response.aiter_raw())
    async with aclosing(pieces):
        yield pieces


def broken(error: Exception, *, answered: bool) -> FaultCode:
    """The fault that an exception of the client library is.

    `answered` is whether the head of an answer had come. A failed TLS handshake may show itself
    only when reading: TLS 1.3 clients learn late that their certificate was refused.
    """
    if _within(error, ssl.SSLError):
        return FaultCode.UNTRUSTED
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return FaultCode.UNREACHABLE
    if isinstance(error, httpx.TimeoutException):
        return FaultCode.STALLED
    # h11 and httpcore tell an end before its time from rubbish in words only.
    ended = str(error).startswith(("peer closed", "Server disconnected"))
    if isinstance(error, httpx.RemoteProtocolError) and not ended:
        return FaultCode.NOT_HTTP
    return FaultCode.CLOSED_EARLY if answered else FaultCode.CONNECTION_LOST


def _fault_of_status(status: int) -> FaultCode | None:
    if status == 200:
        return None
    if status >= 500:
        return _STATUS.get(status, FaultCode.ERROR)
    if 300 <= status < 400:
        return FaultCode.REDIRECTED
    return _STATUS.get(status, FaultCode.UNEXPECTED_STATUS)


def _fault_of_words(status: int, words: bytes) -> FaultCode | None:
    if status == 400 and _TOO_LONG.search(words):
        return FaultCode.PROMPT_TOO_LONG
    code = code_in(words)
    return FaultCode(code) if code else None


def media_type(headers: httpx.Headers) -> str:
    """What a body is, without parameters such as its character set."""
    told: str = headers.get("content-type", "")
    return told.partition(";")[0].strip().lower()


def _fault_of_headers(headers: httpx.Headers, media_types: Collection[str]) -> FaultCode | None:
    if headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
        return FaultCode.COMPRESSED
    sent = media_type(headers)
    if "html" in sent:
        return FaultCode.HTML
    return FaultCode.CONTENT_TYPE if media_types and sent not in media_types else None


async def _words(response: httpx.Response) -> bytes:
    """What a refusal says, as far as it comes soon."""
    body = bytearray()
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_REFUSAL_S), pieces_of(response) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > _READ_OF_A_REFUSAL:
                    break
    return bytes(body)


def _retry_after_s(headers: httpx.Headers) -> float | None:
    """Seconds, as RFC 9110 (section 10.2.3) has them; a date is not asked for by these servers."""
    value = headers.get("retry-after", "").strip()
    return min(float(value), _LONGEST_WAIT_S) if _DIGITS.fullmatch(value) else None


def _within(error: BaseException | None, kind: type[BaseException]) -> bool:
    for _ in range(8):
        if error is None:
            return False
        if isinstance(error, kind):
            return True
        error = error.__cause__ or error.__context__
    return False
