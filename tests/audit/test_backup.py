"""Copies of a running store: read whole before they count, put back whole, erased again."""

# The tests look at files and start processes themselves; nothing else runs on their loop.
# ruff: noqa: ASYNC221, ASYNC240
from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig, StoreRefused, StoreUnavailable
from cds_hooks.audit.backup import BackupRefused, check_backup, create_backup
from cds_hooks.audit.encryption.rotation import load_or_create_successor
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.ledger.epoch_start import NewEpoch
from cds_hooks.audit.restore import restore_backup
from cds_hooks.audit.store_errors import RecordErased
from cds_hooks.consultation import Consultation
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry
from tests.audit.tampering import execute, rows
from tests.ledger.ledgers import KEY
from tests.postgresql import PostgreSQL, _program

Make = Callable[..., Card]
NEW = NewEpoch("the disk failed", KEY, (KEY.public,))


@pytest.fixture
def config(place: Path, tmp_path: Path) -> StoreConfig:
    return StoreConfig(place, erased_keys=tmp_path / "keys" / "erased")


async def _fill(store: Store, consultation: Consultation, card: Make, count: int = 3) -> None:
    for n in range(count):
        one = dataclasses.replace(consultation, id=f"c{n}", key=f"k{n}", patient_key=f"p1:{n}")
        await store.save_consultation(one, [card(f"card-{n}")])
        await store.record_feedback("s", [FeedbackEntry(f"card-{n}", "accepted")])


@pytest.fixture
async def kept(
    config: StoreConfig, site_key: SiteKey, clock: Any, consultation: Consultation, card: Make
) -> AsyncIterator[Store]:
    store = Store(config, site_key, clock=clock)
    await store.open()
    await _fill(store, consultation, card)
    yield store
    await store.close()


async def test_a_copy_made_while_the_store_is_written_is_whole_and_can_be_put_back(
    kept: Store, config: StoreConfig, site_key: SiteKey, clock: Any, tmp_path: Path,
    consultation: Consultation,
) -> None:  # fmt: skip
    async def write_on() -> None:
        for n in range(200):
            await kept.save_consultation(dataclasses.replace(consultation, id=f"later{n}"))

    writing = asyncio.create_task(write_on())
    await asyncio.sleep(0.05)
    seen: list[tuple[int, int]] = []
    copy = tmp_path / "copy"
    done = await asyncio.to_thread(
        create_backup, config, site_key, copy, progress=lambda *at: seen.append(at)
    )
    await writing
    assert done.is_whole
    assert done.opened >= 6
    assert seen[-1][0] == seen[-1][1] > 0
    assert copy.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in tmp_path.glob("copy*")} == {"copy"}
    await kept.close()
    clock.now += 60
    put = restore_backup(copy, config, site_key, NEW, replace_store=True, clock=clock)
    assert put.checked == dataclasses.replace(done)
    again = Store(config, site_key, clock=clock)
    assert (await again.get("c1")) is not None
    assert await again.get("later199") is None
    assert len(await again.feedback_for("c1")) == 1
    await again.save_consultation(dataclasses.replace(consultation, id="new"))
    await again.close()
    with KeyOperations(config, site_key) as key_operations:
        assert key_operations.check_integrity().is_whole
    types = [row[0] for row in rows(config.place, "SELECT type FROM ledger ORDER BY seq")]
    assert types[-2:] == ["store-restored", "consulted"]


async def test_what_was_erased_after_a_copy_stays_erased_when_it_is_put_back(
    kept: Store, config: StoreConfig, site_key: SiteKey, clock: Any, tmp_path: Path
) -> None:
    create_backup(config, site_key, tmp_path / "copy")
    with KeyOperations(config, site_key, clock=clock) as key_operations:
        key_operations.erase("p1:1")
    await kept.close()
    clock.now += 60
    put = restore_backup(tmp_path / "copy", config, site_key, NEW, replace_store=True, clock=clock)
    assert (
        len(put.restored.erased.keys),
        put.restored.erased.consultations,
        put.restored.erased.feedback,
    ) == (1, 1, 1)
    again = Store(config, site_key, clock=clock)
    with pytest.raises(RecordErased):
        await again.get("c1")
    assert (await again.get("c2")) is not None
    await again.close()


