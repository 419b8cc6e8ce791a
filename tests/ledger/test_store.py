"""The ledger in the store: with what it records or not at all, one sequence, and never silent."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, text, update

from cds_hooks.audit import RecordedCall, SiteKey, Store, StoreConfig, StoreUnavailable, tables
from cds_hooks.audit.ledger import checkpoint, merkle_tree, storage
from cds_hooks.audit.ledger.ledger_errors import LedgerForked, RecordRefused
from cds_hooks.audit.ledger.proof import prove
from cds_hooks.consultation import Consultation
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry
from tests.ledger.ledgers import KEY, OTHER_KEY, verified
from tests.postgresql import PostgreSQL

ROOT = Path(__file__).resolve().parents[2]
_NODES_BEHIND_SIX = """
    DELETE FROM ledger_nodes
    WHERE level = 1 AND position > 2 OR level = 2 AND position > 0 OR level > 2
"""
Make = Callable[..., Card]


async def lines(store: Store) -> list[bytes]:
    return await store._transactions.read(
        lambda c: [bytes(row.record) for row in storage.records(c)]
    )


async def records(store: Store) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in await lines(store)]


async def sign(store: Store, *earlier: str) -> str:
    """Sign what is there, as a running service does."""
    found = await store.ledger.next_checkpoint("cds.example", "now", [KEY.public], earlier)
    if found is not None:
        note = checkpoint.sign(found, KEY)
        await store.ledger.save_checkpoint(found.size, note)
    return (await store.ledger.checkpoints() or [""])[-1]


async def test_an_event_is_recorded_with_pseudonyms_in_place_of_ids(
    store: Store, site_key: SiteKey
) -> None:
    await store.record_event(
        "token-refused",
        reason="expired",
        user_id="Practitioner/7",
        patient_id="pat-7",
        fhir_server="https://fhir.example/r4",
        encounter_id="enc-7",
        client_iss="https://ehr.example",
    )
    (found,) = await records(store)
    pseudonym = site_key.patient_key("pat-7", fhir_server="https://fhir.example/r4")
    assert found["patient_pseudonym"] == pseudonym
    assert found["client_iss"] == "https://ehr.example"
    assert found["details"] == {"reason": "expired"}
    assert (found["seq"], found["prev_hash"], found["type"]) == (0, "", "token-refused")
    whole = json.dumps(found)
    assert "Practitioner/7" not in whole
    assert "pat-7" not in whole
    assert "enc-7" not in whole


async def test_a_record_that_cannot_be_written_is_refused_and_nothing_is_appended(
    store: Store,
) -> None:
    with pytest.raises(RecordRefused):
        await store.record_event("Not Kebab")
    with pytest.raises(RecordRefused):
        await store.record_event("event", value=object())
    assert await records(store) == []


async def test_who_was_shown_what_is_recorded_and_nothing_of_the_patient_in_clear(
    store: Store, consultation: Consultation, card: Make
) -> None:
    call = RecordedCall(hook="patient-view", hook_instance="i1", user_id="Practitioner/7", jti="t1")
    await store.save_consultation(consultation)
    assert await store.save_cards(consultation, [card("u1"), card("u2")], call)
    worked, shown = await records(store)
    assert (worked["type"], shown["type"]) == ("consulted", "hook-answered")
    assert [each["uuid"] for each in shown["cards"]] == ["u1", "u2"]
    assert (shown["hook"], shown["jti"]) == ("patient-view", "t1")
    assert shown["user_ref"].startswith("h1:")
    assert shown["consultation"] == worked["consultation"] == consultation.id
    assert len(worked["resource_refs_hmac"]) == 1
    whole = json.dumps([worked, shown])
    for secret in ("Jane", "kidney", "secret-id", "Practitioner", "Creatinine"):
        assert secret not in whole


async def test_users_stand_in_clear_only_where_the_site_says_so_and_never_patients(
    tmp_path: Path, site_key: SiteKey, consultation: Consultation
) -> None:
    store = Store(StoreConfig(tmp_path / "s" / "s.sqlite", plain_users=True), site_key)
    for user in ("Practitioner/7", "Patient/7", "RelatedPerson/7", "https://x/r4/Patient/7", "7"):
        await store.save_consultation(consultation, (), RecordedCall(user_id=user))
    users = [each["user_ref"] for each in await records(store)]
    await store.close()
    assert users[0] == "Practitioner/7"
    assert all(each.startswith("h1:") for each in users[1:])


async def test_what_is_not_stored_is_not_recorded(
    store: Store, consultation: Consultation, card: Make
) -> None:
    assert not await store.save_cards(consultation, [card("u1")])
    assert await records(store) == []


async def test_feedback_and_retention_are_records(
    store: Store, consultation: Consultation, card: Make
) -> None:
    old = replace(consultation, created=1.0)
    await store.save_consultation(old, [card("u1")])
    await store.record_feedback("s", [FeedbackEntry("u1", "accepted", "t")])
    assert await store.drop_expired() >= 1
    types = [each["type"] for each in await records(store)]
    assert types == ["hook-answered", "feedback", "records-dropped"]


async def test_the_stored_tree_is_that_over_the_stored_records(store: Store) -> None:
    for number in range(37):
        await store.record_event("event", number=number)
    await asyncio.gather(*(store.record_event("event", number=n) for n in range(37, 100)))
    found = await lines(store)
    leaves = [merkle_tree.leaf_hash(line) for line in found]
    head = await store._transactions.read(storage.head)
    assert head.size == 100
    assert head.root == merkle_tree.root_of(leaves)
    note = await sign(store)
    assert verified(found, [note]).is_whole
    for seq in (0, 36, 64, 99):
        proof = await store._transactions.read(
            lambda c, seq=seq: prove(seq, found[seq], note, storage.node_reader(c))
        )
        assert proof.verify(KEY.public)[0].seq == seq


async def test_each_checkpoint_continues_the_last_and_a_foreign_one_stops_signing(
    store: Store,
) -> None:
    await store.record_event("event")
    first = await sign(store)
    assert await sign(store) == first
    await store.record_event("event")
    second = await sign(store, first)
    assert second != first
    foreign = await store.ledger.next_checkpoint("cds.example", "now", [KEY.public])
    assert foreign is None
    with pytest.raises(LedgerForked):
        await store.ledger.next_checkpoint("cds.example", "now", [OTHER_KEY.public])


async def test_a_ledger_that_was_cut_or_changed_is_not_signed_again(store: Store) -> None:
    for number in range(10):
        await store.record_event("event", number=number)
    note = await sign(store)

    def cut(connection: Any) -> None:
        at = storage.head(connection)
        connection.execute(delete(tables.ledger).where(tables.ledger.c.seq >= 6))
        connection.execute(delete(tables.ledger_checkpoints))
        read = storage.node_reader(connection)
        frontier = merkle_tree.Frontier()
        for seq in range(6):
            frontier.append(read(0, seq))
        last = read(0, 5)
        values = {"size": 6, "last_hash": last, "frontier": b"".join(frontier.hashes)}
        connection.execute(update(tables.ledger_head).values(values))
        assert at.size == 10

    await store._transactions.write(cut)
    assert await store.writable()  # it looks whole to itself; the witness knows better
    with pytest.raises(LedgerForked, match="shorter"):
        await sign(store, note)
    await store.record_event("another")
    with pytest.raises(StoreUnavailable, match="ledger-broken"):
        await store.record_event("another")  # nodes of the records that were cut are still there
    await store._transactions.write(lambda c: c.execute(text(_NODES_BEHIND_SIX)) and None)
    for number in range(10):
        await store.record_event("another", number=number)
    with pytest.raises(LedgerForked, match="continuation"):
        await sign(store, note)


@pytest.mark.parametrize("damage", ["head", "tail", "extra", "none"])
async def test_a_broken_head_is_told_and_nothing_is_kept_until_it_is_right_again(
    store: Store, consultation: Consultation, card: Make, damage: str
) -> None:
    for _ in range(3):
        await store.record_event("event")
    statements = {
        "head": "UPDATE ledger_head SET size = 2",
        "tail": "DELETE FROM ledger WHERE seq = 2",
        "extra": "INSERT INTO ledger SELECT 3, recorded, type, record, leaf_hash, NULL FROM ledger "
        "WHERE seq = 0",
        "none": "DELETE FROM ledger_head",
    }
    kept = await store._transactions.read(lambda c: c.execute(text("SELECT * FROM ledger")).all())
    heads = await store._transactions.read(
        lambda c: c.execute(text("SELECT * FROM ledger_head")).all()
    )
    await store._transactions.write(lambda c: c.execute(text(statements[damage])) and None)
    with pytest.raises(StoreUnavailable) as caught:
        await store.save_consultation(consultation, [card("u1")])
    assert (caught.value.reason, caught.value.status) == ("ledger-broken", 503)
    assert not await store.writable()
    assert await store.get(consultation.id) is None

    def restore(connection: Any) -> None:
        for table, rows in (("ledger", kept), ("ledger_head", heads)):
            connection.execute(text(f"DELETE FROM {table}"))
            for row in rows:
                connection.execute(tables.metadata.tables[table].insert().values(tuple(row)))

    await store._transactions.write(restore)
    assert await store.writable()
    await store.save_consultation(consultation, [card("u1")])
    assert len(await records(store)) == 4


async def test_while_another_program_holds_the_ledger_nothing_is_kept_and_then_it_is(
    tmp_path: Path, site_key: SiteKey, consultation: Consultation, card: Make
) -> None:
    place = tmp_path / "s" / "s.sqlite"
    store = Store(StoreConfig(place, lock_timeout_s=0.1), site_key)
    await store.open()
    with sqlite3.connect(place) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.save_consultation(consultation, [card("u1")])
        other.execute("ROLLBACK")
    other.close()
    await store.save_consultation(consultation, [card("u1")])
    assert [each["type"] for each in await records(store)] == ["hook-answered"]
    await store.close()


_APPENDS = """
import asyncio, sys
from cds_hooks.audit import SiteKey, Store, StoreConfig
from pathlib import Path

