"""Chat completions as they are asked for and as they come back, piece by piece. No network.

What is sent is OpenAI's chat completions protocol as vLLM and llama-server speak it, with the
answer constrained by `response_format`. What comes back is checked as if it were hostile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from cds_hooks.inference.engine import GenerationRequest, Sample
from cds_hooks.inference.remote.faults import Fault, fault_error
from cds_hooks.inference.remote.sse import EventReader, EventTooLong

__all__ = ["WHOLE", "ChatStream", "Usage", "body_of", "defused", "plain_schema"]

WHOLE = ("stop", "length")
"""How a sample ends that is as the model wrote it."""

_OURS = "x-chartside-"
_SEEDS = 1 << 31
_COUNTED = range(1 << 31)
_UNREADABLE = object()

# What a chat template writes around turns: `<|im_start|>`, `<start_of_turn>`, `</s>`, `<think>`,
# `<0x0A>`, DeepSeek's full-width bars, Mistral's `[INST]`. A model server tokenises templated
# text with control tokens on, so no content may hold one.
_ANGLE = re.compile(r"<(?=\s*[|\uff5c/!?A-Za-z_\u2581]|0x)|(?<=[|\uff5c])>")
_SQUARE = re.compile(r"\[(/?[A-Z_]{3,})\]")


def defused(text: str) -> str:
    """`text` in which nothing can be read as a control token of a chat template."""
    broken = _ANGLE.sub(lambda found: "\u2039" if found[0] == "<" else "\u203a", text)
    return _SQUARE.sub(r"(\1)", broken)


def plain_schema(node: Any) -> Any:
    """A JSON Schema without our own keywords: a server may refuse those it does not know."""
    if isinstance(node, Mapping):
        kept = {key: value for key, value in node.items() if not str(key).startswith(_OURS)}
        return {key: plain_schema(value) for key, value in kept.items()}
    if isinstance(node, list | tuple):
        return [plain_schema(item) for item in node]
    return node


def body_of(
    request: GenerationRequest,
    model: str,
    *,
    first: int = 0,
    samples: int = 1,
    thinking_tokens: int = 0,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The request body for `samples` samples of `request`, of which the first is number `first`.

    Sample number i has seed + i: both vLLM and llama-server add the choice's index to the seed.
    """
    messages = [{"role": m.role, "content": defused(m.content)} for m in request.messages]
    answer = {"name": "answer", "strict": True, "schema": plain_schema(request.schema)}
    return {
        **(extra or {}),
        "model": model,
        "messages": messages,
        "response_format": {"type": "json_schema", "json_schema": answer},
        "max_tokens": request.max_tokens + thinking_tokens,
        "seed": (request.seed + first) % _SEEDS,
        "stream": True,
        "stream_options": {"include_usage": True},
        **({} if request.temperature is None else {"temperature": request.temperature}),
        **({"n": samples} if samples > 1 else {}),
    }


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counts them; None where it did not say."""

    prompt: int | None = None
    cached: int | None = None
    answer: int | None = None


@dataclass(slots=True)
class _Choice:
    pieces: list[str]
    size: int = 0
    deltas: int = 0
    finish: str = ""


class ChatStream:
    """One streamed chat completion: feed it bytes until `done`, then `end` it.

    `began` becomes true with the first piece of an answer (or of the thinking before it), and
    `began_at` is then the time of `clock`. Raises ServerFault for anything that is not a chat
    completion of `model`.
    """

    def __init__(
        self,
        model: str,
        samples: int,
        *,
        longest: int = 65_536,
        clock: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._model = model
        self._longest = longest
        self._clock = clock
        self._events = EventReader()
        self._choices = [_Choice([]) for _ in range(samples)]
        self._usages: list[Usage] = []
        self.began = False
        self.began_at = 0.0
        self.done = False

    @property
    def usage(self) -> Usage:
        """What the server counted: llama-server counts each choice apart, vLLM all together."""
        return Usage(
            prompt=max((u.prompt for u in self._usages if u.prompt is not None), default=None),
            cached=min((u.cached for u in self._usages if u.cached is not None), default=None),
            answer=sum(u.answer or 0 for u in self._usages) if self._usages else None,
        )

    def feed(self, chunk: bytes) -> None:
        """Take what arrived; what comes behind the end is not read."""
        try:
            for data in self._events.feed(chunk):
                if not self.done:
                    self._event(data)
        except EventTooLong:
            raise fault_error(Fault.TOO_LARGE, began=self.began) from None

    def end(self) -> None:
        """Say that nothing more comes. What no choice was begun of may still be asked for."""
        if not any(choice.finish for choice in self._choices):
            raise self._fault(Fault.CLOSED_EARLY)

    def samples(self, cut: str = Fault.CLOSED_EARLY.value) -> list[Sample]:
        """What came of each choice that was begun, in order.

        One that was cut off has the code `cut` as its `finish`. Tokens add up to what the server
        counted.
        """
        begun = [choice for choice in self._choices if choice.deltas or choice.finish]
        tokens = _shared_out(self.usage.answer, [choice.deltas for choice in begun])
        return [
            Sample("".join(choice.pieces), count, choice.finish or cut)
            for choice, count in zip(begun, tokens, strict=True)
        ]

    def _event(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.done = True
        elif data:
            self._chunk(self._json(data))

    def _json(self, data: bytes) -> dict[str, Any]:
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            chunk = _UNREADABLE  # raised below: the exception of the parser holds what it read
        if chunk is _UNREADABLE:
            raise self._fault(Fault.NOT_JSON)
        if not isinstance(chunk, dict):
            raise self._fault(Fault.GARBAGE)
        return chunk

    def _chunk(self, chunk: dict[str, Any]) -> None:
        if chunk.get("error") is not None:
            raise self._fault(_reported(chunk))
        if chunk.get("model", self._model) != self._model:
            raise self._fault(Fault.OTHER_MODEL)
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            raise self._fault(Fault.GARBAGE)
        last = [self._piece(choice) for choice in choices]
        # Some servers repeat a running count in every chunk; the last one is the count.
        if isinstance(usage := chunk.get("usage"), dict) and all(last):
            self._usages.append(_usage(usage))

    def _piece(self, piece: Any) -> bool:
        """Take one piece of one choice; whether it is the choice's last."""
        index = piece.get("index") if isinstance(piece, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(self._choices):
            raise self._fault(Fault.GARBAGE)
        choice, delta = self._choices[index], piece.get("delta")
        if not isinstance(delta, dict):
            raise self._fault(Fault.GARBAGE)
        self._text(choice, delta)
        finish = piece.get("finish_reason")
        if finish is not None:
            choice.finish = finish if finish in WHOLE else Fault.ANSWER_ABORTED.value
        return finish is not None

    def _text(self, choice: _Choice, delta: dict[str, Any]) -> None:
        """Keep a piece of the answer; thinking is counted and not kept."""
        texts = [delta.get(key) for key in ("content", "reasoning", "reasoning_content")]
        if not all(text is None or isinstance(text, str) for text in texts):
            raise self._fault(Fault.GARBAGE)
        if not any(texts):
            return
        if not self.began:
            self.began, self.began_at = True, self._clock()
        choice.deltas += 1
        choice.size += len(texts[0] or "")
        if choice.size > self._longest:
            raise self._fault(Fault.TOO_LARGE)
        choice.pieces.append(texts[0] or "")

    def _fault(self, fault: Fault) -> Exception:
        return fault_error(fault, began=self.began)


def _usage(usage: dict[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return Usage(
        _count(usage.get("prompt_tokens")), _count(cached), _count(usage.get("completion_tokens"))
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and value in _COUNTED else None


def _reported(chunk: dict[str, Any]) -> Fault:
    error = chunk["error"]
    kind = error.get("type") if isinstance(error, dict) else None
    return Fault.PROMPT_TOO_LONG if kind == "exceed_context_size_error" else Fault.REPORTED_ERROR


def _shared_out(total: int | None, weights: Sequence[int]) -> list[int]:
    """`total` in whole shares by weight that add up to it; without a total, the weights."""
    whole = sum(weights)
    if not total or not whole:
        return list(weights)
    ends = [total * sum(weights[: n + 1]) // whole for n in range(len(weights))]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]