async def test_marks_are_taken_from_the_store_that_is_replaced(
    kept: Store, config: StoreConfig, site_key: SiteKey, clock: Any, tmp_path: Path
) -> None:
    create_backup(config, site_key, tmp_path / "copy")
    with KeyOperations(config, site_key, clock=clock) as key_operations:
        key_operations.erase("p1:1")
    await kept.close()
    assert config.erased_keys
    config.erased_keys.unlink()
    clock.now += 60
    put = restore_backup(tmp_path / "copy", config, site_key, NEW, replace_store=True, clock=clock)
    assert len(put.restored.erased.keys) == 1


async def test_a_lost_store_is_put_back_without_more_ado(
    kept: Store, config: StoreConfig, site_key: SiteKey, tmp_path: Path, place: Path
) -> None:
    create_backup(config, site_key, tmp_path / "copy")
    await kept.close()
    for file in place.parent.iterdir():
        file.unlink()
    assert restore_backup(tmp_path / "copy", config, site_key, NEW).checked.opened == 6
    again = Store(config, site_key)
    assert (await again.get("c1")) is not None
    await again.close()


async def test_a_store_that_is_there_or_in_use_is_not_replaced(
    kept: Store, config: StoreConfig, site_key: SiteKey, clock: Any, tmp_path: Path
) -> None:
    create_backup(config, site_key, tmp_path / "copy")
    with pytest.raises(BackupRefused, match="a store already"):
        restore_backup(tmp_path / "copy", config, site_key, NEW, clock=clock)
    await kept.check()
    with pytest.raises(BackupRefused, match="a service uses"):
        restore_backup(tmp_path / "copy", config, site_key, NEW, replace_store=True, clock=clock)
    with pytest.raises(BackupRefused, match="a file already"):
        create_backup(config, site_key, tmp_path / "copy")
    assert (await kept.get("c1")) is not None


