"""`LlamaEngine`: llama.cpp in a process of its own, supervised from the event loop.

The service process loads no native code and no model. It keeps a bounded number of requests in
flight, passes deadlines and cancellations on, answers every request at once when the engine
process dies, and starts it again with growing pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.config import LlamaConfig
from cds_hooks.inference.engine import (
    DeadlinePassed,
    EngineError,
    EngineState,
    EngineUnavailable,
    Generation,
    GenerationRequest,
    PromptTooLong,
    QueueFull,
    Sample,
)
from cds_hooks.inference.process import WorkerGone, WorkerProcess

__all__ = ["LlamaConfig", "LlamaEngine"]

_log = logging.getLogger(__name__)
_CODES = {kind.code: kind for kind in (DeadlinePassed, EngineUnavailable, PromptTooLong, QueueFull)}
Frame = dict[str, Any]


class LlamaEngine:
    """An `Engine` over one engine process."""

    def __init__(self, config: LlamaConfig) -> None:
        self._config = config
        self._model = config.identity()
        self._status = "loading"
        self._detail = ""
        self._trouble = ""
        self._settled = asyncio.Event()
        self._spawned = asyncio.Event()
        self._restarts = 0
        self._confinement: dict[str, str] = {}
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Frame]] = {}
        self._cancelling: dict[int, asyncio.TimerHandle] = {}
        self._generating = 0
        self._process: WorkerProcess | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def model(self) -> ModelIdentity:
        """Which model answers; the digest is the measured one as soon as it is loaded."""
        return self._model

    @property
    def state(self) -> EngineState:
        """`detail` is the stable code of what went wrong, if anything did."""
        running = min(self._generating, self._config.parallel)
        queued = self._generating - running
        return EngineState(self._status, queued, running, self._restarts, self._detail)

    @property
    def trouble(self) -> str:
        """Why the model could not be loaded, in words (the arithmetic, when it does not fit)."""
        return self._trouble

    @property
    def confinement(self) -> Mapping[str, str]:
        """What the engine process has given up (`confined`: yes, partly or off), once it is ready.

        The other keys are what was tried, each `refused` or `open`, and by what means.
        """
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

    async def settled(self) -> EngineState:
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
        self._refuse_unless_ready()
        if self._generating >= self._config.queue + self._config.parallel:
            raise QueueFull("The engine's queue is full", hint="Ask again later.")
        self._generating += 1
        try:
            async with asyncio.timeout(request.deadline_s):
                async with self._exchange(self._frame(request)) as reply:
                    return self._generation(await reply)
        except TimeoutError:
            raise DeadlinePassed("The deadline passed before the samples were complete") from None
        finally:
            self._generating -= 1

    @contextlib.asynccontextmanager
    async def _exchange(self, frame: Frame) -> AsyncIterator[asyncio.Future[Frame]]:
        """Send a frame and hand out its reply; leaving without it cancels it over there."""
        process = self._refuse_unless_ready()
        number = next(self._numbers)
        reply = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            process.send({**frame, "id": number})
            yield reply
        finally:
            self._waiting.pop(number, None)
            if not reply.done() or reply.cancelled():
                self._cancel(process, number)

    def _refuse_unless_ready(self) -> WorkerProcess:
        if self._status != "ready" or self._process is None:
            hint = self._trouble if self._status == "failed" else ""
            raise EngineUnavailable(f"The engine is {self._status}", where=self._detail, hint=hint)
        return self._process

    def _cancel(self, process: WorkerProcess, number: int) -> None:
        """Cancel over there; an engine that does not obey in time is killed."""
        if process is not self._process:
            return
        process.send({"op": "cancel", "id": number})
        loop = asyncio.get_running_loop()
        self._cancelling[number] = loop.call_later(self._config.grace_s, self._hung, process)

    def _hung(self, process: WorkerProcess) -> None:
        _log.error("the engine process does not obey and is killed")
        process.kill()

    async def _supervise(self) -> None:
        pauses = itertools.chain(self._config.pauses_s, itertools.repeat(self._config.pauses_s[-1]))
        while True:
            ready_at = await self._one_life()
            if self._status == "failed":
                return
            self._restarts += 1
            if ready_at and time.monotonic() - ready_at > self._config.steady_s:
                pauses = itertools.chain(
                    self._config.pauses_s, itertools.repeat(self._config.pauses_s[-1])
                )
            await asyncio.sleep(next(pauses))

    async def _one_life(self) -> float:
        """Start the process and serve its frames until it ends; when it was ready, or 0."""
        ready_at = 0.0
        try:
            async with WorkerProcess.started(self._config) as process:
                self._process = process
                self._spawned.set()
                async for frame in process.frames(self._config.load_s):
                    if self._take(frame):
                        ready_at = time.monotonic()
                        process.ready = True
        except (WorkerGone, OSError) as error:
            _log.error("the engine process ended: %s", error)
            # One that said why it could not load and then ended has not died of anything else.
            if self._status != "failed":
                self._detail = "engine-died"
        finally:
            self._process = None
            self._spawned.set()
            self._forget_cancels()
            if self._status != "failed":
                self._become("restarting", self._detail)
            self._fail_all("The engine process ended")
        return ready_at

    def _take(self, frame: Frame) -> bool:
        """Act on a frame; True when it says that the model is ready."""
        number = frame.get("id")
        if frame.get("op") == "state":
            self._become(str(frame["status"]), str(frame.get("code", "")))
            if self._status == "ready":
                self._confinement = _words(frame.get("confinement"))
                adapters = [str(digest) for digest in frame.get("adapters", ())]
                measured = self._config.measured
                self._model = measured(self._config.identity(), str(frame["sha256"]), adapters)
                return True
            self._trouble = _in_words(frame)
            _log.error("the engine did not load: %s: %s", self._detail, self._trouble)
        elif frame.get("op") == "cancelled" and number in self._cancelling:
            self._cancelling.pop(number).cancel()
        elif number in self._waiting and not self._waiting[number].done():
            self._settle(self._waiting[number], frame)
        return False

    def _become(self, status: str, detail: str = "") -> None:
        self._status, self._detail = status, detail
        if status in ("ready", "failed"):
            self._settled.set()
        else:
            self._settled.clear()

    @staticmethod
    def _settle(reply: asyncio.Future[Frame], frame: Frame) -> None:
        if frame.get("op") == "error":
            kind = _CODES.get(str(frame["code"]), EngineError)
            reply.set_exception(kind(str(frame["message"])))
        else:
            reply.set_result(frame)

    def _fail_all(self, why: str) -> None:
        for reply in self._waiting.values():
            if not reply.done():
                reply.set_exception(EngineError(why))

    def _forget_cancels(self) -> None:
        for timer in self._cancelling.values():
            timer.cancel()
        self._cancelling.clear()

    def _frame(self, request: GenerationRequest) -> Frame:
        sampling = self._config.entry.sampling
        return {
            "op": "generate",
            "messages": [[message.role, message.content] for message in request.messages],
            "schema": request.schema,
            "samples": request.samples,
            "max_tokens": request.max_tokens,
            "temperature": (
                sampling.temperature if request.temperature is None else request.temperature
            ),
            "sampling": {
                "top_p": sampling.top_p,
                "top_k": sampling.top_k,
                "min_p": sampling.min_p,
                "no_repeat": sampling.no_repeat,
            },
            "seed": request.seed,
            "deadline_s": request.deadline_s,
            "names": request.names and self._config.names is not None,
            "exclusive": request.exclusive,
        }

    def _generation(self, frame: Frame) -> Generation:
        samples = tuple(
            Sample(s["text"], s["tokens"], s["finish"], s["thinking"], s["thinking_cut"])
            for s in frame["samples"]
        )
        return Generation(
            samples,
            self._model,
            int(frame["tokens_prompt"]),
            int(frame["tokens_reused"]),
            dict(frame["timings_ms"]),
        )


def _words(told: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in told.items()} if isinstance(told, dict) else {}


def _in_words(frame: Frame) -> str:
    """A refusal's message, place and hint as one line."""
    message, where, hint = (str(frame.get(key, "")) for key in ("message", "where", "hint"))
    return " ".join(filter(None, [f"{message} ({where})." if where else f"{message}.", hint]))
