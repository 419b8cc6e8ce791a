"""The page behind a card's link follows its consultation until there is an answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.app.errors import Overloaded
from cds_hooks.console import LinkedPages
from cds_hooks.console.consultations import streams
from cds_hooks.consult import LinkUnknown
from tests.console.conftest import NoPages, make_site


class Pending(NoPages):
    """A consultation that is pending for so many looks; `looks` counts them."""

    def __init__(self, pending: int) -> None:
        self.looks = 0
        self._pending = pending

    async def pending(self, link: str) -> Any:
        return None if await self.is_answered(link) else link

    async def is_answered(self, pending: Any) -> bool:
        assert pending == "x"
        self.looks += 1
        return self.looks > self._pending


def _linked(pages: Any) -> LinkedPages:
    return LinkedPages(make_site(), pages)


async def _told(response: Any) -> bytes:
    return b"".join([piece async for piece in response.body_iterator])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_LOOK_S", 0.001)


async def test_the_stream_tells_when_the_answer_is_there_and_ends() -> None:
    pages = Pending(3)
    response = await _linked(pages).events("x")
    assert response.media_type == "text/event-stream"
    told = await _told(response)
    assert told == b": waiting\n\n" * 3 + b"event: answered\ndata: answered\n\n"
    assert pages.looks == 4


async def test_what_is_answered_already_is_told_at_once() -> None:
    assert await _told(await _linked(Pending(0)).events("x")) == (
        b"event: answered\ndata: answered\n\n"
    )


async def test_a_stream_ends_in_time_and_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "_STREAM_S", 0.02)
    told = await _told(await _linked(Pending(10**9)).events("x"))
    assert b"waiting" in told
    assert b"answered" not in told


async def test_a_link_to_nothing_has_no_stream() -> None:
    with pytest.raises(LinkUnknown):
        await _linked(NoPages()).events("x")


async def test_past_the_most_streams_a_page_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_MOST_STREAMS", 1)
    linked = _linked(Pending(10**9))
    first = (await linked.events("x")).body_iterator
    assert await anext(first) == b": waiting\n\n"
    with pytest.raises(Overloaded):
        await linked.events("x")
    await first.aclose()
    again = (await linked.events("x")).body_iterator
    assert await anext(again) == b": waiting\n\n"
    await again.aclose()


async def test_streams_that_were_asked_for_at_once_are_bounded_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "_MOST_STREAMS", 1)
    linked = _linked(Pending(10**9))
    first = (await linked.events("x")).body_iterator
    second = await linked.events("x")
    assert await anext(first) == b": waiting\n\n"
    assert await _told(second) == b""
    await first.aclose()


def test_the_addresses_are_known_and_nothing_is_kept(serve_site: Callable[..., Any]) -> None:
    for part in ("content", "events"):
        response = serve_site().get(f"/consultations/x/{part}")
        assert response.status_code == 404
        assert response.headers["cache-control"] == "no-store"
        assert "x" not in re.findall(r'"diagnostics":"([^"]*)"', response.text)
