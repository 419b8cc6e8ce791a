"""The ledger has the last state of each stored consultation; another state is found."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from cds_hooks.audit import RecordUnreadable, SiteKey, Store, StoreConfig
from cds_hooks.audit.backup import BackupRefused, create_backup
from cds_hooks.audit.encryption.rotation import load_or_create_successor
from cds_hooks.audit.integrity_check import IntegrityReport
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.ledger import storage
from cds_hooks.audit.ledger.epoch_start import NewEpoch
from cds_hooks.audit.ledger.record_integrity import RecordIntegrity, attests_state
from cds_hooks.audit.restore import restore_backup
from cds_hooks.cli.application import app
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.protocol.cards import Card
from tests.audit.tampering import execute, rows
from tests.consultations import with_outcome
from tests.ledger.ledgers import KEY

# The row as it was while it was pending.
PUT_BACK = (
    "UPDATE consultations SET payload = :payload, payload_format = 'prepared-consultation/1+zlib' "
    "WHERE id = :id"
)


def checked(where: Path | str, key: SiteKey) -> IntegrityReport:
    with KeyOperations(StoreConfig(where), key) as key_operations:
        return key_operations.check_integrity()


async def twice(store: Store, where: Path | str, consultation: Consultation) -> bytes:
    """Two states of a record, pending and answered; the first one's payload."""
    await store.save_consultation(with_outcome(consultation, Outcome.PENDING))
    found: bytes
    ((found,),) = rows(where, "SELECT payload FROM consultations")
    await store.save_consultation(consultation)
    return found


async def test_a_check_names_the_record_that_was_put_back(
    store: Store, where: Path | str, site_key: SiteKey, consultation: Consultation
) -> None:
    earlier = await twice(store, where, consultation)
    await store.save_consultation(dataclasses.replace(consultation, id="another", key="k2"))
    whole = checked(where, site_key)
    assert (whole.is_whole, whole.earlier, whole.unrecorded) == (True, (), ())
    execute(where, PUT_BACK, payload=earlier, id=consultation.id)
    found = checked(where, site_key)
    assert (found.is_whole, found.earlier, found.unreadable) == (False, (consultation.id,), ())


async def test_an_index_that_was_changed_with_it_deceives_no_check(
    store: Store, where: Path | str, site_key: SiteKey, consultation: Consultation
) -> None:
    earlier = await twice(store, where, consultation)
    newest = "(SELECT max(seq) FROM ledger WHERE attests_to IS NOT NULL)"
    execute(where, f"UPDATE ledger SET attests_to = NULL WHERE seq = {newest}")
    execute(where, PUT_BACK, payload=earlier, id=consultation.id)
    assert checked(where, site_key).earlier == (consultation.id,)


async def test_what_is_written_again_in_every_way_is_attested(
    store: Store,
    where: Path | str,
    site_key: SiteKey,
    consultation: Consultation,
    card: Callable[..., Card],
) -> None:
    await twice(store, where, consultation)
    # A pending state after the answer is not written, and its record attests to nothing.
    await store.save_consultation(with_outcome(consultation, Outcome.PENDING))
    await store.save_cards(consultation, [card("c1")])
    again = dataclasses.replace(consultation, samples=("again",))
    await store.save_consultation(again, [card("c2")])
    assert await store.get(consultation.id) == again
    found = checked(where, site_key)
    assert (found.is_whole, found.unrecorded) == (True, ())
    records = await store._transactions.read(
        lambda c: [json.loads(row.record) for row in storage.records(c)]
    )
    told = [record.get("payload_sha256", "") for record in records]
    assert [bool(each) for each in told] == [True, True, False, False, True]
    assert len({each for each in told if each}) == 3


async def test_a_record_that_was_erased_is_no_earlier_state(
    store: Store, where: Path | str, site_key: SiteKey, consultation: Consultation
) -> None:
    await twice(store, where, consultation)
    with KeyOperations(StoreConfig(where), site_key) as key_operations:
        key_operations.erase(consultation.patient_key)
    found = checked(where, site_key)
    assert (found.is_whole, found.erased, found.earlier) == (True, 1, ())


async def test_a_rotation_changes_no_state(
    store: Store,
    where: Path | str,
    site_key: SiteKey,
    consultation: Consultation,
    tmp_path: Path,
) -> None:
    await twice(store, where, consultation)
    await store.close()
    new = load_or_create_successor(tmp_path / "new.key", site_key)
    with KeyOperations(StoreConfig(where), site_key) as key_operations:
        key_operations.rotate(new)
    assert checked(where, new).is_whole
    after = Store(StoreConfig(where), new)
    assert await after.get(consultation.id) == consultation
    await after.close()


