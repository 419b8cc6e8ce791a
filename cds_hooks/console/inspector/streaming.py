"""The stream by which a page follows a fired hook: its stage, and each sample as it is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse

from cds_hooks.app.errors import Overloaded
from cds_hooks.console.inspector.inspected import Inspected
from cds_hooks.console.rendering import render

__all__ = ["InspectorStreams"]

_PAUSE_S = 0.25
_QUIET_S = 10.0
# The browser asks again when a stream ends; a short one holds up no stop of the service.
_STREAM_S = 25.0
_MOST = 64


class InspectorStreams:
    """Server-sent events. One waits for changes and costs nothing in between."""

    def __init__(self) -> None:
        self._open = 0

    def follow(self, inspected: Inspected) -> StreamingResponse:
        """HTML of what is going on, `stage` and `answer` where there is more to show, and `done`.

        Raises Overloaded past the most streams.
        """
        if self._open >= _MOST:
            raise Overloaded
        return StreamingResponse(self._events(inspected), media_type="text/event-stream")

    async def _events(self, inspected: Inspected) -> AsyncIterator[bytes]:
        if self._open >= _MOST:  # many may have passed `follow` before the first of them began
            return
        self._open += 1
        try:
            async for event in _told(inspected):
                yield event
        finally:
            self._open -= 1


async def _told(inspected: Inspected) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    ends, seen, stage, answers = clock() + _STREAM_S, -1, "", 0
    while clock() < ends:
        if not await inspected.wait(seen, _QUIET_S):
            yield b": still here\n\n"
            continue
        seen = inspected.version
        yield _event(render("inspector/live.html.j2", fired=inspected))
        if inspected.stage != stage:
            stage = inspected.stage
            yield _event(stage.value, "stage")
        if len(inspected.answers) != answers:
            answers = len(inspected.answers)
            yield _event(str(answers), "answer")
        if inspected.stage.ended:
            yield _event("done", "done")
            return
        await asyncio.sleep(_PAUSE_S)


def _event(data: str, name: str = "") -> bytes:
    """One event; a line of `data` each for its lines."""
    lines = [f"event: {name}"] if name else []
    lines += [f"data: {line}" for line in data.splitlines()]
    return ("\n".join(lines) + "\n\n").encode()
