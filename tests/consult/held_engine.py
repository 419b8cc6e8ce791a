"""An engine that a test holds back, so that what comes first does not hang on any clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sized

from cds_hooks.inference.engine import Generation, GenerationRequest
from tests.fake_engine import FakeEngine, FakeReply

__all__ = ["HeldEngine", "recorded"]


class HeldEngine(FakeEngine):
    """Gives `texts` once it is `released`; until then whoever asked waits."""

    def __init__(self, *texts: str) -> None:
        super().__init__([FakeReply(texts)], demonstration=False)
        self.asked, self.released = asyncio.Event(), asyncio.Event()

    async def generate(self, request: GenerationRequest) -> Generation:
        self.asked.set()
        await self.released.wait()
        return await super().generate(request)


async def recorded(seen: Sized, count: int = 1) -> None:
    """Wait until the observer saw so many consultations, whose records are then durable."""
    while len(seen) < count:  # noqa: ASYNC110 - the observer is a plain function
        await asyncio.sleep(0.01)