async def test_a_consultation_that_is_not_in_the_ledger_is_named_and_not_read(
    store: Store, where: Path | str, site_key: SiteKey, consultation: Consultation
) -> None:
    await twice(store, where, consultation)
    ledger = ("ledger", "ledger_nodes", "ledger_checkpoints")
    execute(where, *(f"DELETE FROM {table}" for table in ledger))
    execute(where, "UPDATE ledger_head SET size = 0, last_hash = :e, frontier = :e", e=b"")
    found = checked(where, site_key)
    assert (found.is_whole, found.unrecorded) == (False, (consultation.id,))
    with pytest.raises(RecordUnreadable, match="not in the state that the ledger says"):
        await store.get(consultation.id)


async def test_a_copy_is_whole_and_one_that_was_changed_is_not_put_back(
    site_key: SiteKey, consultation: Consultation, tmp_path: Path
) -> None:
    place, copy = tmp_path / "a" / "s.sqlite", tmp_path / "copy"
    store = Store(StoreConfig(place), site_key)
    await store.open()
    earlier = await twice(store, place, consultation)
    await store.close()
    assert create_backup(StoreConfig(place), site_key, copy).is_whole
    new, other = NewEpoch("moved", KEY, (KEY.public,)), StoreConfig(tmp_path / "b" / "s.sqlite")
    assert restore_backup(copy, other, site_key, new).checked.is_whole
    execute(copy, PUT_BACK, payload=earlier, id=consultation.id)
    with pytest.raises(BackupRefused, match="earlier-state"):
        restore_backup(copy, StoreConfig(tmp_path / "c" / "s.sqlite"), site_key, new)


async def test_verify_and_check_tell_a_person(
    site_key: SiteKey, consultation: Consultation, tmp_path: Path
) -> None:
    config, place = tmp_path / "chartside.toml", tmp_path / "s.sqlite"
    config.write_text(
        f'[store]\npath = "{place}"\nsite_key = "{tmp_path}/keys/site.key"\n'
        f'[ledger]\nsigning_key = "{tmp_path}/ledger.key"\n'
    )
    store = Store(StoreConfig(place), site_key)
    await store.open()
    earlier = await twice(store, place, consultation)
    await store.close()
    sign_all(config)
    assert told("verify", config)["whole"]
    execute(place, PUT_BACK, payload=earlier, id=consultation.id)
    found = told("verify", config, expect=1)
    assert (found["code"], found["first_bad"]) == ("earlier-state", 1)
    assert consultation.id in found["text"]
    assert told("check", config, expect=1)["earlier"] == [consultation.id]


def sign_all(config: Path) -> None:
    """A signed checkpoint over all there is, as a service makes one."""
    import sqlite3

    from cds_hooks.audit.ledger import checkpoint, merkle_tree
    from cds_hooks.runtime.ledger import signing_key
    from cds_hooks.settings import load_settings

    settings = load_settings(config, {})
    key = signing_key(settings)
    with sqlite3.connect(settings.store.path) as at:
        leaves = [row[0] for row in at.execute("SELECT leaf_hash FROM ledger ORDER BY seq")]
        made = checkpoint.Checkpoint(settings.ledger.name, len(leaves), merkle_tree.root_of(leaves))
        row = (len(leaves), checkpoint.sign(made, key))
        at.execute("INSERT INTO ledger_checkpoints (size, note) VALUES (?, ?)", row)
    at.close()


def told(command: str, config: Path, expect: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["audit", command, "--config", str(config), "--json"])
    assert result.exit_code == expect, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


@given(st.binary(max_size=80) | st.sampled_from([b'{"payload_sha256":1}', b'["payload_sha256":]']))
def test_any_bytes_attest_to_nothing(record: bytes) -> None:
    integrity = RecordIntegrity({"1": "digest"})
    for data in (record, b'"payload_sha256":' + record, b'{"payload_sha256":' + record + b"}"):
        integrity.add(0, data)
        assert not attests_state(data, "1", b"payload")
    assert integrity.unrecorded == ("1",)


async def test_a_check_beside_a_service_that_writes_raises_no_alarm(
    store: Store, where: Path | str, site_key: SiteKey, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    done = asyncio.Event()
    written = 0

    async def write() -> None:
        nonlocal written
        while not done.is_set():
            state = dataclasses.replace(consultation, samples=(f"sample {written}",))
            await store.save_consultation(state)
            written += 1
            await asyncio.sleep(0.005)  # as a service's writes have: others find the lock free

    writing = asyncio.create_task(write())
    for _ in range(5):
        before = written
        found = await asyncio.to_thread(checked, where, site_key)
        assert (found.earlier, found.unreadable) == ((), ())
        assert await store.get(consultation.id) is not None
        while written == before:  # noqa: ASYNC110 - each check has a write beside or behind it
            await asyncio.sleep(0.01)
    done.set()
    await writing
