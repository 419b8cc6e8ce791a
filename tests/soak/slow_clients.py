"""Clients that send half a request and hold their connections: are good hooks still answered?

The same hooks are sent first alone, then while `count` slow clients connect again as often as they
are cut off; by clear text or by TLS, where they begin a handshake and half of them not even that.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import ssl
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from tests.soak.overload import charts

__all__ = ["SlowClientResult", "slow_clients"]

_VIEW = "/cds-services/chartside-patient-view"
_HALF = b"POST /cds-services/chartside-patient-view HTTP/1.1\r\nhost: a\r\nx-slow: "
# The beginning of a TLS record with a ClientHello, whose rest never comes.
_HELLO = b"\x16\x03\x01\x02\x00\x01\x00"
_HOOKS = 40


@dataclass
class SlowClientResult:
    """Seconds of each hook alone and among slow clients; `connected` counts what these opened."""

    alone_s: list[float] = field(default_factory=list)
    among_s: list[float] = field(default_factory=list)
    failed: int = 0
    connected: int = 0
    log_bytes: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def ratio(self) -> float:
        """Median among slow clients over median alone."""
        return statistics.median(self.among_s) / statistics.median(self.alone_s)


async def slow_clients(
    address: str, *, count: int = 2000, verify: ssl.SSLContext | bool = True
) -> SlowClientResult:
    """Send the hooks alone, then among slow clients."""
    _allow_files(count + 500)
    found = SlowClientResult()
    body = charts()(0)
    url = httpx.URL(address)
    async with httpx.AsyncClient(base_url=address, verify=verify, timeout=60) as client:
        await _hooks(client, body, [], found)
        await _hooks(client, body, found.alone_s, found)
        there = [asyncio.create_task(_slow_client(url, each, found)) for each in range(count)]
        while found.connected < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await _hooks(client, body, found.among_s, found)
        for task in there:
            task.cancel()
        await asyncio.gather(*there, return_exceptions=True)
    return found


async def _hooks(
    client: httpx.AsyncClient, body: bytes, took: list[float], found: SlowClientResult
) -> None:
    for _ in range(_HOOKS):
        began = time.monotonic()
        try:
            answer = await client.post(
                _VIEW,
                content=body,
                headers={"content-type": "application/json", "connection": "close"},
            )
            found.failed += answer.status_code != 200
        except httpx.HTTPError as error:
            found.failed += 1
            found.errors[type(error).__name__] += 1
        took.append(time.monotonic() - began)


async def _slow_client(url: httpx.URL, number: int, found: SlowClientResult) -> None:
    """Hold a connection with half a request, and come again when it is cut off."""
    sent = _HALF if url.scheme == "http" else (_HELLO, b"")[number % 2]
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection(url.host, url.port)
            found.connected += 1
            try:
                writer.write(sent)
                while await reader.read(1024):
                    pass
            finally:
                writer.close()
        await asyncio.sleep(1.0)


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
