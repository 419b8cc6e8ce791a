"""An exclusive request runs alone, waits its turn like any other, and lets the next one go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from cds_hooks.inference.engine import DeadlinePassed, GenerationRequest, Priority
from cds_hooks.inference.local.llama_engine import LlamaEngine

pytestmark = [pytest.mark.model, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]
Ask = Callable[..., GenerationRequest]


@pytest.mark.slow
async def test_it_gives_the_same_bits_whatever_ran_before(engine: LlamaEngine, ask: Ask) -> None:
    request = ask(chart="S1 thirst\nL1 glucose high", samples=2, temperature=1.5, exclusive=True)
    first = await engine.generate(request)
    beside = [ask(chart=f"S1 cough {n}\nL1 x", samples=2, seed=n) for n in range(2)]
    await asyncio.gather(*map(engine.generate, beside))
    again = await engine.generate(request)
    assert [s.text for s in again.samples] == [s.text for s in first.samples]


async def test_it_neither_overtakes_nor_is_overtaken(engine: LlamaEngine, ask: Ask) -> None:
    order: list[str] = []

    async def run(name: str, **changes: object) -> None:
        await engine.generate(ask(chart=f"S1 rash {name}", max_tokens=60, **changes))
        order.append(name)

    async with asyncio.TaskGroup() as group:
        for name in ("before", "alone", "after"):
            group.create_task(run(name, exclusive=name == "alone"))
            await asyncio.sleep(0)
    assert order == ["before", "alone", "after"]


async def test_an_opened_chart_overtakes_what_is_prepared_and_waits(
    engine: LlamaEngine, ask: Ask
) -> None:
    order: list[str] = []

    async def run(name: str, priority: Priority) -> None:
        request = ask(chart=f"S1 rash {name}", max_tokens=60, exclusive=True, priority=priority)
        await engine.generate(request)
        order.append(name)

    asked = [("runs", Priority.BACKGROUND), ("prepared", Priority.BACKGROUND),
             ("opened", Priority.OPEN_CHART), ("later", Priority.OPEN_CHART)]  # fmt: skip
    async with asyncio.TaskGroup() as group:
        for name, priority in asked:
            group.create_task(run(name, priority))
            await asyncio.sleep(0)
    # The first may have begun before the others came, or not.
    assert order.index("runs") < order.index("prepared")
    assert [name for name in order if name != "runs"] == ["opened", "later", "prepared"]


@pytest.mark.parametrize("runs", [False, True])
async def test_one_that_is_cancelled_lets_the_next_begin(
    engine: LlamaEngine, ask: Ask, runs: bool
) -> None:
    """While it waits behind another, and while it runs."""
    before = asyncio.create_task(engine.generate(ask(chart="S1 ache", max_tokens=20)))
    if runs:
        await before
    alone = asyncio.create_task(engine.generate(ask(samples=3, diagnoses=4, exclusive=True)))
    await asyncio.sleep(0)
    while runs and not engine.state.running:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    after = asyncio.create_task(engine.generate(ask(chart="S1 itch", max_tokens=20)))
    alone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await alone
    for task in (before, after):
        assert (await task).samples[0].finish == "stop"


async def test_one_that_runs_out_of_time_lets_the_next_begin(engine: LlamaEngine, ask: Ask) -> None:
    late = ask(samples=3, diagnoses=5, exclusive=True, deadline_s=0.05)
    with pytest.raises(DeadlinePassed):
        await engine.generate(late)
    assert (await engine.generate(ask(max_tokens=20))).samples[0].finish == "stop"