async def main():
    url, who, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    place = url if "://" in url else Path(url)
    store = Store(StoreConfig(place, lock_timeout_s=20, timeout_s=30), SiteKey(bytes(32)))
    await store.open()
    async def some(n):
        for k in range(count // 10):
            await store.record_event("event", who=who, number=n * 1000 + k)
    await asyncio.gather(*(some(n) for n in range(10)))
    await store.close()

asyncio.run(main())
"""


async def _by_many(place: Path | str, count: int) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _APPENDS, str(place), str(who), str(count), cwd=ROOT
        )
        for who in range(3)
    ]
    assert [await each.wait() for each in processes] == [0, 0, 0]
    store = Store(StoreConfig(place), SiteKey(bytes(32)))
    await store.open()
    found = [orjson.loads(line) for line in await lines(store)]
    assert [each["seq"] for each in found] == list(range(3 * count))
    told = {(each["details"]["who"], each["details"]["number"]) for each in found}
    assert len(told) == 3 * count
    assert verified(await lines(store), [await sign(store)]).is_whole
    await store.close()


async def test_many_processes_write_one_ledger_of_a_file(tmp_path: Path) -> None:
    await _by_many(tmp_path / "s" / "s.sqlite", 60)


async def test_many_processes_write_one_ledger_of_a_database(postgresql: PostgreSQL) -> None:
    await _by_many(postgresql.new_database(), 60)


_KILLED = """
import asyncio, itertools, sys
from pathlib import Path
from cds_hooks.audit import SiteKey, Store, StoreConfig

async def main():
    store = Store(StoreConfig(Path(sys.argv[1])), SiteKey(bytes(32)))
    await store.open()
    async def one(n):
        await store.record_event("event", number=n)
        print(n, flush=True)
    for start in itertools.count(int(sys.argv[2]), 8):
        await asyncio.gather(*(one(start + n) for n in range(8)))

asyncio.run(main())
"""


async def test_what_was_acknowledged_is_in_a_whole_ledger_after_a_kill(tmp_path: Path) -> None:
    place = tmp_path / "s" / "s.sqlite"
    told: set[int] = set()
    for start in (0, 100_000):
        command = [sys.executable, "-c", _KILLED, str(place), str(start)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)  # noqa: ASYNC220
        assert process.stdout is not None
        told |= {int(process.stdout.readline()) for _ in range(40)}
        process.kill()
        told |= {int(line) for line in process.stdout if line.endswith("\n")}
        process.stdout.close()
        process.wait()
    store = Store(StoreConfig(place), SiteKey(bytes(32)))
    await store.open()
    found = {each["details"]["number"] for each in await records(store)}
    assert told <= found
    assert verified(await lines(store), [await sign(store)]).is_whole
    await store.close()
