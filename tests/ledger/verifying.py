"""Stores of some hundred records, and the self-verification of a service on them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.ledger import checkpoint
from cds_hooks.audit.ledger.ledger_settings import LedgerSettings
from cds_hooks.runtime.self_verification import SelfVerification
from tests.ledger.ledgers import KEY
from tests.ledger.sites import told
from tests.ledger.starts import until

DAY_S = 86_400.0
# Three slices, the last one not full; a checkpoint within, at the end of one, and beyond.
COUNT, SIGNED = 500, (90, 200, 430)
BAD = 137


async def fill(store: Store, count: int = COUNT) -> None:
    """Records in order, with a checkpoint at each size of SIGNED."""
    for begin, end in itertools.pairwise((0, *SIGNED, count)):
        await asyncio.gather(*(append(store, number) for number in range(begin, end)))
        if end in SIGNED:
            await sign(store)


def make_ledger(folder: Path) -> None:
    """A store of COUNT records in the folder, with its site key and its public key."""

    async def make() -> None:
        key = SiteKey.load(folder / "site.key", create=True)
        async with opened(folder / "s.sqlite", key) as store:
            await fill(store)

    asyncio.run(make())
    (folder / "ledger.pub").write_text(KEY.public.line() + "\n")


async def append(store: Store, number: int) -> None:
    await store.record_event("hook-answered", outcome="answered", latency={"total": number})


async def sign(store: Store) -> None:
    found = await store.ledger.next_checkpoint(KEY.public.name, "2026-11-22T10:00Z", [KEY.public])
    assert found is not None
    await store.ledger.save_checkpoint(found.size, checkpoint.sign(found, KEY))


@asynccontextmanager
async def opened(place: Path | str, key: SiteKey) -> AsyncIterator[Store]:
    store = Store(StoreConfig(place), key)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


class Clock:
    """Each begins a minute after the one before."""

    _starts = itertools.count(1_000_000_000.0, 60.0)

    def __init__(self) -> None:
        self.now = next(self._starts)

    def __call__(self) -> float:
        return self.now


async def verified(store: Store, clock: Clock | None = None) -> SelfVerification:
    """A self-verification that has been through once."""
    found = SelfVerification(LedgerSettings(), store, [KEY.public], clock=clock or Clock())
    async with found.kept():
        await until(lambda: bool(found.trouble) or "the new 0 s ago" in found.told, 60)
    return found


def verify_of(site: Path, expect: int = 1) -> tuple[int, str]:
    """First bad record and code as `chartside audit verify` tells them."""
    options = ("--config", site / "chartside.toml", "--public-key", site / "ledger.pub")
    found = told("verify", *options, expect=expect)
    return found["first_bad"], found["code"]


def later() -> Clock:
    """A week after the others."""
    clock = Clock()
    clock.now += 7 * DAY_S
    return clock
