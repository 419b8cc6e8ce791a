"""`FakeEngine`: canned replies and faults for tests of others. Never used by the service."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cds_hooks.consultation import ModelIdentity
from cds_hooks.inference.engine import (
    DeadlinePassed,
    EngineError,
    EngineState,
    EngineUnavailable,
    Generation,
    GenerationRequest,
    Sample,
)

__all__ = ["FakeEngine", "FakeReply"]


@dataclass(frozen=True, slots=True)
class FakeReply:
    """What one `generate` does: wait `delay_s`, then raise `fault` or return `texts` as samples.

    Fewer texts than samples are repeated in turn.
    """

    texts: tuple[str, ...] = ('{"diagnoses":[]}',)
    delay_s: float = 0.0
    fault: EngineError | None = None


class FakeEngine:
    """An engine without a model: answers from a queue, then from its last reply for ever.

    `requests` keeps what it was asked, `cancelled` how many calls were cancelled. Tokens are
    counted as white-space separated words plus one.
    """

    def __init__(
        self,
        replies: Iterable[FakeReply] = (),
        *,
        status: str = "ready",
        demonstration: bool = True,
    ) -> None:
        self._replies = deque(replies)
        self._last = FakeReply()
        self._status = status
        self._running = 0
        self.requests: list[GenerationRequest] = []
        self.cancelled = 0
        self._model = ModelIdentity("fake", "0" * 64, "fake-engine", "none", demonstration)

    @property
    def model(self) -> ModelIdentity:
        """An identity that says it is a fake."""
        return self._model

    @property
    def state(self) -> EngineState:
        """What `set_status` set last, with the calls that run now."""
        return EngineState(self._status, running=self._running)

    def push(self, *replies: FakeReply) -> None:
        """Queue more replies."""
        self._replies.extend(replies)

    def set_status(self, status: str) -> None:
        """Become loading, ready, restarting or failed."""
        self._status = status

    async def start(self) -> None:
        """Become ready, unless told to be something else."""

    async def stop(self) -> None:
        """Become failed."""
        self._status = "failed"

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words plus one, so that an empty text still costs."""
        self._refuse_unless_ready()
        return [len(text.split()) + 1 for text in texts]

    async def generate(self, request: GenerationRequest) -> Generation:
        """The next reply, or the last one again."""
        self._refuse_unless_ready()
        self.requests.append(request)
        if self._replies:
            self._last = self._replies.popleft()
        reply = self._last
        self._running += 1
        try:
            async with asyncio.timeout(request.deadline_s):
                await asyncio.sleep(reply.delay_s)
        except TimeoutError:
            raise DeadlinePassed("The deadline passed before the samples were complete") from None
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self._running -= 1
        if reply.fault is not None:
            raise reply.fault
        return self._generation(request, reply)

    def _generation(self, request: GenerationRequest, reply: FakeReply) -> Generation:
        texts = [reply.texts[number % len(reply.texts)] for number in range(request.samples)]
        samples = tuple(Sample(text, len(text) // 4 + 1) for text in texts)
        words = sum(len(message.content.split()) for message in request.messages)
        timings = {"queue": 0.0, "prompt": 0.0, "decode": reply.delay_s * 1000}
        return Generation(samples, replace(self._model), words, 0, timings)

    def _refuse_unless_ready(self) -> None:
        if self._status != "ready":
            raise EngineUnavailable(f"The engine is {self._status}")
