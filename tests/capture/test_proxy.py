"""The proxy in front of an upstream that is well, slow, broken, or not there: bytes as they are."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from cds_hooks.capture import CallKind, Exchange, RecordingProxy
from cds_hooks.capture import proxy as proxy_module

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter, bytes], Awaitable[None]]
HOOK = "/cds-services/chartside-patient-view"
CARDS = b'{"cards": []}'


class Upstream:
    """A server of raw bytes: `seen` keeps the head and body of each call."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.seen: list[tuple[bytes, bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                           if line.startswith(b"content-length")), 0)  # fmt: skip
            body = await reader.readexactly(length)
            self.seen.append((head, body))
            await self._answer(reader, writer, body)
        writer.close()


def reply(body: bytes = CARDS, *headers: bytes, status: bytes = b"200 OK") -> Answer:
    async def answer(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        head = b"\r\n".join((b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers,
                             b"Connection: close"))  # fmt: skip
        writer.write(head + b"\r\n\r\n" + body)
        await writer.drain()

    return answer


@asynccontextmanager
async def proxied(
    answer: Answer, patience_s: float = 30.0
) -> AsyncIterator[tuple[httpx.AsyncClient, Upstream, list[Exchange]]]:
    """A client of a proxy in front of an upstream, and what the proxy recorded."""
    upstream, recorded = Upstream(answer), []  # type: ignore[var-annotated]
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        httpx.AsyncClient(timeout=patience_s, trust_env=False) as http,
        running(RecordingProxy(f"http://127.0.0.1:{port}/base", http, recorded.append)) as address,
        httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client,
    ):
        yield client, upstream, recorded
    server.close()
    await server.wait_closed()


@asynccontextmanager
async def running(app: RecordingProxy) -> AsyncIterator[str]:
    config = uvicorn.Config(app, log_config=None, lifespan="off", server_header=False,
                            date_header=False)  # fmt: skip
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        task = asyncio.create_task(server.serve(sockets=[bound]))
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def test_a_call_goes_on_as_it_came_and_is_recorded_without_its_headers() -> None:
    headers = {
        "Authorization": "Bearer s3cret",
        "X-Odd": "kept",
        "Content-Type": "application/json",
    }
    body = b'{"hook":"patient-view", "odd" : 1}'
    async with proxied(reply(CARDS, b"X-Answer: yes")) as (client, upstream, recorded):
        answer = await client.post(f"{HOOK}?a=%20b", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (200, CARDS)
    assert answer.headers["x-answer"] == "yes"
    [(head, sent)] = upstream.seen
    assert head.startswith(f"POST /base{HOOK}?a=%20b HTTP/1.1\r\n".encode())
    assert b"authorization: Bearer s3cret\r\n" in head
    assert b"x-odd: kept\r\n" in head
    assert b"host: 127.0.0.1:" in head.lower()
    assert sent == body
    [exchange] = recorded
    assert (exchange.kind, exchange.service, exchange.status) == (
        CallKind.HOOK, "chartside-patient-view", 200,
    )  # fmt: skip
    assert (exchange.request, exchange.response) == (body, CARDS)
    assert "s3cret" not in repr(exchange)


async def test_fields_of_the_connection_stay_and_nothing_is_added() -> None:
    async with proxied(reply()) as (client, upstream, _):
        request = client.build_request("GET", "/cds-services")
        for name in list(request.headers):
            del request.headers[name]
        request.headers.update({"Host": "proxy", "Connection": "close, X-Hop", "X-Hop": "1"})
        await client.send(request)
    [(head, _)] = upstream.seen
    names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
    assert names <= {b"host", b"connection"}


async def test_an_error_of_the_upstream_is_its_own() -> None:
    refused = b'{"resourceType":"OperationOutcome"}'
    async with proxied(reply(refused, status=b"401 Unauthorized")) as (client, _, recorded):
        answer = await client.post(HOOK, json={})
    assert (answer.status_code, answer.content) == (401, refused)
    assert recorded[0].status == 401


async def test_a_page_behind_a_link_is_passed_on_and_not_recorded() -> None:
    async with proxied(reply(b"<html>", b"Content-Type: text/html")) as (client, _, recorded):
        answer = await client.get("/consultations/1234.99.abcd")
    assert answer.text == "<html>"
    assert recorded == []


async def test_a_compressed_answer_passes_compressed_and_is_recorded_plain() -> None:
    packed = gzip.compress(CARDS)
    async with proxied(reply(packed, b"Content-Encoding: gzip")) as (client, _, recorded):
        answer = await client.post(HOOK, json={})
    assert answer.content == CARDS
    assert answer.headers["content-length"] == str(len(packed))
    assert recorded[0].response == CARDS


@pytest.mark.parametrize(
    ("body", "encoding"), [(b"no gzip", b"gzip"), (CARDS, b"br"), (b"", b"gzip")]
)
async def test_an_answer_that_cannot_be_unpacked_is_recorded_without_a_body(
    body: bytes, encoding: bytes
) -> None:
    packed = reply(body, b"Content-Encoding: " + encoding)
    async with (
        proxied(packed) as (client, _, recorded),
        client.stream("POST", HOOK, json={}) as answer,
    ):
        assert b"".join([piece async for piece in answer.aiter_raw()]) == body
    assert recorded[0].response == b""


async def test_a_bomb_in_an_answer_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_module, "LARGEST_BODY", 1000)
    bomb = gzip.compress(b"0" * 100_000)
    async with proxied(reply(bomb, b"Content-Encoding: gzip")) as (client, _, recorded):
        await client.post(HOOK, json={})
    assert recorded[0].response is None