async def test_a_store_that_somebody_writes_to_is_not_replaced(
    kept: Store, config: StoreConfig, site_key: SiteKey, place: Path, tmp_path: Path
) -> None:
    """It only cannot be read now; what it signed and switched off must not be lost for that."""
    create_backup(config, site_key, tmp_path / "copy")
    await kept.close()
    with closing(sqlite3.connect(place, isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            restore_backup(
                tmp_path / "copy", config, site_key, NEW, replace_store=True, clock=lambda: 2e9
            )


@pytest.mark.parametrize("damage", ["payload", "page", "ledger", "text", "record"])
async def test_a_damaged_copy_is_not_put_back(
    kept: Store, config: StoreConfig, site_key: SiteKey, clock: Any, tmp_path: Path, damage: str
) -> None:
    copy = tmp_path / "copy"
    create_backup(config, site_key, copy)
    await kept.close()
    if damage == "payload":
        execute(copy, "UPDATE consultations SET payload = x'00' WHERE id = 'c1'")
    elif damage == "ledger":
        execute(copy, "DELETE FROM ledger WHERE seq = 2")
    elif damage == "record":
        execute(copy, "UPDATE ledger SET record = replace(record, 'c1', 'c2') WHERE seq = 2")
    elif damage == "page":
        data = bytearray(copy.read_bytes())
        data[8192:12288] = b"\x00" * 4096
        copy.write_bytes(data)
    else:
        copy.write_bytes(b"no database" * 1000)
    with pytest.raises((BackupRefused, StoreUnavailable)):
        restore_backup(copy, config, site_key, NEW, replace_store=True, clock=lambda: 2e9)
    again = Store(config, site_key, clock=clock)
    assert (await again.get("c1")) is not None
    await again.close()
    assert not [file for file in config.place.parent.iterdir() if "restored" in file.name]  # type: ignore[union-attr]


async def test_a_damaged_store_gives_no_copy(
    kept: Store, config: StoreConfig, site_key: SiteKey, tmp_path: Path, place: Path
) -> None:
    execute(place, "UPDATE feedback SET payload = x'00'")
    with pytest.raises(BackupRefused, match="payloads"):
        create_backup(config, site_key, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


async def test_an_old_copy_is_opened_by_the_key_of_its_time(
    kept: Store, config: StoreConfig, site_key: SiteKey, clock: Any, tmp_path: Path
) -> None:
    create_backup(config, site_key, tmp_path / "copy")
    new = load_or_create_successor(tmp_path / "new.key", site_key)
    with KeyOperations(config, site_key, clock=clock) as key_operations:
        key_operations.rotate(new)
    with pytest.raises(StoreRefused, match="another site key"):
        check_backup(tmp_path / "copy", new)
    assert check_backup(tmp_path / "copy", site_key).is_whole


@pytest.mark.parametrize("damage", ["", "payload", "ledger"])
@pytest.mark.slow
@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
async def test_on_postgresql_a_dump_restores_and_is_checked_and_erased_again(
    where: str, postgresql: PostgreSQL, site_key: SiteKey, clock: Any, tmp_path: Path, damage: str,
    consultation: Consultation, card: Make,
) -> None:  # fmt: skip
    config = StoreConfig(where, erased_keys=tmp_path / "keys" / "erased")
    store = Store(config, site_key, clock=clock)
    await store.open()
    await _fill(store, consultation, card)
    with pytest.raises(BackupRefused, match="its own programs"):
        create_backup(config, site_key, tmp_path / "copy")
    dump = subprocess.run(
        [_program("pg_dump"), where.replace("+psycopg", "")], capture_output=True, check=True
    )
    with KeyOperations(config, site_key, clock=clock) as key_operations:
        key_operations.erase("p1:1")
    await store.close()
    other = postgresql.new_database()
    psql = [_program("psql"), "-q", "-v", "ON_ERROR_STOP=1", other.replace("+psycopg", "")]
    subprocess.run(psql, input=dump.stdout, check=True, capture_output=True)
    assert rows(other, "SELECT count(wrapped) FROM data_keys") == [(3,)]
    if damage == "payload":
        execute(other, "UPDATE consultations SET payload = '\\x00' WHERE id = 'c2'")
    elif damage == "ledger":
        execute(other, "UPDATE ledger SET record = '{}' WHERE seq = 1")
    moved = dataclasses.replace(config, place=other)
    with KeyOperations(moved, site_key, clock=clock) as key_operations:
        found = key_operations.check_integrity()
    assert found.is_whole == (not damage)
    if not damage:
        assert (found.opened, found.erased) == (4, 2)
    assert rows(other, "SELECT count(wrapped) FROM data_keys") == [(2,)]


def test_a_copy_of_nothing_is_refused(config: StoreConfig, site_key: SiteKey) -> None:
    with pytest.raises(BackupRefused, match="no store"):
        create_backup(config, site_key, Path("copy"))
    with pytest.raises(StoreUnavailable):
        restore_backup(Path("nowhere"), config, site_key, NEW)
    assert sqlite3.threadsafety  # the driver was built so that copies may be made in a thread


async def test_a_copy_of_another_schema_version_is_refused(
    kept: Store, config: StoreConfig, site_key: SiteKey, tmp_path: Path
) -> None:
    create_backup(config, site_key, tmp_path / "copy")
    execute(
        tmp_path / "copy", "UPDATE store_metadata SET value = '2' WHERE name = 'schema-version'"
    )
    with pytest.raises(StoreRefused, match="schema version 2") as caught:
        check_backup(tmp_path / "copy", site_key)
    assert caught.value.code == "store-version-unsupported"
