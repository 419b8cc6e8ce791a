"""Samples from a model server: in one request or in several, asked again only where that is safe.

That is safe when no connection was made, or when the server said when to retry and the deadline
allows it.
Once anything was generated nothing is asked again: what is whole is kept, what is not has a code.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cds_hooks.inference.engine import DeadlinePassed, EngineError, GenerationRequest, Sample
from cds_hooks.inference.remote.chat_stream import ChatStream, Usage
from cds_hooks.inference.remote.choice import WHOLE, ExpectedAnswer
from cds_hooks.inference.remote.http_exchange import ServerConnection
from cds_hooks.inference.remote.misbehaviour import misbehaviours
from cds_hooks.inference.remote.openai_config import OpenAIConfig
from cds_hooks.inference.remote.request_body import body_of
from cds_hooks.inference.remote.server_dialects import ServerDialect
from cds_hooks.inference.remote.server_faults import FaultCode, ServerFault, fault_error

__all__ = ["SampleRequests", "ServerAnswer"]

_log = logging.getLogger(__name__)
_PATH = "/v1/chat/completions"
_PAUSES_S = (0.1, 0.4, 1.0)


@dataclass(frozen=True, slots=True)
class ServerAnswer:
    """What came of one request: samples, tokens, seconds; `failed` is what cut it short, and
    `thought` is whether any thinking came."""

    samples: tuple[Sample, ...]
    usage: Usage
    waited_s: float = 0.0
    prompt_s: float = 0.0
    decode_s: float = 0.0
    failed: EngineError | None = None
    thought: bool = False

    @property
    def refused(self) -> bool:
        """Whether the server did not take the request at all."""
        return _refused(self.failed)


class SampleRequests:
    """Asks one server for samples, learning whether it gives several at a time and whether it takes
    a priority. `dialect` tells what kind of server it is, as far as that is known."""

    def __init__(
        self,
        exchange: ServerConnection,
        config: OpenAIConfig,
        dialect: Callable[[], ServerDialect | None],
    ) -> None:
        self._exchange = exchange
        self._config = config
        self._dialect = dialect
        self._together = config.together
        self._takes_priority = True
        self._turn = asyncio.Semaphore(config.bounds.connections)

    async def samples(self, request: GenerationRequest) -> tuple[ServerAnswer, ...]:
        """Answers that hold as many samples as were asked for, at least one of them whole.

        Raises the EngineError of the first that failed when none is.
        """
        ends = asyncio.get_running_loop().time() + request.deadline_s
        if self._together and request.samples > 1:
            answers = await self._all_together(request, ends)
        else:
            answers = await self._separately(request, range(request.samples), ends)
        if not any(sample.finish in WHOLE for a in answers for sample in a.samples):
            failed = (a.failed for a in answers if a.failed is not None)
            raise next(failed, fault_error(FaultCode.ANSWER_ABORTED, began=True))
        return tuple(answers)

    async def _all_together(
        self, request: GenerationRequest, ends: float
    ) -> Sequence[ServerAnswer]:
        """One request for all; what a server that gives one at a time leaves out, apart."""
        first = await self._answer(request, 0, request.samples, ends)
        if first.failed is not None and not first.refused:
            return [first]
        had = 0 if first.refused else len(first.samples)
        rest = await self._separately(request, range(had, request.samples), ends)
        if any(answer.failed is None for answer in rest):
            self._together = False
        return rest if first.refused else [first, *rest]

    async def _separately(
        self, request: GenerationRequest, numbers: Iterable[int], ends: float
    ) -> Sequence[ServerAnswer]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._answer(request, n, 1, ends)) for n in numbers]
        return [task.result() for task in tasks]

    async def _answer(
        self, request: GenerationRequest, first: int, samples: int, ends: float
    ) -> ServerAnswer:
        """One answer, whatever comes of it."""
        loop = asyncio.get_running_loop()
        body = self._body(request, first, samples)
        asked_at = loop.time()
        sink, sent_at, failed = await self._persistently(body, request, (first, samples), ends)
        if _refused(failed) and body.pop("priority", None) is not None:
            sink, sent_at, failed = await self._persistently(body, request, (first, samples), ends)
            if not _refused(failed):
                self._without_priority()
        began_at = sink.began_at if sink.began else loop.time()
        return ServerAnswer(
            _all(sink, samples, failed),
            sink.usage,
            waited_s=sent_at - asked_at,
            prompt_s=began_at - sent_at,
            decode_s=loop.time() - began_at,
            failed=failed,
            thought=sink.thought,
        )

    def _body(self, request: GenerationRequest, first: int, samples: int) -> dict[str, Any]:
        config, dialect = self._config, self._dialect()
        return body_of(
            request,
            config.model,
            first=first,
            samples=samples,
            thinking_tokens=config.thinking_tokens,
            extra=config.extra,
            priority=self._takes_priority and dialect is not None and dialect.priority,
        )

    def _without_priority(self) -> None:
        """Learn that this server takes no priority, and say so once."""
        if self._takes_priority:
            where = self._config.address.authority
            fault = fault_error(FaultCode.PRIORITY_REFUSED, where=where)
            _log.warning("%s", fault.diagnostics())
        self._takes_priority = False

    async def _persistently(
        self, body: dict[str, Any], request: GenerationRequest, which: tuple[int, int], ends: float
    ) -> tuple[ChatStream, float, EngineError | None]:
        """Try, and try again where that is safe: the last try's stream, its start, its fault.

        `which` is the number of the first sample, and how many there are.
        """
        loop = asyncio.get_running_loop()
        for attempt in range(self._config.retries + 1):
            sink = self._sink(request, *which)
            sent_at = loop.time()
            failed = await self._once(body, request, sink, ends)
            pause = self._pause(failed, attempt)
            if pause is None or loop.time() + pause >= ends:
                break
            await asyncio.sleep(pause)
        return sink, sent_at, failed

    async def _once(
        self, body: dict[str, Any], request: GenerationRequest, sink: ChatStream, ends: float
    ) -> EngineError | None:
        try:
            async with asyncio.timeout_at(ends), self._turn:
                if "priority" in body:  # it may have risen; once it is sent no server changes it
                    body["priority"] = int(request.priority_now)
                await self._exchange.stream(_PATH, body, sink, ends=ends)
        except (ServerFault, DeadlinePassed) as error:
            return error
        except TimeoutError:
            return DeadlinePassed("The deadline passed before the request was sent")
        return None

    def _pause(self, failed: EngineError | None, attempt: int) -> float | None:
        """How long to wait before trying again; None for never."""
        if not isinstance(failed, ServerFault) or failed.began or attempt >= self._config.retries:
            return None
        if failed.fault is FaultCode.UNREACHABLE:
            return _PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]
        return (
            failed.retry_after_s
            if failed.fault in (FaultCode.BUSY, FaultCode.UNAVAILABLE)
            else None
        )

    def _sink(self, request: GenerationRequest, first: int, samples: int) -> ChatStream:
        config, bounds = self._config, misbehaviours().bounds
        expected = ExpectedAnswer(
            is_object=request.schema.get("type") == "object",
            longest=config.longest_answer,
            thought_tokens=config.thinking_tokens + int(bounds.thought_share * request.max_tokens),
        )
        return ChatStream(
            config.model,
            samples,
            expected=expected,
            asked=sum(len(message.content) for message in request.messages),
            clock=asyncio.get_running_loop().time,
            observe=request.observe,
            first=first,
        )


def _refused(failed: EngineError | None) -> bool:
    return isinstance(failed, ServerFault) and failed.fault is FaultCode.REQUEST_REFUSED


def _all(sink: ChatStream, samples: int, failed: EngineError | None) -> tuple[Sample, ...]:
    """What came, and for each sample that a fault kept from coming an empty one with its code."""
    if failed is None:
        return tuple(sink.samples())
    came = sink.samples(failed.code)
    return (*came, *(Sample("", 0, failed.code) for _ in range(samples - len(came))))
