"""A real server within small bounds: slow clients lose their connections, callers do not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from cds_hooks.app.connections import ConnectionBounds, Connections
from cds_hooks.app.http_connection import connection_factory
from cds_hooks.runtime.connections import kept_in_bounds
from tests.trust.test_transport import Authority

GOOD = b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nok"
HALF = b"POST /x HTTP/1.1\r\nhost: a\r\nx-slow: "


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body; slowly on /slow; on /refused before the body has come."""
    body, more = b"", scope["path"] != "/refused"
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(0.5)
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Serving:
    connections: Connections
    port: int
    tls: ssl.SSLContext | None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = "localhost" if self.tls else None
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.tls, server_hostname=name
        )

    async def call(self, sent: bytes = GOOD) -> bytes:
        """The answer's first line."""
        reader, writer = await self.open()
        writer.write(sent)
        try:
            return (await asyncio.wait_for(reader.readline(), 20)).strip()
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def serving(
    bounds: ConnectionBounds,
    server_tls: ssl.SSLContext | None = None,
    client_tls: ssl.SSLContext | None = None,
    ws: type[asyncio.Protocol] | str = "auto",
) -> AsyncIterator[Serving]:
    connections = Connections(bounds, clock=time.monotonic)
    factory = connection_factory(connections, server_tls)
    config = uvicorn.Config(
        echo, port=0, http=factory, ws=ws, lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
    async with kept_in_bounds(connections):
        task = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Serving(connections, port, client_tls)
        connections.end_waiting()
        server.should_exit = True
        await task


@pytest.fixture
def tls(tmp_path: Path) -> Callable[[], tuple[ssl.SSLContext, ssl.SSLContext]]:
    def make() -> tuple[ssl.SSLContext, ssl.SSLContext]:
        authority = Authority(tmp_path, "site")
        certificate, key = authority.issue("localhost")
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(certificate, key)
        client = ssl.create_default_context(cafile=str(authority.pem))
        client.check_hostname = False
        return server, client

    return make


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the server ends the connection."""
    try:
        while await asyncio.wait_for(reader.read(4096), 20):
            pass
    except ConnectionError:
        return True
    return True


@pytest.mark.parametrize("secure", [False, True])
async def test_callers_are_answered_while_slow_clients_hold_half_heads(
    secure: bool, tls: Callable[[], tuple[ssl.SSLContext, ssl.SSLContext]]
) -> None:
    contexts = tls() if secure else (None, None)
    async with serving(ConnectionBounds(most=20, per_address=0), *contexts) as there:
        clients = []
        for _ in range(60):
            # Of TLS, half the slow clients never begin the handshake.
            reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
            writer.write(b"" if secure else HALF)
            clients.append((reader, writer))
        for _ in range(5):
            assert await there.call() == b"HTTP/1.1 200 OK"
        assert len(there.connections) <= 20
        assert there.connections.counts.displaced >= 40
        assert await closed(clients[0][0])
        for _, writer in clients:
            writer.close()


@pytest.mark.parametrize("sent", [b"", HALF, GOOD + HALF, b"\x16\x03\x01\x02"])
async def test_what_never_becomes_a_request_is_closed_in_time(sent: bytes) -> None:
    async with serving(ConnectionBounds(head_s=0.3)) as there:
        reader, writer = await there.open()
        writer.write(sent)
        assert await closed(reader)
        writer.close()


async def test_a_drip_of_header_bytes_gains_no_time() -> None:
    async with serving(ConnectionBounds(head_s=0.6)) as there:
        reader, writer = await there.open()
        ending = asyncio.create_task(closed(reader))
        writer.write(HALF)
        while not ending.done():
            writer.write(b"a")
            await asyncio.sleep(0.05)
        assert there.connections.counts.late == 1


async def test_a_handshake_that_never_begins_is_closed_in_time(
    tls: Callable[[], tuple[ssl.SSLContext, ssl.SSLContext]],
) -> None:
    async with serving(ConnectionBounds(head_s=0.3), *tls()) as there:
        reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
        assert await closed(reader)
        writer.close()
        assert await there.call() == b"HTTP/1.1 200 OK"
        assert len(there.connections) <= 1


async def test_a_long_answer_is_no_wait_for_a_head() -> None:
    async with serving(ConnectionBounds(head_s=0.2)) as there:
        assert await there.call(GOOD.replace(b"/x", b"/slow")) == b"HTTP/1.1 200 OK"


async def test_a_head_without_end_is_ended_by_its_size() -> None:
    async with serving(ConnectionBounds(head_bytes=10_000)) as there:
        reader, writer = await there.open()
        writer.write(HALF)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                writer.write(b"a" * 1000)
                await writer.drain()
        assert await closed(reader)
        assert there.connections.counts.large == 1
        # A large body is none of a head.
        large = b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n" + b"a" * 100_000
        assert await there.call(large) == b"HTTP/1.1 200 OK"


async def test_a_caller_who_is_refused_early_reads_why() -> None:
    async with serving(ConnectionBounds()) as there:
        reader, writer = await there.open()
        length = 4 * 2**20
        writer.write(b"POST /refused HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % length)
        for _ in range(64):
            writer.write(b"a" * (length // 64))
            await writer.drain()
        assert (await asyncio.wait_for(reader.readline(), 20)).strip() == b"HTTP/1.1 200 OK"
        # The connection can be used for the next call.
        writer.write(GOOD)
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\nok"), 20)).count(b"200 OK") == 1
        assert there.connections.counts.large == 0
        writer.close()


async def test_the_rest_of_a_refused_body_has_its_time() -> None:
    async with serving(ConnectionBounds(head_s=0.4)) as there:
        reader, writer = await there.open()
        writer.write(b"POST /refused HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n")
        ending = asyncio.create_task(closed(reader))
        while not ending.done():
            writer.write(b"a")
            await asyncio.sleep(0.05)
        assert there.connections.counts.late == 1


async def test_no_connection_becomes_a_web_socket() -> None:
    class WebSocket(asyncio.Protocol):
        def __init__(self, **_: object) -> None: ...

    async with serving(ConnectionBounds(), ws=WebSocket) as there:
        asked = b"GET /x HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
        assert await there.call(asked) == b"HTTP/1.1 200 OK"
        while len(there.connections):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_pipelined_and_kept_connections_work_as_before(
    tls: Callable[[], tuple[ssl.SSLContext, ssl.SSLContext]],
) -> None:
    for contexts in ((None, None), tls()):
        async with serving(ConnectionBounds(), *contexts) as there:
            reader, writer = await there.open()
            writer.write(GOOD + GOOD)
            writer.write(GOOD[:20])
            writer.write(GOOD[20:])
            got = b""
            while got.count(b"\r\n\r\nok") < 3:
                got += await asyncio.wait_for(reader.read(4096), 20)
            assert got.count(b"200 OK") == 3
            writer.close()
