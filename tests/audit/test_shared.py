"""What only matters when several service processes share one store."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig, StoreUnavailable
from cds_hooks.consultation import Consultation
from cds_hooks.protocol.cards import Card
from tests.postgresql import PostgreSQL


@pytest.fixture
async def other(
    where: Path | str, site_key: SiteKey, clock: Callable[[], float]
) -> AsyncIterator[Store]:
    """The store as another process opens it."""
    store = Store(StoreConfig(where), site_key, clock=clock)
    await store.open()
    yield store
    await store.close()


async def test_work_is_claimed_by_one_until_it_is_released(store: Store, other: Store) -> None:
    assert await store.claim("k", "one", lease_s=10)
    assert not await other.claim("k", "two", lease_s=10)
    assert await other.claim("another", "two", lease_s=10)
    await other.release("k", "two")
    assert not await other.claim("k", "two", lease_s=10)
    await store.release("k", "one")
    assert await other.claim("k", "two", lease_s=10)


async def test_of_many_that_claim_at_one_time_one_wins(store: Store, other: Store) -> None:
    calls = [each.claim("k", f"{n}", lease_s=10) for n in range(10) for each in (store, other)]
    winners = [n for n, won in enumerate(await asyncio.gather(*calls)) if won]
    assert len({n // 2 for n in winners}) == 1


async def test_a_claim_is_extended_by_its_owner_and_runs_out_without(
    store: Store, other: Store, clock: Callable[[], float]
) -> None:
    await store.claim("k", "one", lease_s=10)
    clock.now += 9  # type: ignore[attr-defined]
    assert await store.claim("k", "one", lease_s=10)
    clock.now += 9  # type: ignore[attr-defined]
    assert not await other.claim("k", "two", lease_s=10)
    clock.now += 2  # type: ignore[attr-defined]
    assert await other.claim("k", "two", lease_s=10)
    assert not await store.claim("k", "one", lease_s=10)


async def test_an_answer_of_one_process_is_found_by_the_other(
    store: Store, other: Store, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    for _ in range(2):  # read, then remembered
        assert await other.find_by_key("k1", not_older_than=0) == consultation


async def test_cards_are_recorded_only_while_their_consultation_is(
    store: Store, consultation: Consultation, card: Callable[..., Card]
) -> None:
    assert not await store.save_cards(consultation, (card("u1"),))
    await store.save_consultation(consultation)
    assert await store.save_cards(consultation, (card("u1"), card("u2")))
    assert await store.save_cards(consultation, (card("u1"),))
    with pytest.raises(ValueError, match="uuid"):
        await store.save_cards(consultation, (card(""),))


async def test_a_remembered_answer_that_was_deleted_is_not_served(
    store: Store, other: Store, consultation: Consultation, clock: Callable[[], float]
) -> None:
    await store.save_consultation(consultation)
    assert await other.find_by_key("k1", not_older_than=0)
    clock.now += 31 * 86_400  # type: ignore[attr-defined]
    await store.drop_expired()
    assert await other.find_by_key("k1", not_older_than=0) is None


async def test_many_processes_may_open_an_empty_database_at_one_time(
    postgresql: PostgreSQL, site_key: SiteKey
) -> None:
    config = StoreConfig(postgresql.new_database())
    stores = [Store(config, site_key) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    await asyncio.gather(*(store.check() for store in stores))
    for store in stores:
        await store.close()


async def test_a_database_that_is_not_there_is_told_as_unreachable(site_key: SiteKey) -> None:
    store = Store(StoreConfig("postgresql+psycopg://nobody@127.0.0.1:1/none"), site_key)
    await store.open()
    with pytest.raises(StoreUnavailable, match="unreachable"):
        await store.check()
    await store.close()


_LOOKS_AND_ENDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM ledger").fetchone()[0])
connection.close()
"""


async def test_a_command_that_ends_leaves_the_log_of_a_service_whose_pages_were_open(
    store: Store, where: Path | str, site_key: SiteKey, clock: Callable[[], float]
) -> None:
    """A page opens the store a second time in the service's process, and closes it again."""
    if not isinstance(where, Path):
        pytest.skip("a store in a file")
    page = Store(StoreConfig(where), site_key, clock=clock)
    await page.open()
    await page.close()
    command = await asyncio.create_subprocess_exec(sys.executable, "-c", _LOOKS_AND_ENDS, where)
    assert await command.wait() == 0
    assert where.with_name(f"{where.name}-wal").exists()
    assert await store.claim("k", "one", lease_s=10)
    with sqlite3.connect(where) as elsewhere:
        assert elsewhere.execute("SELECT count(*) FROM claims").fetchone()[0] == 1
    elsewhere.close()


async def test_a_service_that_writes_into_a_deleted_file_says_so(
    store: Store, where: Path | str, consultation: Consultation
) -> None:
    if not isinstance(where, Path) or sys.platform != "linux":
        pytest.skip("a store in a file, on a system that tells of open files")
    await store.save_consultation(consultation)
    await store.check()
    where.with_name(f"{where.name}-wal").unlink()
    with pytest.raises(StoreUnavailable) as caught:
        await store.check()
    assert caught.value.reason == "file-deleted"
