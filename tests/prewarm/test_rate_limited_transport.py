"""The transport that spares the server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.prewarm import RateLimitedTransport, ServerBusy
from cds_hooks.prewarm.rate_limited_transport import retry_after

URL = "https://ehr.example.org/fhir/Patient/x"


class Server(httpx.AsyncBaseTransport):
    """Answers from a list, then 200; remembers when it was asked."""

    def __init__(self, clock: Any, *answers: httpx.Response) -> None:
        self.clock, self.answers = clock, list(answers)
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.times.append(round(self.clock() - 1_800_000_000, 3))
        return self.answers.pop(0) if self.answers else httpx.Response(200)


def busy(status: int = 429, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named)


def client(server: Server, per_minute: float = 60, longest: float = 100) -> httpx.AsyncClient:
    clock = server.clock
    transport = RateLimitedTransport(
        server, per_minute=per_minute, longest_pause_s=longest, clock=clock, sleep=clock.sleep
    )
    return httpx.AsyncClient(transport=transport)


async def test_requests_are_spaced_by_the_rate(clock: Any) -> None:
    server = Server(clock)
    async with client(server, per_minute=30) as http:
        for _ in range(4):
            await http.get(URL)
    assert server.times == [0, 2, 4, 6]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_server_is_left_alone_for_as_long_as_it_says(clock: Any, status: int) -> None:
    server = Server(clock, busy(status, Retry_After="30"))
    async with client(server) as http:
        assert (await http.get(URL)).status_code == 200
        assert (await http.get(URL)).status_code == 200
    assert server.times[:2] == [0, 30]


async def test_what_one_request_was_told_holds_for_all(clock: Any) -> None:
    server = Server(clock, busy(Retry_After="50"))
    async with client(server, per_minute=6000) as http:
        await asyncio.gather(*(http.get(URL) for _ in range(5)))
    assert server.times[0] == 0
    assert min(server.times[1:]) >= 50


async def test_without_a_time_the_pauses_grow_and_end(clock: Any) -> None:
    server = Server(clock, *[busy() for _ in range(9)])
    async with client(server, per_minute=6000) as http:
        assert (await http.get(URL)).status_code == 429
    assert server.times == [0, 2, 6, 14]


async def test_a_pause_that_is_too_long_is_not_waited_for_and_ends_the_run(clock: Any) -> None:
    server = Server(clock, busy(Retry_After="3600"))
    transport = RateLimitedTransport(
        server, per_minute=60, longest_pause_s=100, clock=clock, sleep=clock.sleep
    )
    transport.require_patience()
    async with httpx.AsyncClient(transport=transport) as http:
        assert (await http.get(URL)).status_code == 429
    assert server.times == [0]
    with pytest.raises(ServerBusy, match="3600 s"):
        transport.require_patience()


async def test_what_is_not_a_read_is_not_sent_twice(clock: Any) -> None:
    server = Server(clock, busy(Retry_After="1"))
    async with client(server) as http:
        assert (await http.post(URL)).status_code == 429
    assert server.times == [0]


def test_a_date_is_a_time_too() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert 80 <= (retry_after(later) or 0) <= 90
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("soon") is None


@given(st.text())
def test_any_header_is_a_time_or_none(value: str) -> None:
    found = retry_after(value)
    assert found is None or found >= 0
