"""Starts of a ledger as a service makes them, and what they recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.ledger import storage
from cds_hooks.runtime.ledger import Ledger, Record
from cds_hooks.settings import Settings, load_settings

FACTS = {"version": "1", "model": "one", "model_sha256": "a" * 64,
         "template": "differential/1", "template_sha256": "c" * 64}  # fmt: skip


class Site:
    """A folder with a settings file; `settings` has the tables to add."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "s.sqlite"

    def settings(self, more: str = "", ledger: str = "") -> Settings:
        config = self.folder / "chartside.toml"
        config.write_text(
            f'{more}\n[store]\npath = "{self.store}"\nsite_key = "{self.folder}/site.key"\n'
            f"[ledger]\n{ledger}"
        )
        return load_settings(config, {})

    @asynccontextmanager
    async def started(
        self,
        settings: Settings,
        facts: Mapping[str, str] = FACTS,
        more: Sequence[Record] = (),
        change: Callable[[Store], None] = lambda _store: None,
    ) -> AsyncIterator[tuple[Ledger, Store]]:
        """A ledger that is kept meanwhile; `change` may do something to its store before."""
        key = SiteKey.load(settings.store.site_key, create=True)
        store = Store(
            StoreConfig(self.store),
            key,
            observer=lambda commit: ledger.committed(commit.ledger_size),
        )
        ledger = Ledger(settings, store, key.key_id)
        await store.open()
        change(store)
        try:
            async with ledger.kept(lambda: {"settings_sha256": "-", **facts}, more=more):
                yield ledger, store
        finally:
            await store.close()


async def records(store: Store, type_: str = "") -> list[dict[str, Any]]:
    found = await store._transactions.read(
        lambda c: [orjson.loads(row.record) for row in storage.records(c)]
    )
    return [each for each in found if type_ in ("", each["type"])]


async def until(reached: Callable[[], bool], within_s: float = 120) -> None:
    async with asyncio.timeout(within_s):
        while not reached():  # noqa: ASYNC110 - what is waited for is in another task
            await asyncio.sleep(0.02)