async def test_what_is_large_passes_and_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_module, "LARGEST_BODY", 1000)
    async with proxied(reply(b"1" * 5000)) as (client, upstream, recorded):
        answer = await client.post(HOOK, content=b"2" * 4000)
    assert answer.content == b"1" * 5000
    assert upstream.seen[0][1] == b"2" * 4000
    assert (recorded[0].request, recorded[0].response) == (None, None)


async def test_a_service_that_does_not_answer_is_late_with_a_code() -> None:
    async def never(reader: asyncio.StreamReader, *_: Any) -> None:
        await reader.read()

    async with proxied(never, patience_s=0.2) as (client, _, recorded):
        answer = await client.post(HOOK, json={"secret": "Mustermann"})
    assert answer.status_code == 504
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "upstream-late"
    assert "Mustermann" not in answer.text
    assert recorded == []


async def test_a_service_that_is_not_there_is_named_with_a_code() -> None:
    recorded: list[Exchange] = []
    unused = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = unused.sockets[0].getsockname()[1]
    unused.close()
    await unused.wait_closed()
    async with (
        httpx.AsyncClient(trust_env=False) as http,
        running(RecordingProxy(f"http://127.0.0.1:{port}", http, recorded.append)) as address,
        httpx.AsyncClient(base_url=address, trust_env=False) as client,
    ):
        answer = await client.post(HOOK, json={})
    assert answer.status_code == 502
    assert answer.json()["issue"][0]["details"]["coding"][0]["code"] == "upstream-not-reached"
    assert recorded == []


async def test_an_answer_that_breaks_off_breaks_off_for_the_caller_and_is_not_recorded() -> None:
    async def broken(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"cards"')
        await writer.drain()

    async with proxied(broken) as (client, _, recorded):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(HOOK, json={})
    assert recorded == []


async def test_an_answer_comes_piece_by_piece() -> None:
    gate = asyncio.Event()

    async def in_pieces(_: Any, writer: asyncio.StreamWriter, __: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n" + CARDS[:5])
        await writer.drain()
        await gate.wait()
        writer.write(CARDS[5:])
        await writer.drain()

    async with (
        proxied(in_pieces) as (client, _, recorded),
        client.stream("POST", HOOK, json={}) as answer,
    ):
        pieces = answer.aiter_raw()
        assert await anext(pieces) == CARDS[:5]
        gate.set()
        assert await anext(pieces) == CARDS[5:]
        assert [piece async for piece in pieces] == []
    assert recorded[0].response == CARDS


async def test_many_calls_at_once_each_have_their_own_answer() -> None:
    async def echo(_: Any, writer: asyncio.StreamWriter, body: bytes) -> None:
        await reply(body)(_, writer, body)

    async with proxied(echo) as (client, _, recorded):
        bodies = [json.dumps({"n": n}).encode() for n in range(30)]
        answers = await asyncio.gather(*(client.post(HOOK, content=body) for body in bodies))
    assert [answer.content for answer in answers] == bodies
    assert sorted(e.request for e in recorded) == sorted(bodies)  # type: ignore[type-var]
    assert all(e.request == e.response for e in recorded)
