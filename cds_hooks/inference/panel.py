"""`Panel`: several models asked about one chart; what each said stays separate.

A panel is an `Engine`, so it can stand wherever one does. What it returns is a `Generation` whose
parts, one a model, `by_model` gives: samples of different models must not be mixed up when each
sample's model is recorded and agreement is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import orjson

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.engine import (
    DeadlinePassed,
    Engine,
    EngineError,
    EngineEvent,
    EngineState,
    EngineUnavailable,
    Generation,
    GenerationRequest,
)
from cds_hooks.inference.evaluation import Evaluation, EvaluationRequest, evaluate
from cds_hooks.inference.local.ladder import Rung

__all__ = ["MemberFailure", "Panel", "PanelGeneration", "PanelOrder", "by_model"]

_log = logging.getLogger(__name__)
_LOOK_S = 0.05
_RUNGS = ("", *(rung.value for rung in Rung))


class PanelOrder(StrEnum):
    """How the models of a panel share a machine.

    `ONE_IN_MEMORY` loads each model for its turn and unloads it after: slow, but a panel then
    needs no more memory than its largest model.
    """

    AT_ONCE = "at-once"
    IN_TURN = "in-turn"
    ONE_IN_MEMORY = "one-in-memory"


@dataclass(frozen=True, slots=True)
class MemberFailure:
    """A model that said nothing: `code` and `detail` are its error's."""

    model: ModelIdentity
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class PanelGeneration(Generation):
    """What the models said, in the panel's order. `samples` are those of all of them, in order.

    At least one model said something; `failures` are those that did not.
    """

    generations: tuple[Generation, ...] = ()
    failures: tuple[MemberFailure, ...] = ()


def by_model(generation: Generation) -> tuple[Generation, ...]:
    """The parts of a generation, each of one model: a panel's, or the one generation itself."""
    return generation.generations if isinstance(generation, PanelGeneration) else (generation,)


