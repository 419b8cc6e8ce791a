"""Several engines of one model: who is asked, who is set aside, what is moved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from cds_hooks.inference.engine import (
    DeadlinePassed,
    EngineError,
    EngineUnavailable,
    GenerationRequest,
    PromptTooLong,
    QueueFull,
)
from cds_hooks.inference.remote.openai_engine import OpenAIConfig, OpenAIEngine
from cds_hooks.inference.remote.server_faults import FaultCode, fault_error
from cds_hooks.inference.replicas import NotOneModel, Replicas
from tests.fake_engine import FakeEngine, FakeReply

Ask = Callable[..., GenerationRequest]


class Clock:
    """Seconds, put forward by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engines() -> list[FakeEngine]:
    return [FakeEngine(), FakeEngine(), FakeEngine()]


@pytest.fixture
def replicas(engines: list[FakeEngine], clock: Clock) -> Replicas:
    return Replicas(engines, pauses_s=(1.0, 10.0), clock=clock)


def request_counts(engines: list[FakeEngine]) -> list[int]:
    return [len(engine.requests) for engine in engines]


LOST = fault_error(FaultCode.CONNECTION_LOST)
GOOD = FakeReply()


async def test_the_one_with_least_in_flight_is_asked(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask
) -> None:
    for engine in engines:
        engine.push(FakeReply(delay_s=0.2))
    await asyncio.gather(*(replicas.generate(ask()) for _ in range(6)))
    assert request_counts(engines) == [2, 2, 2]


async def test_one_that_is_not_ready_is_not_asked(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask
) -> None:
    engines[0].set_status("restarting")
    await replicas.generate(ask())
    assert request_counts(engines) == [0, 1, 0]
    assert replicas.state.status == "ready"
    assert replicas.state.detail == "2 of 3 ready"
    for engine in engines:
        engine.set_status("failed")
    assert replicas.state.status == "failed"
    with pytest.raises(EngineUnavailable):
        await replicas.generate(ask())


@pytest.mark.parametrize(
    "fault",
    [
        fault_error(FaultCode.UNREACHABLE),
        fault_error(FaultCode.UNAVAILABLE),
        fault_error(FaultCode.CONNECTION_LOST),
        fault_error(FaultCode.STALLED),
        fault_error(FaultCode.ERROR),
        fault_error(FaultCode.UNAUTHORIZED),
        EngineUnavailable("gone"),
        QueueFull("full"),
    ],
)
async def test_a_request_of_which_nothing_was_generated_is_moved(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask, fault: EngineError
) -> None:
    engines[0].push(FakeReply(fault=fault), GOOD)
    assert (await replicas.generate(ask())).samples
    assert request_counts(engines) == [1, 1, 0]


@pytest.mark.parametrize(
    "fault",
    [
        fault_error(FaultCode.CONNECTION_LOST, began=True),
        fault_error(FaultCode.GARBAGE, began=True),
        fault_error(FaultCode.REQUEST_REFUSED),
        PromptTooLong("too long"),
        DeadlinePassed("late"),
        EngineError("it died, and nobody knows how far it was"),
    ],
)
async def test_any_other_is_not(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask, fault: EngineError
) -> None:
    engines[0].push(FakeReply(fault=fault), GOOD)
    with pytest.raises(EngineError) as failed:
        await replicas.generate(ask())
    assert failed.value is fault
    assert request_counts(engines) == [1, 0, 0]


async def test_a_request_that_breaks_servers_does_not_break_all_of_them(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask
) -> None:
    for engine in engines:
        engine.push(FakeReply(fault=LOST), GOOD)
    with pytest.raises(EngineError):
        await replicas.generate(ask())
    assert request_counts(engines) == [1, 1, 0]


async def test_those_that_never_took_it_do_not_count(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask
) -> None:
    for engine in engines[:2]:
        engine.push(FakeReply(fault=fault_error(FaultCode.UNREACHABLE)), GOOD)
    await replicas.generate(ask())
    assert request_counts(engines) == [1, 1, 1]


