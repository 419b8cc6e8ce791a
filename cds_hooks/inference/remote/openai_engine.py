"""`OpenAIEngine`: a model server inside the hospital's network (vLLM, llama-server).

For when one machine is not enough. The server is one of an allow-list, the way to it is TLS, its
answers are streamed so that a cancelled request ends over there too, and every fault has its own
code. Names are free text here: only the local engine binds them to a terminology while decoding.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, ClassVar, TypeVar

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.claims import Claim, Claims, EngineRequest
from cds_hooks.inference.engine import (
    EngineState,
    EngineUnavailable,
    Generation,
    GenerationRequest,
    QueueFull,
)
from cds_hooks.inference.evaluation import Evaluation, EvaluationRequest
from cds_hooks.inference.remote.answer_shares import answer_shares
from cds_hooks.inference.remote.choice import WHOLE
from cds_hooks.inference.remote.health_watch import HealthWatch, ReadyServer
from cds_hooks.inference.remote.http_exchange import Guard, ServerConnection
from cds_hooks.inference.remote.key_file import KeyFile
from cds_hooks.inference.remote.openai_config import OpenAIConfig, check_tls
from cds_hooks.inference.remote.sample_requests import SampleRequests, ServerAnswer
from cds_hooks.inference.remote.server_dialects import ServerDialect, TokenCounter
from cds_hooks.inference.remote.server_faults import (
    OF_THE_MODEL,
    FaultCode,
    ServerAway,
    ServerFault,
    fault_error,
)

__all__ = ["OpenAIConfig", "OpenAIEngine"]

_log = logging.getLogger(__name__)
T = TypeVar("T")


class _Life:
    """What there is between `start` and `stop`."""

    def __init__(
        self, config: OpenAIConfig, tls: ssl.SSLContext | None, guard: Guard | None
    ) -> None:
        key = KeyFile(config.key_file) if config.key_file else None
        self.exchange = ServerConnection(
            config.address, config.bounds, key=key, tls=tls, guard=guard
        )
        self.watch = HealthWatch(self.exchange, config.model, config.probe_s)
        self.asking = SampleRequests(self.exchange, config, self._dialect)
        self.running: set[asyncio.Timeout] = set()
        self.gave_way: set[asyncio.Timeout] = set()
        self._claims: Claims[asyncio.Timeout] = Claims()
        self.idle = asyncio.Event()
        self.idle.set()
        self._watcher = asyncio.create_task(self.watch.run(), name="model-server-watch")
        self._model = config.model
        self._counter: tuple[ReadyServer, TokenCounter] | None = None

    def _dialect(self) -> ServerDialect | None:
        return self.watch.served.dialect if self.watch.served else None

    def counter(self) -> TokenCounter | None:
        """Counts tokens with the server that is up now; None when it is of an unknown kind."""
        served = self.watch.served
        if served is None or served.dialect is None:
            return None
        if self._counter is None or self._counter[0] is not served:
            self._counter = served, TokenCounter(self.exchange, served.dialect, self._model)
        return self._counter[1]

    def make_space(self, newcomer: Claim) -> None:
        """End a request that gives way to a newcomer. Raises QueueFull where none does."""
        scope = self._claims.displaced(newcomer)
        if scope is None:
            raise QueueFull("Too many requests to the model server", hint=_LATER)
        self.gave_way.add(scope)
        scope.reschedule(newcomer.arrived)

    @contextlib.contextmanager
    def busy(self, scope: asyncio.Timeout, claim: Claim) -> Iterator[None]:
        """While a request runs that ends with `scope`."""
        self.running.add(scope)
        self.idle.clear()
        try:
            with self._claims.entered(scope, claim):
                yield
        finally:
            self.running.discard(scope)
            if not self.running:
                self.idle.set()

    async def end(self) -> None:
        """Stop looking, end what runs, close every connection."""
        self._watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watcher
        for scope in self.running:
            scope.reschedule(asyncio.get_running_loop().time())
        await self.idle.wait()
        await self.exchange.close()


class OpenAIEngine:
    """An `Engine` over one model server. `tls` holds the hospital's authority, and our own
    certificate where the server asks for one; without it the system's authorities are used.
    `guard` is put in front of its HTTP transport.

    Raises ServerNotAllowed and ValueError for what must not be connected with.
    """

    names_by_construction: ClassVar[bool] = False

    def __init__(
        self,
        config: OpenAIConfig,
        *,
        tls: ssl.SSLContext | None = None,
        guard: Guard | None = None,
    ) -> None:
        check_tls(tls)
        self._config = config
        self._tls = tls
        self._guard = guard
        self._life: _Life | None = None
        self._stopped = False
        self._told: set[FaultCode] = set()

    def __repr__(self) -> str:
        return f"OpenAIEngine({self._config.model!r}, {self.state.status})"

    @property
    def where(self) -> str:
        """The server, as `host:port`."""
        return self._config.address.authority

    @property
    def model(self) -> ModelIdentity:
        """Which model answers; the build of its server is known once it is up."""
        served = self._life.watch.served if self._life else None
        return self._config.identity(served.build if served else "")

    @property
    def state(self) -> EngineState:
        """`failed` is what someone must correct over there; `detail` is its stable code."""
        if self._life is None:
            return EngineState("failed", detail="engine-stopped") if self._stopped else _LOADING
        watch = self._life.watch
        running = len(self._life.running)
        return EngineState(watch.status, 0, running, watch.times_away, watch.detail)

    @property
    def trouble(self) -> str:
        """What is wrong with the server, or what it was found to do wrong, in words; else empty."""
        state, told = self.state, sorted(self._told)
        if state.status != "ready" and state.detail in set(FaultCode):
            told.append(FaultCode(state.detail))
        return " ".join(self._in_words(fault) for fault in told)

    async def start(self) -> None:
        """Begin to look whether the server is up; returns at once."""
        if self._life is None:
            self._life = _Life(self._config, self._tls, self._guard)

    async def wait_until_settled(self) -> EngineState:
        """Wait until the server is ready, or found to be one that cannot serve."""
        if self._life is not None:
            await self._life.watch.wait_until_settled()
        return self.state

    async def stop(self) -> None:
        """Cancel what runs, over there too, and close every connection."""
        life, self._life, self._stopped = self._life, None, True
        if life is not None:
            await life.end()

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text in the model's own tokenizer.

        Raises EngineUnavailable, also for a server that does not count tokens.
        """
        counter = self._ready().counter()
        if counter is None:
            raise EngineUnavailable("The model server does not count tokens")
        try:
            return await counter.count(texts, within_s=self._config.tokenize_s)
        except ServerFault as fault:
            code, where = fault.code, fault.where
        raise EngineUnavailable(f"The model server did not count tokens ({code})", where=where)

    async def generate(self, request: GenerationRequest) -> Generation:
        """Samples for a request. Cancelling the task closes the connection, which ends the work.

        Samples that were cut off while others came whole have the fault's code as `finish`.
        Raises QueueFull, DeadlinePassed, PromptTooLong, EngineUnavailable, ServerFault.
        """
        life, model = self._ready(), self.model
        answers = await self._within(life, request, life.asking.samples(request))
        self._look_at(answers)
        return _generation(answers, model)

    async def evaluate(self, request: EvaluationRequest) -> tuple[Evaluation, ...]:
        """See `Evaluating`. A model that thinks first tells nothing by its first token."""
        life, model = self._ready(), self.model
        if self._config.thinking_tokens:
            return ()
        work = answer_shares(life.exchange, self._config, request)
        shares = await self._within(life, request, work)
        return (Evaluation(model, shares),) if set(shares) != {None} else ()

    async def _within(self, life: _Life, request: EngineRequest, work: Coroutine[Any, Any, T]) -> T:
        try:
            claim = Claim(request, asyncio.get_running_loop().time())
            if len(life.running) - len(life.gave_way) >= self._config.in_flight:
                life.make_space(claim)
            return await _stoppable(life, claim, work)
        except ServerAway as fault:
            life.watch.away(fault)
            raise
        except ServerFault as fault:
            self._tell(fault.fault)
            raise
        finally:
            work.close()

    def _look_at(self, answers: Sequence[ServerAnswer]) -> None:
        """Say what the server did wrong though some samples are whole."""
        for sample in (sample for answer in answers for sample in answer.samples):
            if sample.finish not in WHOLE and sample.finish in set(FaultCode):
                self._tell(FaultCode(sample.finish))
        if self._config.thinking_tokens and not any(answer.thought for answer in answers):
            self._tell(FaultCode.DID_NOT_THINK)

    def _tell(self, fault: FaultCode) -> None:
        """Log what a server is known to do wrong, and the switch to set: once for each."""
        if fault in OF_THE_MODEL and fault not in self._told:
            self._told.add(fault)
            _log.warning("%s", self._in_words(fault))

    def _in_words(self, fault: FaultCode) -> str:
        return fault_error(fault, where=self.where).diagnostics()

    def _ready(self) -> _Life:
        state = self.state
        if state.status != "ready" or self._life is None:
            raise EngineUnavailable(f"The model server is {state.status}", where=state.detail)
        return self._life


