"""Samples while they are decoded, for a request that wants them told: what changed."""

from __future__ import annotations

from typing import Any

from cds_hooks.inference.worker.decoding.sample_decoder import SampleDecoder
from cds_hooks.inference.worker.jobs import Job

__all__ = ["Progress"]

_PAUSE_S = 0.2
"""A reader follows five changes a second; each is a frame with the whole text so far."""


class Progress:
    """What was told of one job, and when."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._next = 0.0
        self._told: dict[int, tuple[int, int, str]] = {}

    def frame(self, now: float) -> dict[str, Any] | None:
        """The frame for the service, or None where nothing changed or the last is too fresh.

        A sample that has just finished is told at once. `now` is in monotonic seconds.
        """
        changed = [n for n, lane in enumerate(self._job.lanes) if self._is_new(n, lane)]
        finished = any(self._job.lanes[n].finish for n in changed)
        if not changed or (now < self._next and not finished):
            return None
        self._next = now + _PAUSE_S
        samples = [self._sample(n) for n in changed]
        return {"op": "progress", "id": self._job.id, "samples": samples}

    def _is_new(self, number: int, lane: SampleDecoder) -> bool:
        state = _state(lane)
        return any(state) and self._told.get(number) != state

    def _sample(self, number: int) -> dict[str, Any]:
        lane = self._job.lanes[number]
        self._told[number] = _state(lane)
        thought = lane.thought.text() if lane.thought and not lane.written else None
        text = lane.text() if thought is None else thought
        thinking = thought is not None
        return {"number": number, "text": text, "finish": lane.finish, "thinking": thinking}


def _state(lane: SampleDecoder) -> tuple[int, int, str]:
    """How far it is: tokens of its answer, tokens of its thought, and how it ended."""
    return len(lane.written), len(lane.thought.tokens) if lane.thought else 0, lane.finish
