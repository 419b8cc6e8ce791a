"""Server-sent events by which a page follows a pending consultation until there is an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

from starlette.responses import StreamingResponse

from cds_hooks.app.errors import Overloaded
from cds_hooks.consultation import PreparedConsultation

__all__ = ["AnswerStreams"]

_LOOK_S = 0.5
# The browser asks again when a stream ends; a short one holds up no stop of the service.
_STREAM_S = 25.0
_MOST_STREAMS = 64
_WAITING, _ANSWERED = b": waiting\n\n", b"event: answered\ndata: answered\n\n"


class _Answers(Protocol):
    """`consult.ConsultationPages`, as far as streams need it."""

    async def is_answered(self, pending: PreparedConsultation) -> bool:
        """Whether there is an answer by now."""
        ...


class AnswerStreams:
    """The open streams, of which there is a most."""

    def __init__(self, answers: _Answers) -> None:
        self._answers = answers
        self._open = 0

    async def follow(self, pending: Awaitable[PreparedConsultation | None]) -> StreamingResponse:
        """`answered` once there is an answer. Without a stream the page polls.

        Raises whatever `pending` raises, and Overloaded past the most streams.
        """
        if self._open >= _MOST_STREAMS:
            # Not waited for: closing it keeps Python from complaining.
            getattr(pending, "close", lambda: None)()
            raise Overloaded
        return StreamingResponse(self._events(await pending), media_type="text/event-stream")

    async def _events(self, pending: PreparedConsultation | None) -> AsyncIterator[bytes]:
        # Asked again: many may have passed `follow` before the first of them began.
        if self._open >= _MOST_STREAMS:
            return
        clock = asyncio.get_running_loop().time
        answered = pending is None
        self._open += 1
        try:
            ends = clock() + _STREAM_S
            while pending is not None and not answered and clock() < ends:
                yield _WAITING
                await asyncio.sleep(_LOOK_S)
                answered = await self._answers.is_answered(pending)
        finally:
            self._open -= 1
        if answered:
            yield _ANSWERED
