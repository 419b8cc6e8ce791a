"""Who is worked on first: sent to servers that know a priority, left out where it is refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.inference.engine import (
    EngineError,
    GenerationRequest,
    Priority,
    QueueFull,
    RisingPriority,
)
from cds_hooks.inference.remote.http_exchange import ConnectionBounds
from cds_hooks.inference.remote.openai_config import OpenAIConfig

Ask = Callable[..., GenerationRequest]
CHAT = "/v1/chat/completions"


class Gated:
    """A server that answers well once it is `released`."""

    def __init__(self, says: Any) -> None:
        self.says, self.asked, self.released = says, asyncio.Event(), asyncio.Event()

    async def __call__(self, *exchange: Any) -> None:
        self.asked.set()
        await self.released.wait()
        await self.says.well(*exchange)


def sent(scripted: Any) -> list[int | None]:
    """The priority of each request that the server got."""
    return [heard.json.get("priority") for heard in scripted.requests_to(CHAT)]


async def test_an_open_chart_has_the_lowest_number_and_needs_no_field(
    scripted: Any, connect: Any, ask: Ask
) -> None:
    engine = await connect(scripted.base)
    await engine.generate(ask())
    await engine.generate(ask(priority=Priority.BACKGROUND))
    assert sent(scripted) == [None, 1]


@pytest.mark.parametrize("owner", ["llamacpp", "library", None])
async def test_a_server_that_knows_no_priority_is_sent_none(
    scripted: Any, connect: Any, ask: Ask, says: Any, owner: str | None
) -> None:
    async def models(_server: Any, _heard: Any, _reader: Any, writer: Any) -> None:
        card = b'{"data":[{"id":"smol"%s}]}' % (
            b',"owned_by":"%s"' % owner.encode() if owner else b""
        )
        writer.write(says.answer(card))

    scripted.plays["/v1/models"] = models
    engine = await connect(scripted.base)
    await engine.generate(ask(priority=Priority.BACKGROUND))
    assert sent(scripted) == [None]


async def test_where_it_is_refused_it_is_left_out_from_then_on_and_said_once(
    scripted: Any, connect: Any, ask: Ask, says: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def first_come_first_served(server: Any, heard: Any, reader: Any, writer: Any) -> None:
        if "priority" in heard.json:
            writer.write(says.answer(b'{"error":{"code":400}}', "400 Bad Request"))
        else:
            await says.well(server, heard, reader, writer)

    scripted.plays[CHAT] = first_come_first_served
    engine = await connect(scripted.base)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            generation = await engine.generate(ask(priority=Priority.BACKGROUND))
            assert generation.samples[0].finish == "stop"
    assert sent(scripted) == [1, None, None, None]
    (told,) = [r for r in caplog.records if "server-refused-priority" in r.getMessage()]
    assert "--scheduling-policy priority" in told.getMessage()


async def test_a_request_that_is_refused_anyhow_teaches_nothing_of_priorities(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    async def refuses(_server: Any, _heard: Any, _reader: Any, writer: Any) -> None:
        writer.write(says.answer(b"{}", "400 Bad Request"))

    scripted.plays[CHAT] = refuses
    engine = await connect(scripted.base)
    with pytest.raises(EngineError, match="refused"):
        await engine.generate(ask(priority=Priority.BACKGROUND))
    del scripted.plays[CHAT]
    await engine.generate(ask(priority=Priority.BACKGROUND))
    assert sent(scripted) == [1, None, 1]


def test_the_settings_cannot_set_one_for_all() -> None:
    with pytest.raises(ValueError, match="priority"):
        OpenAIConfig("http://127.0.0.1:1", "m", ("http://127.0.0.1:1",), extra={"priority": 3})


async def test_a_priority_that_rises_before_the_request_is_sent_is_the_one_that_is_sent(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    """Behind a connection that is taken; what was sent already no server can be told."""
    engine = await connect(scripted.base, bounds=ConnectionBounds(connections=1), in_flight=4)
    gate = scripted.plays[CHAT] = Gated(says)
    first = asyncio.create_task(engine.generate(ask()))
    await gate.asked.wait()
    rising = RisingPriority(Priority.BACKGROUND)
    waits = asyncio.create_task(engine.generate(ask(priority=rising.value, rising=rising)))
    await asyncio.sleep(0.05)
    rising.rise(Priority.OPEN_CHART)
    gate.released.set()
    await asyncio.gather(first, waits)
    assert sent(scripted) == [None, 0]


async def test_background_work_at_a_server_gives_way_to_an_open_chart(
    scripted: Any, connect: Any, ask: Ask, says: Any
) -> None:
    engine = await connect(scripted.base, in_flight=1)
    gate = scripted.plays[CHAT] = Gated(says)
    background = asyncio.create_task(engine.generate(ask(priority=Priority.BACKGROUND)))
    await gate.asked.wait()
    chart = asyncio.create_task(engine.generate(ask()))
    with pytest.raises(QueueFull, match="Others came first"):
        await background
    with pytest.raises(QueueFull):
        await engine.generate(ask())
    gate.released.set()
    assert (await chart).samples
    assert engine.state.running == 0
