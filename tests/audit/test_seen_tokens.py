"""A token is used once: in one process, in several, and after a restart; on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from cds_hooks.audit import SiteKey, Store, StoreConfig, tables


async def test_it_is_used_once_until_it_expires(store: Store, clock: Any) -> None:
    assert await store.use_token("h1:a", clock.now + 300)
    assert not await store.use_token("h1:a", clock.now + 300)
    assert await store.use_token("h1:b", clock.now + 300)
    clock.now += 299
    assert not await store.use_token("h1:a", clock.now + 300)
    clock.now += 2
    assert await store.use_token("h1:a", clock.now + 300)


async def test_of_two_processes_at_once_one_is_let_in(
    where: Path | str, site_key: SiteKey, clock: Any
) -> None:
    stores = [Store(StoreConfig(where), site_key, clock=clock) for _ in range(3)]
    for store in stores:
        await store.open()
    for round_ in range(10):
        tries = [
            store.use_token(f"h1:{round_}", clock.now + 300) for store in stores for _ in range(5)
        ]
        assert sorted(await asyncio.gather(*tries)) == [False] * 14 + [True]
    for store in stores:
        await store.close()


async def test_it_is_known_after_a_restart(
    where: Path | str, site_key: SiteKey, clock: Any
) -> None:
    first = Store(StoreConfig(where), site_key, clock=clock)
    await first.open()
    assert await first.use_token("h1:a", clock.now + 300)
    await first.close()
    second = Store(StoreConfig(where), site_key, clock=clock)
    await second.open()
    assert not await second.use_token("h1:a", clock.now + 300)
    await second.close()


async def test_what_expired_is_forgotten(store: Store, clock: Any) -> None:
    for number in range(250):
        await store.use_token(f"h1:{number}", clock.now + (10 if number % 2 else 500))
    clock.now += 60
    await store.drop_expired()
    query = select(func.count()).select_from(tables.seen_tokens)
    assert (
        await store._transactions.read(lambda connection: connection.execute(query).scalar()) == 125
    )


async def test_a_clock_that_is_behind_lets_no_token_in_again(store: Store, clock: Any) -> None:
    """Processes on several machines notice a fork, each by its own clock."""
    await store.tokens.refuse_earlier()
    first, clock.now = clock.now, clock.now - 30
    await store.tokens.refuse_earlier()
    assert await store.tokens.refused_until() == first
