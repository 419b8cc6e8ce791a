"""An honest export is never called bad, whatever is written and witnessed since."""

from __future__ import annotations

import asyncio
import contextlib
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.ledger import storage
from cds_hooks.audit.store_config import open_database
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.runtime.ledger import Ledger
from tests.ledger.sites import Site, told


@pytest.fixture
def running(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.mark.parametrize(
    "exports", [10, pytest.param(100, marks=[pytest.mark.slow, pytest.mark.long])]
)
async def test_an_export_of_a_service_that_writes_is_never_called_bad(
    running: Site, exports: int
) -> None:
    """Exports are taken between and during writes; the witness moves on before each is verified."""
    settings = running.settings()
    key = SiteKey.load(settings.store.site_key, create=True)
    store = Store(StoreConfig(running.store), key)
    await store.open()
    ledger = Ledger(settings, store, key.key_id)
    await store.record_event("event")
    await ledger.sign()
    stop = asyncio.Event()
    writing = asyncio.create_task(_write(store, ledger, stop))
    running.export.mkdir()
    for number in range(exports):
        await asyncio.to_thread(_export_and_verify, running, number)
    stop.set()
    await writing
    await store.record_event("event")
    await ledger.sign()
    await store.close()
    found = [_verified(running, number) for number in range(exports)]
    assert all(each["later_checkpoints"] for each in found)
    assert {each["newest_witnessed"]["size"] for each in found} == {_size_of_store(running)}
    assert all(one["covered"] <= two["covered"] for one, two in pairwise(found))
    assert all(each["covered"] == each["records"] for each in found)


async def _write(store: Store, ledger: Ledger, stop: asyncio.Event) -> None:
    while not stop.is_set():
        with contextlib.suppress(
            StoreUnavailable
        ):  # an export had it locked: the next round writes
            for _ in range(3):
                await store.record_event("hook-answered")
            await ledger.sign()
            await store.record_event("hook-answered")  # newer than the last checkpoint
        await asyncio.sleep(0.05)


async def test_who_reads_sees_one_state_while_others_write(
    store: Store, where: Path | str, site_key: SiteKey
) -> None:
    await store.record_event("event")
    database = open_database(StoreConfig(where), site_key, time.time)
    with database.read() as connection:
        before = storage.head(connection)
        await store.record_event("event")
        assert storage.head(connection) == before
    with database.read() as connection:
        assert storage.head(connection).size == before.size + 1
    database.close()


def _export_and_verify(site: Site, number: int) -> None:
    told("export", site.export / str(number), "--config", site.config)
    found = _verified(site, number)
    assert found["whole"]
    assert found["witnessed"]


def _verified(site: Site, number: int) -> dict[str, Any]:
    folder = site.export / str(number)
    return told("verify", folder, "--public-key", folder / "ledger.pub", "--witness", site.witness)


def _size_of_store(site: Site) -> int:
    return int(told("verify", "--config", site.config, "--witness", site.witness)["records"])
