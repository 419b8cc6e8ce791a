"""Which requests share a connection with a model server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from cds_hooks.inference.engine import GenerationRequest

Ask = Callable[..., GenerationRequest]
CHAT = "/v1/chat/completions"
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    b"keep-alive: timeout=5, max=100\r\n\r\n"
)


async def test_a_server_that_hangs_up_behind_each_stream_loses_no_request(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    """As llama-server does: it promises to keep the connection, and closes it a moment later."""

    async def play(_server: Any, _heard: Any, reader: Any, writer: asyncio.StreamWriter) -> None:
        body = says.whole_answer()
        writer.write(HEAD + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n")
        await writer.drain()
        # A request that came over the same connection would be read, and never answered.
        await asyncio.wait([asyncio.ensure_future(reader.read())], timeout=0.05)
        writer.close()

    engine = await connect(scripted.base)
    scripted.plays[CHAT] = play
    for _ in range(5):
        assert (await engine.generate(ask())).samples[0].finish == "stop"
    heard = scripted.requests_to(CHAT)
    assert len(heard) == 5
    assert {each.headers["connection"] for each in heard} == {"close"}