_LOADING = EngineState("loading")
_LATER = "Ask again later."


async def _stoppable(life: _Life, claim: Claim, work: Coroutine[Any, Any, T]) -> T:
    """What the work brings, unless the engine is stopped or another request takes the place."""
    scope = asyncio.timeout(None)
    try:
        async with scope:
            with life.busy(scope, claim):
                return await work
    except TimeoutError:
        if scope in life.gave_way:
            raise QueueFull("Others came first", hint=_LATER) from None
        raise EngineUnavailable("The engine was stopped") from None
    finally:
        life.gave_way.discard(scope)


def _generation(answers: Sequence[ServerAnswer], model: ModelIdentity) -> Generation:
    """All answers as one: the slowest one's times, the prompt once, what all of them reused."""
    prompts = [a.usage.prompt for a in answers if a.usage.prompt is not None]
    cached = [a.usage.cached for a in answers if a.usage.cached is not None]
    seconds = {
        "queue": max(a.waited_s for a in answers),
        "prompt": max(a.prompt_s for a in answers),
        "decode": max(a.decode_s for a in answers),
    }
    return Generation(
        tuple(sample for answer in answers for sample in answer.samples),
        model,
        max(prompts, default=0),
        min(cached, default=0),
        {stage: 1000 * value for stage, value in seconds.items()},
    )
