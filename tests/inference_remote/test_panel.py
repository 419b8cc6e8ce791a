"""Several models asked about one chart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.engine import (
    EngineError,
    EngineEvent,
    EngineState,
    EngineUnavailable,
    Generation,
    GenerationRequest,
    QueueFull,
)
from cds_hooks.inference.evaluation import Evaluation, EvaluationRequest
from cds_hooks.inference.local.ladder import Rung
from cds_hooks.inference.panel import Panel, PanelGeneration, PanelOrder, by_model
from prompts.prompt import Message
from tests.fake_engine import FakeEngine, FakeReply

Ask = Callable[..., GenerationRequest]


class Named(FakeEngine):
    """A fake of some name that costs some tokens more, and remembers what was done with it."""

    def __init__(
        self, name: str, *replies: FakeReply, more: int = 0, status: str = "ready"
    ) -> None:
        super().__init__(replies, status=status)
        self._named = replace(super().model, name=name, sha256=name[0] * 64, demonstration=False)
        self._more = more
        self.log: list[str] = []

    @property
    def model(self) -> ModelIdentity:
        return self._named

    async def start(self) -> None:
        self.log.append("start")
        self.set_status("ready")

    async def stop(self) -> None:
        self.log.append("stop")
        await super().stop()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [count + self._more for count in await super().count_tokens(texts)]

    async def generate(self, request: GenerationRequest) -> Generation:
        return replace(await super().generate(request), model=self.model)


def said(text: str, delay_s: float = 0.0) -> FakeReply:
    return FakeReply((text,), delay_s)


@pytest.mark.parametrize("how", list(PanelOrder))
async def test_what_each_model_said_stays_apart(ask: Ask, how: PanelOrder) -> None:
    panel = Panel([Named("a", said("A")), Named("b", said("B"))], order=how)
    await panel.start()
    generation = await panel.generate(ask(samples=2))
    parts = [(part.model.name, [s.text for s in part.samples]) for part in by_model(generation)]
    assert parts == [("a", ["A", "A"]), ("b", ["B", "B"])]
    assert [sample.text for sample in generation.samples] == ["A", "A", "B", "B"]
    assert generation.tokens_prompt == sum(part.tokens_prompt for part in by_model(generation))
    assert "a.decode" in generation.timings_ms
    await panel.stop()


async def test_one_model_s_generation_is_its_own_part(ask: Ask) -> None:
    generation = await FakeEngine().generate(ask())
    assert by_model(generation) == (generation,)


@pytest.mark.parametrize("how", list(PanelOrder))
async def test_what_failed_is_said_and_the_rest_is_kept(ask: Ask, how: PanelOrder) -> None:
    broken = Named("a", FakeReply(fault=QueueFull("full")))
    panel = Panel([broken, Named("b", said("B"))], order=how)
    await panel.start()
    generation = await panel.generate(ask())
    assert [part.model.name for part in by_model(generation)] == ["b"]
    assert [(f.model.name, f.code) for f in generation.failures] == [("a", "overloaded")]
    assert "full" in generation.failures[0].detail


@pytest.mark.parametrize("how", list(PanelOrder))
async def test_when_all_fail_the_first_says_why(ask: Ask, how: PanelOrder) -> None:
    first = EngineError("first")
    faults = [first, QueueFull("second")]
    engines = [Named(name, FakeReply(fault=f)) for name, f in zip("ab", faults, strict=True)]
    panel = Panel(engines, order=how)
    await panel.start()
    with pytest.raises(EngineError) as failed:
        await panel.generate(ask())
    assert failed.value is first


async def test_at_once_is_at_once_and_in_turn_is_in_turn(ask: Ask) -> None:
    class Watched(Named):
        together = most = 0

        async def generate(self, request: GenerationRequest) -> Generation:
            Watched.together += 1
            Watched.most = max(Watched.most, Watched.together)
            try:
                return await super().generate(request)
            finally:
                Watched.together -= 1

    for how, most in (
        (PanelOrder.AT_ONCE, 3),
        (PanelOrder.IN_TURN, 1),
        (PanelOrder.ONE_IN_MEMORY, 1),
    ):
        Watched.most = 0
        panel = Panel([Watched(n, said(n, 0.02)) for n in "abc"], order=how)
        await panel.start()
        await panel.generate(ask())
        assert Watched.most == most


async def test_in_turn_no_model_takes_the_time_of_those_behind_it(ask: Ask) -> None:
    slow, fast = Named("a", said("A", 30.0)), Named("b", said("B"))
    generation = await Panel([slow, fast]).generate(ask(deadline_s=2.0))
    assert [part.model.name for part in by_model(generation)] == ["b"]
    assert generation.failures[0].code == "deadline"
    assert slow.requests[0].deadline_s <= 1.0


async def test_in_turn_what_is_left_over_falls_to_those_behind(ask: Ask) -> None:
    fast, last = Named("a"), Named("b")
    await Panel([fast, last]).generate(ask(deadline_s=100.0))
    assert fast.requests[0].deadline_s <= 50.0 < last.requests[0].deadline_s


async def test_at_once_each_model_has_all_the_time(ask: Ask) -> None:
    engines = [Named("a"), Named("b")]
    await Panel(engines, order=PanelOrder.AT_ONCE).generate(ask(deadline_s=10.0))
    assert [engine.requests[0].deadline_s for engine in engines] == [10.0, 10.0]


async def test_one_in_memory_loads_each_for_its_turn(ask: Ask) -> None:
    engines = [Named("a", status="failed"), Named("b", status="failed")]
    panel = Panel(engines, order=PanelOrder.ONE_IN_MEMORY)
    assert panel.state.status == "failed"
    await panel.start()
    assert panel.state.status == "ready"
    assert [engine.log for engine in engines] == [[], []]
    await asyncio.gather(panel.generate(ask()), panel.generate(ask()))
    assert [engine.log for engine in engines] == [["start", "stop"] * 2] * 2
    await panel.stop()


async def test_one_in_memory_a_model_that_does_not_load_is_a_failure_of_its_own(ask: Ask) -> None:
    class Unloadable(Named):
        async def start(self) -> None:
            self.set_status(self.becomes)

        becomes = "failed"

    class Endless(Unloadable):
        becomes = "loading"

    engines = [Unloadable("a"), Endless("b"), Named("c", said("C"))]
    panel = Panel(engines, order=PanelOrder.ONE_IN_MEMORY)
    await panel.start()
    generation = await panel.generate(ask(deadline_s=3.0))
    assert [f.code for f in generation.failures] == ["engine-unavailable", "deadline"]
    assert [s.text for s in generation.samples] == ["C"]
    assert all("stop" in engine.log for engine in engines)


@pytest.mark.parametrize("how", list(PanelOrder))
async def test_cancelling_cancels_every_model(ask: Ask, how: PanelOrder) -> None:
    engines = [Named(name, said(name, 30.0)) for name in "ab"]
    panel = Panel(engines, order=how)
    await panel.start()
    at_work = 2 if how is PanelOrder.AT_ONCE else 1
    task = asyncio.create_task(panel.generate(ask()))
    while sum(engine.state.running for engine in engines) < at_work:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sum(engine.cancelled for engine in engines) == at_work


async def test_one_prompt_fits_every_model() -> None:
    panel = Panel([Named("a", more=5), Named("b", more=1)])
    assert await panel.count_tokens(["x", "y z"]) == [7, 8]
    away = Panel([Named("a"), Named("b", status="restarting")])
    with pytest.raises(EngineUnavailable):
        await away.count_tokens(["x"])


def test_a_panel_is_another_model_when_any_of_its_models_is() -> None:
    def digest(*names: str) -> str:
        return Panel([Named(name) for name in names]).model.sha256

    assert digest("a", "b") == digest("a", "b")
    assert len({digest("a", "b"), digest("b", "a"), digest("a"), digest("a", "c")}) == 4
    panel = Panel([Named("a"), FakeEngine()])
    assert panel.model.name == "a + fake"
    assert panel.model.demonstration


def test_its_state_is_that_of_the_best(ask: Ask) -> None:
    panel = Panel([Named("a", status="restarting"), Named("b")])
    assert (panel.state.status, panel.state.detail) == ("ready", "1 of 2 ready")


class Local(Named):
    """A model that runs here: on a rung, with what happened to it."""

    def __init__(self, name: str, rung: Rung, trouble: str, *events: EngineEvent) -> None:
        super().__init__(name)
        self._rung, self.trouble, self.events = rung, trouble, events
        self.facts = {"rung": rung.value}

    @property
    def state(self) -> EngineState:
        return EngineState("ready", rung=self._rung.value)


def test_it_stands_where_the_lowest_of_its_models_stands() -> None:
    high = Local("a", Rung.AS_CONFIGURED, "", EngineEvent(2, "engine-started", {}))
    died = [EngineEvent(1, "engine-started", {}), EngineEvent(3, "engine-out-of-service", {})]
    low = Local("b", Rung.WITHOUT_EXTRA_BUFFERS, "It died.", *died)
    panel = Panel([high, low, Named("on a server")])
    assert panel.state.rung == "without-extra-buffers"
    assert panel.facts == {"rung": "without-extra-buffers"}
    assert panel.trouble == "b: It died."
    assert [event.number for event in panel.events] == [1, 2, 3]


@pytest.mark.parametrize("names", ["", "aa"])
def test_a_panel_has_models_and_each_once(names: str) -> None:
    with pytest.raises(ValueError, match="panel"):
        Panel([Named(name) for name in names])


def test_a_panel_s_generation_is_a_generation() -> None:
    empty: Any = PanelGeneration((), FakeEngine().model)
    assert isinstance(empty, Generation)
    assert by_model(empty) == ()


class Telling(Named):
    """A fake that tells what it thinks of its answers, or why it does not."""

    def __init__(self, name: str, *shares: float, fault: EngineError | None = None) -> None:
        super().__init__(name)
        self._shares, self._fault = shares, fault
        self.asked: list[EvaluationRequest] = []

    async def evaluate(self, request: EvaluationRequest) -> tuple[Evaluation, ...]:
        self.asked.append(request)
        if self._fault:
            raise self._fault
        return (Evaluation(self.model, self._shares),)


EVALUATION = EvaluationRequest(((Message("user", "Is it gout?"),),), ("Yes",), ("No",))


@pytest.mark.parametrize("order", [PanelOrder.AT_ONCE, PanelOrder.IN_TURN])
async def test_each_model_of_a_panel_says_what_it_thinks(order: PanelOrder) -> None:
    """One that cannot tell, and one that fails, are left out."""
    one, other = Telling("one", 0.25), Telling("other", 0.75)
    panel = Panel(
        [one, Named("mute"), Telling("ill", fault=EngineError("ill")), other], order=order
    )
    told = await panel.evaluate(replace(EVALUATION, deadline_s=8.0))
    assert [(each.model.name, each.shares) for each in told] == [
        ("one", (0.25,)),
        ("other", (0.75,)),
    ]
    if order is PanelOrder.IN_TURN:  # each may use its share of what is left
        assert one.asked[0].deadline_s == pytest.approx(2.0, abs=0.5)
        assert other.asked[0].deadline_s == pytest.approx(8.0, abs=0.5)


async def test_a_panel_of_which_no_model_tells_raises_or_is_silent() -> None:
    with pytest.raises(EngineError, match="ill"):
        await Panel([Telling("ill", fault=EngineError("ill"))]).evaluate(EVALUATION)
    assert await Panel([Named("mute")]).evaluate(EVALUATION) == ()
    alone = Panel([Telling("one", 0.5)], order=PanelOrder.ONE_IN_MEMORY)
    assert await alone.evaluate(EVALUATION) == ()