async def test_a_failing_one_is_set_aside_longer_each_time(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask, clock: Clock
) -> None:
    engines[0].push(FakeReply(fault=LOST), FakeReply(fault=LOST), GOOD)
    await replicas.generate(ask())
    await replicas.generate(ask())
    assert request_counts(engines) == [1, 2, 0], "set aside at once"
    clock.now = 1.1
    await replicas.generate(ask())
    assert request_counts(engines) == [2, 3, 0], "tried again after a second, and failed"
    clock.now = 10.0
    await replicas.generate(ask())
    assert request_counts(engines) == [2, 4, 0], "set aside for ten"
    clock.now = 12.0
    await replicas.generate(ask())
    await replicas.generate(ask())
    assert request_counts(engines) == [4, 4, 0], "well again"


async def test_one_comes_back_by_way_of_a_single_request(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask, clock: Clock
) -> None:
    engines[0].push(FakeReply(fault=LOST), FakeReply(delay_s=0.2))
    await replicas.generate(ask())
    clock.now = 1.1
    await asyncio.gather(*(replicas.generate(ask()) for _ in range(5)))
    assert request_counts(engines) == [2, 3, 2]


async def test_a_cancelled_proof_proves_nothing(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask, clock: Clock
) -> None:
    engines[0].push(FakeReply(fault=LOST), FakeReply(delay_s=30.0), GOOD)
    await replicas.generate(ask())
    clock.now = 1.1
    task = asyncio.create_task(replicas.generate(ask()))
    while not engines[0].state.running:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engines[0].cancelled == 1
    await replicas.generate(ask())
    assert request_counts(engines) == [3, 1, 0]


async def test_when_all_are_set_aside_the_one_that_is_due_first_is_tried(
    engines: list[FakeEngine], ask: Ask, clock: Clock
) -> None:
    replicas = Replicas(engines[:2], pauses_s=(1.0, 10.0), clock=clock)
    for engine in engines[:2]:
        engine.push(FakeReply(fault=LOST), GOOD)
    with pytest.raises(EngineError):
        await replicas.generate(ask())
    assert (await replicas.generate(ask())).samples


async def test_too_much_to_do_is_no_illness(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask
) -> None:
    engines[0].push(FakeReply(fault=QueueFull("full")), GOOD)
    await replicas.generate(ask())
    await replicas.generate(ask())
    assert request_counts(engines) == [2, 1, 0]


async def test_the_deadline_holds_over_all_of_them(
    replicas: Replicas, engines: list[FakeEngine], ask: Ask, clock: Clock
) -> None:
    class Slow(FakeEngine):
        async def generate(self, request: GenerationRequest) -> Any:
            self.requests.append(request)
            clock.now += 7.0
            raise EngineUnavailable("gone")

    slow = [Slow(), Slow(), Slow()]
    with pytest.raises(EngineUnavailable):
        await Replicas(slow, clock=clock).generate(ask(deadline_s=10.0))
    assert [round(r.deadline_s) for engine in slow for r in engine.requests] == [10, 3]


async def test_tokens_are_counted_by_one_that_can(
    replicas: Replicas, engines: list[FakeEngine]
) -> None:
    class NoCount(FakeEngine):
        async def count_tokens(self, texts: Any) -> list[int]:
            raise EngineUnavailable("does not count")

    assert await Replicas([NoCount(), FakeEngine()]).count_tokens(["a b"]) == [3]
    with pytest.raises(EngineUnavailable):
        await Replicas([NoCount()]).count_tokens(["a b"])


async def test_all_are_started_and_stopped_even_when_one_cannot_be(
    engines: list[FakeEngine],
) -> None:
    class Stuck(FakeEngine):
        async def stop(self) -> None:
            raise OSError("stuck")

    replicas = Replicas([Stuck(), *engines])
    await replicas.start()
    with pytest.raises(OSError, match="stuck"):
        await replicas.stop()
    assert all(engine.state.status == "failed" for engine in engines)


def test_replicas_are_one_model() -> None:
    base = "https://gpu.hospital.example"
    configs = [OpenAIConfig(base, "m", allowed=(base,), sha256=digit * 64) for digit in "ab"]
    with pytest.raises(NotOneModel):
        Replicas([OpenAIEngine(config) for config in configs])
    with pytest.raises(ValueError, match="no replica"):
        Replicas([])
    assert Replicas([FakeEngine()]).model == FakeEngine().model
