"""Chat completions as they come back, piece by piece or whole. No network.

What comes back is checked as if it were hostile, and a sample that runs on without end is given up
before its token limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from cds_hooks.inference.engine import Sample, SampleProgress
from cds_hooks.inference.remote.choice import WHOLE, ExpectedAnswer, StreamedSample
from cds_hooks.inference.remote.misbehaviour import code_in
from cds_hooks.inference.remote.server_faults import FaultCode, ServerFault, fault_error
from cds_hooks.inference.remote.sse import EventReader, EventTooLong

__all__ = ["ChatStream", "Usage"]

_COUNTED = range(1 << 31)
_UNREADABLE = object()
_TOLD = 1 << 16
_TELL_S = 0.2


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counts them; None where it did not say."""

    prompt: int | None = None
    cached: int | None = None
    answer: int | None = None


class ChatStream:
    """One chat completion: feed it bytes until `done`, then `end` it; or give it the `whole`.

    `observe` sees a few times a second how the choices stand, the first of them as sample `first`.
    `asked` is the prompt's length in characters, 0 when nobody wants it compared with what the
    server counted. `began` becomes true with the first piece of an answer (or of the thinking
    before it), and `began_at` is then the time of `clock`. Raises ServerFault for anything that is
    not a chat completion of `model`, and when every sample that was begun had to be given up.
    """

    def __init__(
        self,
        model: str,
        samples: int,
        *,
        expected: ExpectedAnswer | None = None,
        asked: int = 0,
        clock: Callable[[], float] = lambda: 0.0,
        observe: Callable[[SampleProgress], None] | None = None,
        first: int = 0,
    ) -> None:
        self._model = model
        self._expected = expected or ExpectedAnswer()
        self._asked = asked
        self._clock = clock
        self._events = EventReader()
        self._choices = [StreamedSample(self._expected) for _ in range(samples)]
        self._usages: list[Usage] = []
        self._read_over = 0
        self._observe = observe
        self._first = first
        self._told = (0, -1.0)
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

    @property
    def thought(self) -> bool:
        """Whether any sample came with thinking."""
        return any(choice.thought_pieces for choice in self._choices)

    def feed(self, chunk: bytes) -> None:
        """Take what arrived; what comes behind the end is not read."""
        try:
            for data in self._events.feed(chunk):
                if not self.done:
                    self._event(data)
        except EventTooLong:
            raise fault_error(FaultCode.TOO_LARGE, began=self.began) from None
        if self._observe is not None:
            self._tell(self._observe)

    def whole(self, body: bytes) -> None:
        """Take an answer that came unstreamed, as some servers send it all the same."""
        self._chunk(self._json(body))
        self.done = True

    def end(self) -> None:
        """Say that nothing more comes. What no choice was begun of may still be asked for."""
        finished = [choice.finish for choice in self._choices if choice.finish]
        if not finished:
            raise self._fault(FaultCode.CLOSED_EARLY)
        if self._prompt_was_cut():
            for choice in self._choices:
                choice.finish = FaultCode.PROMPT_CUT.value
            raise self._fault(FaultCode.PROMPT_CUT)
        if not any(finish in WHOLE for finish in finished):
            raise self._fault(FaultCode(finished[0]))

    def samples(self, cut: str = FaultCode.CLOSED_EARLY.value) -> list[Sample]:
        """What came of each choice that was begun, in order.

        One that was cut off has the code `cut` as its `finish`. Tokens add up to what the server
        counted.
        """
        begun = [choice for choice in self._choices if choice.begun]
        tokens = _shared_out(self.usage.answer, [choice.pieces for choice in begun])
        return [
            Sample(choice.text, count, choice.finish or cut)
            for choice, count in zip(begun, tokens, strict=True)
        ]

    def _tell(self, observe: Callable[[SampleProgress], None]) -> None:
        """Show the choices as they stand, unless they were shown a moment ago and none has ended
        since."""
        finished, now = sum(bool(each.finish) for each in self._choices), self._clock()
        if finished == self._told[0] and now < self._told[1]:
            return
        self._told = (finished, now + _TELL_S)
        for n, each in enumerate(self._choices, self._first):
            if each.begun:
                observe(SampleProgress(self._model, n, each.text, each.finish, not each.text))

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
            raise self._fault(FaultCode.NOT_JSON)
        if not isinstance(chunk, dict):
            raise self._fault(FaultCode.GARBAGE)
        return chunk

    def _chunk(self, chunk: dict[str, Any]) -> None:
        if chunk.get("error") is not None:
            raise self._fault(_reported(chunk["error"]))
        if chunk.get("model", self._model) != self._model:
            raise self._fault(FaultCode.OTHER_MODEL)
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            raise self._fault(FaultCode.GARBAGE)
        last = [self._piece(choice) for choice in choices]
        # Some servers repeat a running count in every chunk; the last one is the count.
        if isinstance(usage := chunk.get("usage"), dict) and all(last):
            self._usages.append(_usage(usage))

    def _piece(self, piece: Any) -> bool:
        """Take one piece of one choice; whether it is the choice's last."""
        index = piece.get("index") if isinstance(piece, dict) else None
        if not isinstance(index, int) or not 0 <= index < len(self._choices):
            raise self._fault(FaultCode.GARBAGE)
        choice, delta = self._choices[index], piece.get("delta", piece.get("message"))
        if not isinstance(delta, dict):
            raise self._fault(FaultCode.GARBAGE)
        finish = piece.get("finish_reason")
        if choice.finish:
            self._given_up(FaultCode(choice.finish) if choice.finish not in WHOLE else None)
            return finish is not None
        self._text(choice, delta)
        if finish is not None and not choice.finish:
            choice.close(finish)
        return finish is not None

    def _text(self, choice: StreamedSample, delta: dict[str, Any]) -> None:
        """Keep a piece of the answer; thinking is counted and not kept. A server that changes the
        thinking's name sends it under both for a while."""
        texts = [delta.get(key) for key in ("content", "reasoning", "reasoning_content")]
        if not all(text is None or isinstance(text, str) for text in texts):
            raise self._fault(FaultCode.GARBAGE)
        if not any(texts):
            return
        if not self.began:
            self.began, self.began_at = True, self._clock()
        fault = choice.take(texts[0] or "", texts[1] or texts[2] or "")
        if fault is FaultCode.TOO_LARGE:
            raise self._fault(fault)
        self._given_up(fault)

    def _given_up(self, fault: FaultCode | None) -> None:
        """End it all at once when no sample that was begun goes on, unless others may yet begin."""
        if fault is None or any(choice.begun and not choice.finish for choice in self._choices):
            return
        self._read_over += 1
        waiting = not all(choice.begun for choice in self._choices)
        if not waiting or self._read_over > self._expected.bounds.patience:
            raise self._fault(fault)

    def _prompt_was_cut(self) -> bool:
        longest = self._expected.bounds.prompt_characters_a_token * (self.usage.prompt or 0)
        return 0 < longest < self._asked

    def _fault(self, fault: FaultCode) -> ServerFault:
        return fault_error(fault, began=self.began)


def _usage(usage: dict[str, Any]) -> Usage:
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return Usage(
        _count(usage.get("prompt_tokens")), _count(cached), _count(usage.get("completion_tokens"))
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and value in _COUNTED else None


def _reported(error: Any) -> FaultCode:
    """What an error is that a server sends in place of, or within, an answer."""
    if isinstance(error, dict) and error.get("type") == "exceed_context_size_error":
        return FaultCode.PROMPT_TOO_LONG
    try:
        words = orjson.dumps(error)[:_TOLD]
    except orjson.JSONEncodeError:  # it is nested more deeply than can be written again
        return FaultCode.REPORTED_ERROR
    return FaultCode(code_in(words) or FaultCode.REPORTED_ERROR)


def _shared_out(total: int | None, weights: Sequence[int]) -> list[int]:
    """`total` in whole shares by weight that add up to it; without a total, the weights."""
    whole = sum(weights)
    if not total or not whole:
        return list(weights)
    ends = [total * sum(weights[: n + 1]) // whole for n in range(len(weights))]
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]
