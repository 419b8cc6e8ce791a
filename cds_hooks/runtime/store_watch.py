"""Whether records can be kept, looked at every few seconds."""

from __future__ import annotations

import asyncio

from cds_hooks.audit import Store
from cds_hooks.errors import ChartsideError

__all__ = ["StoreWatch"]

_EVERY_S = 5.0


class StoreWatch:
    """`trouble` is the code of what keeps the store from being used; empty when nothing does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.trouble = "not checked yet"

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self._store.check()
                self.trouble = ""
            except ChartsideError as error:
                self.trouble = getattr(error, "reason", "") or error.code
            await asyncio.sleep(_EVERY_S)
