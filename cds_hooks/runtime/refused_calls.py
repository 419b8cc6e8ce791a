"""What was refused, in the ledger: of what kind and how often, so that a flood cannot fill it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from cds_hooks.audit import Store
from cds_hooks.errors import ChartsideError
from cds_hooks.operation import get_logger

__all__ = ["RefusalBook", "RefusedCall"]

_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """A call that was not let in: `reason` is a stable code, `client` known only by what it said.

    `route` is from a closed set; nothing else of the call is kept.
    """

    request_id: str
    route: str
    reason: str
    client: str


class RefusalBook:
    """Counts refusals and records them every few seconds, one record a kind.

    Reasons, routes and clients are closed sets, so unauthenticated calls come to a few records,
    however many there are; the first one's request id leads to the log, which has each. `ways_out`
    tells how many ways out of this process were refused so far, by way.
    """

    def __init__(self, store: Store, ways_out: Callable[[], Mapping[str, int]] = dict) -> None:
        self._store = store
        self._ways_out = ways_out
        self._recorded: dict[str, int] = {}
        self._counts: dict[tuple[str, str, str], tuple[str, int]] = {}

    def note(self, call: RefusedCall) -> None:
        """Count one."""
        kind = (call.reason, call.route, call.client)
        first, count = self._counts.get(kind, (call.request_id, 0))
        self._counts[kind] = (first, count + 1)

    @contextlib.asynccontextmanager
    async def kept(self, every_s: float = _EVERY_S) -> AsyncIterator[None]:
        """Record while the block runs, and what is left behind it."""
        keeping = asyncio.create_task(self._keep(every_s), name="refused-calls")
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            await self.record()

    async def record(self) -> None:
        """Record what was counted; what cannot be written now is written later."""
        await self._record_calls()
        for way, count in self._ways_out().items():
            since = count - self._recorded.get(way, 0)
            if since and await self._wrote("egress-refused", way=way, count=since):
                self._recorded[way] = count

    async def _record_calls(self) -> None:
        counts, self._counts = self._counts, {}
        for kind, (request_id, count) in counts.items():
            reason, route, client = kind
            told = {"reason_code": reason, "route": route, "client": client or "unknown"}
            if not await self._wrote("call-refused", request_id=request_id, count=count, **told):
                first, since = self._counts.get(kind, (request_id, 0))
                self._counts[kind] = (first, since + count)

    async def _wrote(self, kind: str, **fields: str | int) -> bool:
        try:
            await self._store.record_event(kind, **fields)
        except ChartsideError as error:
            get_logger().warning("refusals-not-recorded", code=error.code)
            return False
        return True

    async def _keep(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            await self.record()
