"""`Replicas`: several engines of one model as one engine.

A request goes to the healthy replica that has least in flight. One that fails is set aside for a
while, longer each time, and comes back by way of a single request. A request is moved to another
replica only while nothing was generated of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.engine import (
    DeadlinePassed,
    Engine,
    EngineError,
    EngineState,
    EngineUnavailable,
    Generation,
    GenerationRequest,
    PromptTooLong,
    QueueFull,
)
from cds_hooks.inference.evaluation import Evaluation, EvaluationRequest, evaluate
from cds_hooks.inference.remote.server_faults import OF_THE_MODEL, FaultCode, ServerFault

__all__ = ["NotOneModel", "Replicas"]

_log = logging.getLogger(__name__)
_PAUSES_S = (1.0, 5.0, 30.0, 60.0)
T = TypeVar("T")
Ask = Callable[[Engine, float], Awaitable[T]]


class NotOneModel(EngineError):
    """Replicas that are not one model: what they say could not be told apart."""

    code = "replicas-differ"
    status = 500


@dataclass(slots=True)
class _Replica:
    """`failures` in a row; until `aside_until` (seconds of the loop's clock) it is asked nothing.

    `proving` is while one request finds out whether it is well again.
    """

    engine: Engine
    number: int
    in_flight: int = 0
    failures: int = 0
    aside_until: float = 0.0
    proving: bool = False


class Replicas:
    """An `Engine` over engines that all serve the same model.

    `pauses_s` are how long a replica is set aside after its first, second ... failure in a row.
    `moves` is how often one request may go on to another replica after one took it and failed; a
    replica that never took it does not count. Raises NotOneModel, ValueError for none.
    """

    def __init__(
        self,
        engines: Iterable[Engine],
        *,
        pauses_s: Sequence[float] = _PAUSES_S,
        moves: int = 1,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._replicas = [_Replica(engine, n) for n, engine in enumerate(engines)]
        if not self._replicas:
            raise ValueError("no replica is given")
        _refuse_different([replica.engine.model for replica in self._replicas])
        self._pauses_s = tuple(pauses_s)
        self._moves = moves
        self._clock = clock

    @property
    def model(self) -> ModelIdentity:
        """The one model; the build is that of the first replica that is ready."""
        ready = (r for r in self._replicas if r.engine.state.status == "ready")
        return next(ready, self._replicas[0]).engine.model

    @property
    def state(self) -> EngineState:
        """Ready while any replica is; `detail` says how many are, and why one that is not."""
        states = [replica.engine.state for replica in self._replicas]
        ready = sum(state.status == "ready" for state in states)
        order = ("ready", "restarting", "loading", "failed")
        best = min(states, key=lambda state: order.index(state.status))
        why = next((s.detail for s in states if s.status != "ready" and s.detail), "")
        return EngineState(
            best.status,
            sum(state.queued for state in states),
            sum(state.running for state in states),
            sum(state.restarts for state in states),
            f"{ready} of {len(states)} ready{': ' if why else ''}{why}",
        )

    async def start(self) -> None:
        """Begin loading all of them."""
        for replica in self._replicas:
            await replica.engine.start()

    async def stop(self) -> None:
        """Stop all of them, also when one cannot be stopped."""
        stops = (replica.engine.stop() for replica in self._replicas)
        for result in await asyncio.gather(*stops, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text by the first replica that counts. Raises EngineUnavailable."""
        for replica in self._in_turn(self._now()):
            with contextlib.suppress(EngineUnavailable):
                return await replica.engine.count_tokens(texts)
        raise EngineUnavailable("No replica counts tokens now")

    async def generate(self, request: GenerationRequest) -> Generation:
        """Samples from one replica.

        Raises EngineError: that of the last replica that was asked, or EngineUnavailable.
        """

        async def ask(engine: Engine, left_s: float) -> Generation:
            return await engine.generate(replace(request, deadline_s=left_s))

        return await self._anywhere(ask, request.deadline_s)

    async def evaluate(self, request: EvaluationRequest) -> tuple[Evaluation, ...]:
        """See `Evaluating`."""

        async def ask(engine: Engine, left_s: float) -> tuple[Evaluation, ...]:
            return await evaluate(engine, replace(request, deadline_s=left_s))

        return await self._anywhere(ask, request.deadline_s)

    async def _anywhere(self, ask: Ask[T], within_s: float) -> T:
        ends = self._now() + within_s
        error: EngineError = EngineUnavailable("No replica is up", where=self.state.detail)
        tried: set[int] = set()
        moves = self._moves
        while (replica := self._next(tried)) is not None and moves >= 0:
            tried.add(replica.number)
            try:
                return await self._ask(replica, ask, ends)
            except EngineError as failed:
                error = failed
            if not _nothing_generated(error) or self._now() >= ends:
                break
            moves -= not _never_taken(error)
        raise error

    async def _ask(self, replica: _Replica, ask: Ask[T], ends: float) -> T:
        left_s = ends - self._now()
        with _in_use(replica):
            try:
                answer = await ask(replica.engine, left_s)
            except EngineError as error:
                self._judge(replica, error)
                raise
        replica.failures, replica.aside_until = 0, 0.0
        return answer

    def _next(self, tried: Collection[int]) -> _Replica | None:
        untried = (r for r in self._in_turn(self._now()) if r.number not in tried)
        return next(untried, None)

    def _in_turn(self, now: float) -> list[_Replica]:
        """Those that may be asked, least in flight first; where there are none, those set aside.

        Equally busy ones always come in the same order: a chart that is opened again then finds
        its prompt in the same server's cache.
        """
        up = [r for r in self._replicas if r.engine.state.status == "ready" and not r.proving]
        well = [r for r in up if now >= r.aside_until]
        if well:
            return sorted(well, key=lambda replica: replica.in_flight)
        return sorted(up, key=lambda replica: replica.aside_until)

    def _judge(self, replica: _Replica, error: EngineError) -> None:
        """Set a replica aside for a failure that is its own, longer each time."""
        if not _is_ill(error):
            return
        pause = self._pauses_s[min(replica.failures, len(self._pauses_s) - 1)]
        replica.failures += 1
        replica.aside_until = self._now() + pause
        _log.warning("replica %d is set aside for %.1f s: %s", replica.number, pause, error.code)

    def _now(self) -> float:
        return self._clock() if self._clock else asyncio.get_running_loop().time()


@contextlib.contextmanager
def _in_use(replica: _Replica) -> Iterator[None]:
    """While a request is with a replica; with one that failed before, it is the only one."""
    replica.in_flight += 1
    proves = replica.failures > 0
    replica.proving = replica.proving or proves
    try:
        yield
    finally:
        replica.in_flight -= 1
        if proves:
            replica.proving = False


def _never_taken(error: EngineError) -> bool:
    return isinstance(error, EngineUnavailable | QueueFull)


def _nothing_generated(error: EngineError) -> bool:
    """Whether another replica may be asked the same. Of an engine that died nobody knows."""
    if _never_taken(error):
        return True
    return isinstance(error, ServerFault) and not error.began and _is_ill(error)


def _is_ill(error: EngineError) -> bool:
    """Whether a failure tells of the replica, and not of the request or of how busy it is."""
    if isinstance(error, PromptTooLong | QueueFull | DeadlinePassed):
        return False
    of_all = OF_THE_MODEL | {FaultCode.REQUEST_REFUSED}
    return not (isinstance(error, ServerFault) and error.fault in of_all)


def _refuse_different(models: Sequence[ModelIdentity]) -> None:
    names = {model.name for model in models}
    digests = {model.sha256 for model in models}
    if len(names) > 1 or len(digests) > 1:
        raise NotOneModel(
            "Replicas must be one model, by name and digest",
            hint="Ask several models with a panel instead.",
        )
