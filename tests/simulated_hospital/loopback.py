"""A small HTTP server in this process, on a free port of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

__all__ = ["JSON", "Reply", "loopback"]

JSON = "application/json"

Reply = tuple[bytes, str]
"""A body and its content type; an empty body is a 404."""


@contextlib.asynccontextmanager
async def loopback(answer: Callable[[str, bytes], Reply]) -> AsyncIterator[str]:
    """The base URL of a server that answers each path and body by `answer`."""
    connections: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            while (heard := await _request(reader)) is not None:
                writer.write(_http(*answer(*heard)))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes] | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    length = re.search(r"^content-length: *(\d+)", head, re.IGNORECASE | re.MULTILINE)
    return head.split(" ")[1], await reader.readexactly(int(length[1]) if length else 0)


def _http(body: bytes, kind: str) -> bytes:
    status = "200 OK" if body else "404 Not Found"
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body