class Panel:
    """An `Engine` over engines of different models. Raises ValueError for none or for twins."""

    def __init__(
        self, engines: Iterable[Engine], *, order: PanelOrder = PanelOrder.IN_TURN
    ) -> None:
        self._engines = tuple(engines)
        self._order = order
        self._turn = asyncio.Lock()
        self._started = False
        names = [engine.model.name for engine in self._engines]
        if not names or len(set(names)) != len(names):
            raise ValueError("a panel needs models, and each of them once")

    @property
    def models(self) -> tuple[ModelIdentity, ...]:
        """The models, in order."""
        return tuple(engine.model for engine in self._engines)

    @property
    def model(self) -> ModelIdentity:
        """All models as one: its digest changes when any model, or its engine, does."""
        models = self.models
        told = orjson.dumps([[m.name, m.sha256, m.engine] for m in models])
        return ModelIdentity(
            " + ".join(m.name for m in models),
            hashlib.sha256(told).hexdigest(),
            f"panel of {len(models)}, {self._order}",
            "; ".join(dict.fromkeys(m.licence for m in models if m.licence)),
            demonstration=any(m.demonstration for m in models),
        )

    @property
    def confinement(self) -> Mapping[str, str]:
        """What the least confined of its engine processes has given up; empty while none tells."""
        told = [getattr(engine, "confinement", {}) for engine in self._engines]
        known: list[Mapping[str, str]] = [each for each in told if each]
        return min(known, key=lambda each: each.get("confined") == "yes", default={})

    @property
    def trouble(self) -> str:
        """What is wrong with its models, each by name; empty when nothing is."""
        told = [(engine.model.name, getattr(engine, "trouble", "")) for engine in self._engines]
        return " ".join(f"{name}: {trouble}" for name, trouble in told if trouble)

    @property
    def events(self) -> tuple[EngineEvent, ...]:
        """Starts of its engine processes, and their leaving service, in order."""
        events = [event for engine in self._engines for event in getattr(engine, "events", ())]
        return tuple(sorted(events, key=lambda event: event.number))

    @property
    def facts(self) -> Mapping[str, str]:
        """Of the engine process that stands lowest on its ladder; empty while none tells."""
        lowest = max(self._engines, key=lambda engine: _RUNGS.index(engine.state.rung))
        told: Mapping[str, str] = getattr(lowest, "facts", {})
        return told

    @property
    def state(self) -> EngineState:
        """Ready while any model can be asked; `detail` says how many can."""
        states = [engine.state for engine in self._engines]
        if self._order is PanelOrder.ONE_IN_MEMORY:
            status = "ready" if self._started else "failed"
            return EngineState(status, running=int(self._turn.locked()))
        ready = sum(state.status == "ready" for state in states)
        order = ("ready", "restarting", "loading", "failed")
        return EngineState(
            min((state.status for state in states), key=order.index),
            sum(state.queued for state in states),
            sum(state.running for state in states),
            sum(state.restarts for state in states),
            f"{ready} of {len(states)} ready",
            max((state.rung for state in states), key=_RUNGS.index),
        )

    async def start(self) -> None:
        """Begin loading all of them, unless each is loaded for its turn."""
        self._started = True
        if self._order is not PanelOrder.ONE_IN_MEMORY:
            for engine in self._engines:
                await engine.start()

    async def stop(self) -> None:
        """Stop all of them, also when one cannot be stopped."""
        self._started = False
        stops = (engine.stop() for engine in self._engines)
        for result in await asyncio.gather(*stops, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Of each text the most tokens that any model takes: one prompt must fit all of them.

        Raises EngineUnavailable when not every model can count.
        """
        counts = [await engine.count_tokens(texts) for engine in self._engines]
        return [max(of_text) for of_text in zip(*counts, strict=True)]

    async def generate(self, request: GenerationRequest) -> PanelGeneration:
        """Samples of every model that answers in time. Raises the first's error when none does."""
        if self._order is PanelOrder.AT_ONCE:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._ask(e, request)) for e in self._engines]
            results = [task.result() for task in tasks]
        else:
            results = await self._ask_in_turn(request)
        return self._put_together(results)

    async def evaluate(self, request: EvaluationRequest) -> tuple[Evaluation, ...]:
        """See `Evaluating`: one for each model that can tell and answers in time.

        Nothing where each model is loaded for its turn: loading costs more than it would tell.

        Raises the first's error when each that can tell fails.
        """
        if self._order is PanelOrder.ONE_IN_MEMORY:
            return ()
        told: list[Evaluation] = []
        failed: list[EngineError] = []
        for part in await self._evaluations(request):
            told.extend(part) if isinstance(part, tuple) else failed.append(part)
        if failed and not told:
            raise failed[0]
        return tuple(told)

    async def _evaluations(
        self, request: EvaluationRequest
    ) -> list[tuple[Evaluation, ...] | EngineError]:
        async def ask(engine: Engine, within_s: float) -> tuple[Evaluation, ...] | EngineError:
            try:
                return await evaluate(engine, replace(request, deadline_s=within_s))
            except EngineError as error:
                return error

        if self._order is PanelOrder.AT_ONCE:
            return await asyncio.gather(*(ask(e, request.deadline_s) for e in self._engines))
        loop = asyncio.get_running_loop()
        ends, found = loop.time() + request.deadline_s, []
        for left, engine in zip(range(len(self._engines), 0, -1), self._engines, strict=True):
            found.append(await ask(engine, (ends - loop.time()) / left))
        return found

    async def _ask(self, engine: Engine, request: GenerationRequest) -> Generation | EngineError:
        try:
            return await engine.generate(request)
        except EngineError as error:
            _log.warning("%s of the panel did not answer: %s", engine.model.name, error.code)
            return error

    async def _ask_in_turn(self, request: GenerationRequest) -> list[Generation | EngineError]:
        """One after the other. Each may use its share of the time that is left, so that the first
        cannot take all of it, and what it leaves falls to those behind it."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + request.deadline_s
        results: list[Generation | EngineError] = []
        for number, engine in enumerate(self._engines):
            share = (ends - loop.time()) / (len(self._engines) - number)
            mine = replace(request, deadline_s=share)
            if self._order is PanelOrder.ONE_IN_MEMORY:
                results.append(await self._ask_alone(engine, mine))
            else:
                results.append(await self._ask(engine, mine))
        return results

    async def _ask_alone(
        self, engine: Engine, request: GenerationRequest
    ) -> Generation | EngineError:
        """Load the model, ask it and unload it; nothing else is loaded meanwhile."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + request.deadline_s
        try:
            async with asyncio.timeout_at(ends), self._turn, _loaded(engine):
                return await self._ask(engine, replace(request, deadline_s=ends - loop.time()))
        except TimeoutError:
            return DeadlinePassed(
                "The deadline passed before the model was loaded and had answered"
            )
        except EngineUnavailable as error:
            return error

    def _put_together(self, results: Sequence[Generation | EngineError]) -> PanelGeneration:
        said = tuple(result for result in results if isinstance(result, Generation))
        paired = zip(self.models, results, strict=True)
        failed = [(model, result) for model, result in paired if isinstance(result, EngineError)]
        if not said:
            raise failed[0][1]
        return PanelGeneration(
            tuple(sample for generation in said for sample in generation.samples),
            self.model,
            sum(generation.tokens_prompt for generation in said),
            sum(generation.tokens_reused for generation in said),
            {
                f"{generation.model.name}.{stage}": value
                for generation in said
                for stage, value in generation.timings_ms.items()
            },
            said,
            tuple(MemberFailure(m, e.code, e.diagnostics()) for m, e in failed),
        )


@contextlib.asynccontextmanager
async def _loaded(engine: Engine) -> AsyncIterator[None]:
    """A model that is loaded while the block runs."""
    await engine.start()
    try:
        while (state := engine.state).status != "ready":
            if state.status == "failed":
                raise EngineUnavailable("The model did not load", where=state.detail)
            await asyncio.sleep(_LOOK_S)
        yield
    finally:
        await engine.stop()
