"""How the contract asks an endpoint: with the service's own client, one request at a time."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Any

import orjson

from cds_hooks.inference.engine import EngineError, GenerationRequest
from cds_hooks.inference.remote.chat_stream import ChatStream, Usage
from cds_hooks.inference.remote.choice import WHOLE
from cds_hooks.inference.remote.http_exchange import ServerConnection
from cds_hooks.inference.remote.key_file import KeyFile
from cds_hooks.inference.remote.openai_config import OpenAIConfig, check_tls
from cds_hooks.inference.remote.request_body import body_of
from cds_hooks.inference.remote.server_faults import FaultCode, ServerFault, fault_error
from prompts.prompt import Message

__all__ = ["SHORT", "EndpointAnswer", "Endpoint", "bound", "long_answer"]

_PATH = "/v1/chat/completions"
_FINDINGS = ("high", "low", "normal")
_LEAST, _MOST = 80, 4000
_MESSAGES = (
    Message("system", "Answer in JSON: an object with the member finding: high, low or normal."),
    Message("user", "Potassium is 6.1 mmol/L; 3.5 to 5.1 is usual. What is the finding?"),
)
_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["finding"],
    "properties": {"finding": {"enum": list(_FINDINGS)}},
}
SHORT = GenerationRequest(
    _MESSAGES, _SCHEMA, samples=1, max_tokens=200, temperature=0.2, deadline_s=300.0
)
"""A question with three possible answers. Not at temperature 0: vLLM then refuses several."""


def long_answer(seed: int, name: str = "Anna", tokens: int = 48) -> GenerationRequest:
    """A question whose answer is free text, at temperature 1, of so many tokens at most."""
    text = {"type": "string", "minLength": _LEAST, "maxLength": _MOST}
    return GenerationRequest(
        (
            Message("system", "Answer in JSON: an object with the member story."),
            Message("user", f"Tell a long story about {name}, who keeps a lighthouse."),
        ),
        {**_SCHEMA, "required": ["story"], "properties": {"story": text}},
        samples=1,
        max_tokens=tokens,
        temperature=1.0,
        seed=seed,
        deadline_s=300.0,
    )


def bound(text: str) -> bool:
    """Whether an answer to SHORT is one that its schema allows."""
    try:
        return orjson.loads(text) in ({"finding": each} for each in _FINDINGS)
    except orjson.JSONDecodeError:
        return False


@dataclass(frozen=True, slots=True)
class EndpointAnswer:
    """What came: texts of whole samples, how many were begun, counts, whether it came in one piece;
    or a fault."""

    samples: tuple[str, ...] = ()
    begun: int = 0
    usage: Usage = field(default_factory=Usage)
    whole: bool = False
    fault: ServerFault | None = None

    def or_raise(self) -> EndpointAnswer:
        """Itself, with a sample in it at least. Raises ServerFault."""
        if self.fault is not None:
            raise self.fault
        if not self.samples:
            raise fault_error(FaultCode.ANSWER_ABORTED, where=_PATH)
        return self


class _Sink(ChatStream):
    """A stream that notes how it came, and whether its first piece is there."""

    def __init__(self, model: str, samples: int) -> None:
        super().__init__(model, samples)
        self.in_one_piece = False
        self.first = asyncio.Event()

    def feed(self, chunk: bytes) -> None:
        super().feed(chunk)
        if self.began:
            self.first.set()

    def whole(self, body: bytes) -> None:
        self.in_one_piece = True
        super().whole(body)
        self.first.set()


class Endpoint:
    """An endpoint of one model. Close it when done. Raises ValueError for unsafe TLS."""

    def __init__(self, config: OpenAIConfig, *, tls: ssl.SSLContext | None = None) -> None:
        check_tls(tls)
        key = KeyFile(config.key_file) if config.key_file else None
        self._config = config
        self._with_key = ServerConnection(config.address, config.bounds, key=key, tls=tls)
        self._without_key = ServerConnection(config.address, config.bounds, tls=tls)
        self.model, self.in_flight, self.has_key = config.model, config.in_flight, key is not None

    async def close(self) -> None:
        """Close every connection."""
        await self._with_key.close()
        await self._without_key.close()

    async def listed(self) -> list[str]:
        """The ids in `/v1/models`. Raises ServerFault."""
        cards = (await self._with_key.json("/v1/models", within_s=30.0)).get("data")
        if not isinstance(cards, list):
            raise fault_error(FaultCode.GARBAGE, where="/v1/models")
        return [str(card.get("id")) for card in cards if isinstance(card, dict)]

    async def ask(
        self,
        request: GenerationRequest,
        *,
        model: str = "",
        without_key: bool = False,
    ) -> EndpointAnswer:
        """One request: of another model, or without the key.

        It is sent again, once, where the server had closed the connection that it was sent into.
        """
        answer = await self._once(request, model, without_key)
        lost = answer.fault is not None and answer.fault.fault is FaultCode.CONNECTION_LOST
        return await self._once(request, model, without_key) if lost else answer

    async def _once(
        self, request: GenerationRequest, model: str, without_key: bool
    ) -> EndpointAnswer:
        body = self._body(request, model)
        sink = _Sink(model or self.model, request.samples)

        connection = self._without_key if without_key else self._with_key
        ends = asyncio.get_running_loop().time() + request.deadline_s
        try:
            await connection.stream(_PATH, body, sink, ends=ends)
        except ServerFault as fault:
            return EndpointAnswer(fault=fault)
        except EngineError:
            return EndpointAnswer(fault=fault_error(FaultCode.STALLED, where=_PATH))
        came = sink.samples()
        texts = tuple(sample.text for sample in came if sample.finish in WHOLE)
        return EndpointAnswer(texts, len(came), sink.usage, sink.in_one_piece)

    async def give_up(self, request: GenerationRequest) -> bool:
        """Close the connection at the first piece; whether there was still something to come.

        Raises ServerFault.
        """
        sink = _Sink(self.model, request.samples)
        ends = asyncio.get_running_loop().time() + request.deadline_s
        body = self._body(request, "")
        asking = asyncio.create_task(self._with_key.stream(_PATH, body, sink, ends=ends))
        waiting = asyncio.create_task(sink.first.wait())
        await asyncio.wait({asking, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if asking.done():
            asking.result()
            return False
        asking.cancel()
        await asyncio.wait({asking})
        return not sink.done

    def _body(self, request: GenerationRequest, model: str) -> dict[str, Any]:
        return body_of(
            request,
            model or self.model,
            samples=request.samples,
            thinking_tokens=self._config.thinking_tokens,
            extra=self._config.extra,
        )
