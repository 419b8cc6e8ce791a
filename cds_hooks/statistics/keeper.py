"""Counts what was recorded, in the background of a running service."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable

from cds_hooks.audit.statistics_store import StatisticsStore
from cds_hooks.errors import ChartsideError
from cds_hooks.statistics.counting import Counting

__all__ = ["StatisticsKeeper", "count_all"]

_EVERY_S = 15.0
# A few at a time, with a rest between: each may cost the decryption of a whole chart.
_BATCH = 20
_REST_S = 0.02
_BATCH_OFFLINE = 100


class StatisticsKeeper:
    """Keeps a store's counts up to date while `kept` is open; `nudge` has it look at once."""

    def __init__(self, store: StatisticsStore) -> None:
        self._store = store
        self._counting = Counting()
        self._wanted, self._idle = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Count while the block runs."""
        self._task = asyncio.create_task(self._keep(), name="statistics")
        try:
            yield
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def nudge(self, within_s: float) -> None:
        """Count what there is now, and wait so long at most until that is done; nothing where
        nobody counts."""
        if self._task is None or self._task.done():
            return
        self._idle.clear()
        self._wanted.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), within_s)

    async def _keep(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), _EVERY_S)
            self._wanted.clear()
            with contextlib.suppress(ChartsideError):  # the next round tries again
                await self._catch_up()
            self._idle.set()

    async def _catch_up(self) -> None:
        """Count until nothing is left, or another process does."""
        for _ in itertools.count():
            if not await self._store.advance(self._counting.count, _BATCH):
                return
            await asyncio.sleep(_REST_S)


async def count_all(
    store: StatisticsStore, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> None:
    """Count all there is; `progress` hears how many records are counted, and of how many.

    Raises StoreUnavailable.
    """
    counting, total = Counting(), await store.left()
    progress(0, total)
    while (counted := await store.advance(counting.count, _BATCH_OFFLINE)) != 0:
        if counted is None:  # the service counts too
            await asyncio.sleep(_REST_S)
        left = await store.left()
        total = max(total, left)
        progress(total - left, total)
