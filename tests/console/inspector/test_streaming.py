"""The page follows a fired hook: every sample while it is written, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.app.errors import Overloaded
from cds_hooks.console.inspector import streaming
from cds_hooks.console.inspector.inspected import Inspected, Stage
from cds_hooks.console.inspector.streaming import InspectorStreams
from cds_hooks.inference.engine import Generation, GenerationRequest, SampleProgress
from cds_hooks.services import REGISTRY
from tests.console.inspector.conftest import differential
from tests.fake_engine import FakeEngine, FakeReply

Start = Callable[..., Any]
TEXT = differential("Pulmonary embolism")


class Writing(FakeEngine):
    """Tells each sample in pieces, as an engine that decodes does."""

    def __init__(self) -> None:
        super().__init__([FakeReply((TEXT,))])
        self.go_on = asyncio.Event()

    async def generate(self, request: GenerationRequest) -> Generation:
        assert request.observe is not None
        for end in (4, 20, len(TEXT)):
            for number in range(request.samples):
                request.observe(SampleProgress("fake", number, TEXT[:end]))
            await asyncio.sleep(0)
        await self.go_on.wait()
        return await super().generate(request)


@pytest.fixture
def engine() -> Writing:
    return Writing()


@pytest.fixture
def fired() -> Inspected:
    return Inspected("f-1", REGISTRY[0], "a test", 0.0)


async def test_samples_are_seen_before_they_are_whole_and_the_end_is_told(
    start: Start, browser_of: Any, engine: Writing
) -> None:
    browser = await browser_of(await start())
    place = await browser.fire(**{"from": "sample", "sample": "sparse"})
    async with asyncio.timeout(30):
        while (page := await browser.get(place)).count("Pulmonary embolism") < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert "Sample 2" in page
    assert "writing" in page
    assert "whole" not in page
    engine.go_on.set()
    events = await browser.stream(place)
    assert ("done", "done") in events
    assert ("stage", Stage.DONE.value) in events
    assert "whole" in await browser.ended(place)


async def test_what_has_ended_is_told_at_once(
    start: Start, browser_of: Any, engine: Writing
) -> None:
    engine.go_on.set()
    browser = await browser_of(await start())
    place = await browser.fire(**{"from": "sample", "sample": "sparse"})
    await browser.ended(place)
    names = [name for name, _ in await browser.stream(place) if name]
    assert names == ["stage", "answer", "done"]


async def test_a_page_whose_stream_is_broken_learns_of_the_end_by_asking(
    start: Start, browser_of: Any, engine: Writing
) -> None:
    browser = await browser_of(await start())
    place = await browser.fire(**{"from": "sample", "sample": "sparse"})
    assert await browser.get(f"{place}/content?once=ended", status=204) == ""
    engine.go_on.set()
    await browser.ended(place)
    assert "data-ended" in await browser.get(f"{place}/content?once=ended")


async def test_markup_in_a_sample_is_text(fired: Inspected) -> None:
    fired.sampled(SampleProgress("<b>m</b>", 0, "<img src=x onerror=alert(1)>\n\nevent: done"))
    fired.becomes(Stage.FAILED)
    told = b"".join([e async for e in InspectorStreams().follow(fired).body_iterator])  # type: ignore[misc]
    assert b"<img" not in told
    assert b"<b>" not in told
    assert told.count(b"\nevent: ") + told.startswith(b"event: ") == 2


async def test_a_stream_that_breaks_is_forgotten_and_costs_the_hook_nothing(
    fired: Inspected,
) -> None:
    streams = InspectorStreams()
    broken = streams.follow(fired).body_iterator
    await anext(broken)  # type: ignore[arg-type]
    assert streams._open == 1
    await broken.aclose()  # type: ignore[union-attr]
    assert streams._open == 0
    fired.becomes(Stage.DONE)
    again = b"".join([e async for e in streams.follow(fired).body_iterator])  # type: ignore[misc]
    assert b"event: done" in again


async def test_there_are_no_more_streams_than_may_be(
    fired: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_MOST", 2)
    streams = InspectorStreams()
    opened = [streams.follow(fired).body_iterator for _ in range(2)]
    for each in opened:
        await anext(each)  # type: ignore[arg-type]
    with pytest.raises(Overloaded):
        streams.follow(fired)
    for each in opened:
        await each.aclose()  # type: ignore[union-attr]


async def test_a_stream_ends_in_time_and_says_meanwhile_that_it_lives(
    fired: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_STREAM_S", 0.2)
    monkeypatch.setattr(streaming, "_QUIET_S", 0.05)
    monkeypatch.setattr(streaming, "_PAUSE_S", 0.0)
    told = [e async for e in InspectorStreams().follow(fired).body_iterator]
    assert b": still here\n\n" in told
    assert b"event: done" not in b"".join(told)  # type: ignore[arg-type]


async def test_fifty_that_wait_wake_only_for_changes(fired: Inspected) -> None:
    """They cost nothing in between: each is one event that waits."""
    streams = InspectorStreams()
    told: list[list[bytes]] = [[] for _ in range(50)]

    async def follow(into: list[bytes]) -> None:
        async for event in streams.follow(fired).body_iterator:
            into.append(event)  # type: ignore[arg-type] # noqa: PERF401 - one by one

    tasks = [asyncio.create_task(follow(each)) for each in told]
    await asyncio.sleep(0.1)
    before = [len(each) for each in told]
    await asyncio.sleep(0.5)
    assert [len(each) for each in told] == before
    fired.becomes(Stage.DONE)
    await asyncio.gather(*tasks)
    assert all(each[-1].startswith(b"event: done") for each in told)
