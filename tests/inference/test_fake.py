"""The fake engine behaves like an engine, so that other tests mean something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from cds_hooks.inference.engine import (
    DeadlinePassed,
    Engine,
    EngineUnavailable,
    GenerationRequest,
    QueueFull,
)
from tests.fake_engine import FakeEngine, FakeReply

Ask = Callable[..., GenerationRequest]


async def test_replies_come_in_order_and_the_last_one_stays(ask: Ask) -> None:
    engine: Engine = FakeEngine([FakeReply(("a",)), FakeReply(("b", "c"))])
    texts = [
        [sample.text for sample in (await engine.generate(ask(samples=3))).samples]
        for _ in range(3)
    ]
    assert texts == [["a"] * 3, ["b", "c", "b"], ["b", "c", "b"]]


async def test_faults_are_raised(ask: Ask) -> None:
    engine = FakeEngine([FakeReply(fault=QueueFull("full"))])
    with pytest.raises(QueueFull):
        await engine.generate(ask())


async def test_deadline_and_cancellation_end_a_slow_reply(ask: Ask) -> None:
    engine = FakeEngine([FakeReply(delay_s=60)])
    with pytest.raises(DeadlinePassed):
        await engine.generate(ask(deadline_s=0.01))
    task = asyncio.create_task(engine.generate(ask()))
    while engine.state.running != 1:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.cancelled == 1
    assert engine.state.running == 0


async def test_an_engine_that_is_not_ready_says_so(ask: Ask) -> None:
    engine = FakeEngine(status="loading")
    with pytest.raises(EngineUnavailable):
        await engine.count_tokens(["a b"])
    engine.set_status("ready")
    assert await engine.count_tokens(["a b", ""]) == [3, 1]
