"""`LlamaEngine`: llama.cpp in a process of its own, supervised from the event loop.

The service process loads no native code and no model. It keeps a bounded number of requests in
flight, passes deadlines and cancellations on, answers every request at once when the engine
process dies, and starts it again with growing pauses, on the next rung of its ladder where native
code died while it loaded, until there is none left.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.claims import Claim, Claims, R, watched
from cds_hooks.inference.engine import (
    DeadlinePassed,
    EngineError,
    EngineEvent,
    EngineState,
    EngineUnavailable,
    Generation,
    GenerationRequest,
    QueueFull,
)
from cds_hooks.inference.evaluation import Evaluation, EvaluationRequest
from cds_hooks.inference.llama_config import LlamaConfig
from cds_hooks.inference.local import messages
from cds_hooks.inference.local.cancels import Cancels
from cds_hooks.inference.local.ladder import NextStep
from cds_hooks.inference.local.lifecycle import EngineLifecycle
from cds_hooks.inference.local.messages import Frame, FrameOf
from cds_hooks.inference.local.observers import Observers
from cds_hooks.inference.local.process import WorkerGone, WorkerProcess

__all__ = ["LlamaConfig", "LlamaEngine"]

_LATER = "Ask again later."


class LlamaEngine:
    """An `Engine` over one engine process."""

    def __init__(self, config: LlamaConfig) -> None:
        self._config = config
        self._status = "loading"
        self._detail = ""
        self._lifecycle = EngineLifecycle(config)
        self._settled = asyncio.Event()
        self._spawned = asyncio.Event()
        self._restarts = 0
        self._confinement: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._observers = Observers()
        self._claims: Claims[int] = Claims()
        self._cancels = Cancels(config)
        self._generating = 0
        self._process: WorkerProcess | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def model(self) -> ModelIdentity:
        """Which model answers; its digest is measured as soon as it is loaded."""
        return self._lifecycle.model

    @property
    def state(self) -> EngineState:
        """`detail` is the stable code of what went wrong, if anything did."""
        running = min(self._generating, self._config.parallel)
        told = (self._restarts, self._detail, self._lifecycle.rung)
        return EngineState(self._status, self._generating - running, running, *told)

    @property
    def trouble(self) -> str:
        """What `state.detail` is a code of, in words (the arithmetic, when it does not fit)."""
        return self._lifecycle.trouble

    @property
    def facts(self) -> Mapping[str, str]:
        """Rung, library and processor of the last loaded model (`EngineLifecycle.facts`)."""
        return self._lifecycle.facts

    @property
    def events(self) -> tuple[EngineEvent, ...]:
        """Starts, and leaving service, for an audit."""
        return self._lifecycle.events

    @property
    def confinement(self) -> Mapping[str, str]:
        """What the engine process has given up, once ready (`confined`), and by what means."""
        return dict(self._confinement)

    @property
    def pid(self) -> int | None:
        """The engine process's id, while there is one."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Begin loading; returns when the process was told to, `state` tells when it is ready."""
        if self._supervisor is None:
            self._become("loading")
            self._spawned.clear()
            self._supervisor = asyncio.create_task(self._supervise(), name="engine-supervisor")
            await self._spawned.wait()

    async def wait_until_settled(self) -> EngineState:
        """Wait until the engine is ready, or has failed for good."""
        await self._settled.wait()
        return self.state

    async def stop(self) -> None:
        """Cancel what runs and end the engine process, by force when it must be."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await supervisor
        self._become("failed", "engine-stopped")
        self._fail_all("The engine was stopped")

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text in the model's own tokenizer. Raises EngineUnavailable."""
        async with self._exchange({"op": "count", "texts": list(texts)}) as reply:
            counts: list[int] = (await reply)["counts"]
            return counts

    async def generate(self, request: GenerationRequest) -> Generation:
        """Samples for a request. Cancelling the task cancels the work at the next token.

        Raises QueueFull, DeadlinePassed, PromptTooLong, EngineUnavailable, EngineError.
        """
        return messages.generation_of(
            await self._answered_frame(request, messages.request_frame), self.model
        )

    async def evaluate(self, request: EvaluationRequest) -> tuple[Evaluation, ...]:
        """See `Evaluating`."""
        return (
            messages.evaluation_of(
                await self._answered_frame(request, messages.evaluation_frame), self.model
            ),
        )

    async def _answered_frame(self, request: R, frame_of: FrameOf[R]) -> Frame:
        self._refuse_unless_ready()
        claim = Claim(request, asyncio.get_running_loop().time())
        self._make_space(claim)
        self._generating += 1
        try:
            async with asyncio.timeout(request.deadline_s):
                frame = frame_of(request, self._config, claim.flow)
                async with self._exchange(frame, claim) as reply:
                    return await reply
        except TimeoutError:
            raise DeadlinePassed("The deadline passed before the samples were complete") from None
        finally:
            self._generating -= 1

    @contextlib.asynccontextmanager
    async def _exchange(
        self, frame: Frame, claim: Claim | None = None
    ) -> AsyncIterator[asyncio.Future[Frame]]:
        """Send a frame and hand out its reply; leaving without it cancels the request there."""
        process = self._refuse_unless_ready()
        number = next(self._numbers)
        reply = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        self._observers.add(number, claim.request.observe if claim else None)
        try:
            process.send({**frame, "id": number})
            with (
                self._claims.entered(number, claim),
                watched(claim, partial(self._promote, number)),
            ):
                yield reply
        finally:
            self._waiting.pop(number, None)
            self._observers.remove(number)
            if process is self._process and (not reply.done() or reply.cancelled()):
                self._cancels.cancel(process, number)

    def _refuse_unless_ready(self) -> WorkerProcess:
        if self._status != "ready" or self._process is None:
            hint = self.trouble if self._status == "failed" else ""
            raise EngineUnavailable(f"The engine is {self._status}", where=self._detail, hint=hint)
        return self._process

    def _promote(self, number: int, priority: int) -> None:
        if self._process is not None:
            self._process.send({"op": "promote", "id": number, "priority": priority})

    def _make_space(self, newcomer: Claim) -> None:
        """Where no more may wait, one gives way to a newcomer, or QueueFull is raised."""
        if self._generating < self._config.queue + self._config.parallel:
            return
        number = self._claims.displaced(newcomer)
        if number is None or self._process is None:
            raise QueueFull("The engine's queue is full", hint=_LATER)
        if not self._waiting[number].done():
            self._waiting[number].set_exception(QueueFull("Others came first", hint=_LATER))
        self._cancels.cancel(self._process, number)

    async def _supervise(self) -> None:
        pauses = self._pauses()
        while True:
            ready_at = await self._one_life()
            if self._status == "failed":
                return
            self._restarts += 1
            if ready_at and time.monotonic() - ready_at > self._config.steady_s:
                pauses = self._pauses()
            await asyncio.sleep(next(pauses))

    def _pauses(self) -> Iterator[float]:
        """Before each start in a row, the last one for ever."""
        return itertools.chain(self._config.pauses_s, itertools.repeat(self._config.pauses_s[-1]))

    async def _one_life(self) -> float:
        """Start the process and serve its frames until it ends; when it was ready, or 0."""
        ready_at = 0.0
        config = self._lifecycle.config
        try:
            self._lifecycle.on_started()
            async with WorkerProcess.started(config) as process:
                self._process = process
                self._spawned.set()
                async for frame in process.frames(config):
                    if self._take(frame):
                        ready_at = time.monotonic()
                        process.ready = True
        except WorkerGone as error:
            self._gone(error)
        except OSError as error:
            self._gone(WorkerGone(str(error), why=f"it could not be started: {error.strerror}"))
        finally:
            self._process = None
            self._spawned.set()
            self._cancels.forget()
            if self._status != "failed":
                self._become("restarting", self._lifecycle.code)
            self._fail_all("The engine process ended", self._lifecycle.code)
        return ready_at

    def _gone(self, error: WorkerGone) -> None:
        asked = self._generating or self._cancels
        if self._lifecycle.on_end(error, asked=bool(asked)) is NextStep.OUT:
            self._become("failed", self._lifecycle.code)

    def _take(self, frame: Frame) -> bool:
        """Act on a frame; True when it says that the model is ready."""
        number, op = frame.get("id"), frame.get("op")
        if op == "state":
            return self._loaded(frame)
        if op == "decoding":
            self._lifecycle.on_decoding()
        elif op == "progress":
            self._observers.tell(frame, self.model)
        elif op == "began":
            self._claims.began(int(frame["id"]))
        elif op == "cancelled":
            self._cancels.done(int(frame["id"]))
        elif number in self._waiting and not self._waiting[number].done():
            self._deliver(self._waiting[number], frame)
        return False

    def _loaded(self, frame: Frame) -> bool:
        """The process says that it is ready, or why it cannot be."""
        if frame.get("status") == "ready":
            self._confinement = messages.string_mapping(frame.get("confinement"))
            adapters, measured = [*map(str, frame.get("adapters", ()))], self._config.measured
            digest, files = str(frame["sha256"]), messages.string_mapping(frame.get("parts"))
            self._lifecycle.model = measured(self._config.identity(), digest, adapters, files)
            self._lifecycle.on_ready(frame)
            self._become("ready")
            return True
        if not self._lifecycle.on_refusal(str(frame.get("code", "")), messages.refusal_text(frame)):
            self._become("failed", self._lifecycle.code)
        return False

    def _become(self, status: str, detail: str = "") -> None:
        self._status, self._detail = status, detail
        (self._settled.set if status in ("ready", "failed") else self._settled.clear)()

    def _deliver(self, reply: asyncio.Future[Frame], frame: Frame) -> None:
        if frame.get("op") == "error":
            reply.set_exception(messages.error_of(frame))
        else:
            if frame.get("op") == "done":
                self._lifecycle.on_answer()
            reply.set_result(frame)

    def _fail_all(self, why: str, code: str = "") -> None:
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(EngineError(why, where=code))
