"""The store through its public interface, on the real disk."""

# The tests look at files themselves; nothing else runs on their loop.
# ruff: noqa: ASYNC240
from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.audit import (
    Commit,
    FeedbackReceipt,
    RecordUnreadable,
    SiteKey,
    Store,
    StoreConfig,
    StoreRefused,
    StoreUnavailable,
)
from cds_hooks.audit.ledger.ledger_errors import RecordRefused
from cds_hooks.audit.store_settings import RetentionSettings
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.protocol.cards import Card, Coding
from cds_hooks.protocol.feedback import FeedbackEntry
from tests.consultations import with_outcome

DAY = 86_400.0
Make = Callable[..., Card]


async def test_what_was_saved_is_there_after_a_restart(
    store: Store, place: Path, site_key: SiteKey, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    await store.close()
    again = Store(StoreConfig(place), site_key, clock=lambda: consultation.created)
    assert await again.get(consultation.id) == consultation
    assert await again.get("no such id") is None
    await again.close()


async def test_an_answer_is_found_by_its_content_and_not_older_than_asked(
    store: Store, consultation: Consultation
) -> None:
    later = dataclasses.replace(consultation, id="b", created=consultation.created + 10)
    await store.save_consultation(later)
    await store.save_consultation(consultation)
    assert await store.find_by_key("k1", not_older_than=0.0) == later
    assert await store.find_by_key("k1", not_older_than=later.created) == later
    assert await store.find_by_key("k1", not_older_than=later.created + 0.1) is None
    assert await store.find_by_key("k2", not_older_than=0.0) is None


@pytest.mark.parametrize("outcome", list(Outcome))
async def test_only_what_a_model_answered_stands_for_an_answer(
    store: Store, consultation: Consultation, outcome: Outcome
) -> None:
    saved = with_outcome(consultation, outcome)
    await store.save_consultation(saved)
    expected = saved if outcome in (Outcome.ANSWERED, Outcome.EMPTY) else None
    assert await store.find_by_key("k1", not_older_than=0.0) == expected
    assert await store.last_for_patient("p1:abc", saved.service) == expected
    assert await store.get(saved.id) == saved


async def test_the_last_answer_is_that_patients_and_that_services(
    store: Store, consultation: Consultation
) -> None:
    later = dataclasses.replace(consultation, id="b", key="k2", created=consultation.created + 10)
    await store.save_consultation(consultation)
    await store.save_consultation(later)
    assert await store.last_for_patient("p1:abc", consultation.service) == later
    assert await store.last_for_patient("p1:abc", "another-service") is None
    assert await store.last_for_patient("p1:abd", consultation.service) is None


async def test_the_newest_of_a_patient_is_found_in_any_state_and_the_last_answer_by_a_time(
    store: Store, consultation: Consultation
) -> None:
    began = consultation.created
    pending = dataclasses.replace(
        with_outcome(consultation, Outcome.PENDING), id="b", created=began + 10
    )
    entered = dataclasses.replace(
        with_outcome(consultation, Outcome.CHECKED), id="c", created=began + 20
    )
    other = dataclasses.replace(consultation, id="d", created=began + 30, patient_key="p1:abd")
    for each in (consultation, pending, entered, other):
        await store.save_consultation(each)
    assert await store.newest_for_patient("p1:abc", after=began) == pending
    assert await store.newest_for_patient("p1:abc", after=began - 1) == pending
    assert await store.newest_for_patient("p1:abc", after=began + 10) is None
    assert await store.last_for_patient("p1:abc", until=began) == consultation
    assert await store.last_for_patient("p1:abc", until=began - 0.1) is None


async def test_a_later_state_replaces_an_earlier_one_but_pending_replaces_nothing(
    store: Store, consultation: Consultation
) -> None:
    pending = with_outcome(consultation, Outcome.PENDING)
    await store.save_consultation(pending)
    assert await store.get(consultation.id) == pending
    await store.save_consultation(consultation)
    await store.save_consultation(pending)
    assert await store.get(consultation.id) == consultation


async def test_many_writers_share_transactions_and_every_record_is_there(
    place: Path, site_key: SiteKey, consultation: Consultation
) -> None:
    commits: list[Commit] = []
    store = Store(
        StoreConfig(place), site_key, clock=lambda: consultation.created, observer=commits.append
    )
    many = [dataclasses.replace(consultation, id=f"c{n}") for n in range(100)]
    await asyncio.gather(*(store.save_consultation(each) for each in many))
    found = await asyncio.gather(*(store.get(each.id) for each in many))
    await store.close()
    assert list(found) == many
    assert sum(commit.operations for commit in commits) == len(many)
    assert len(commits) < len(many)
    assert {commit.reason for commit in commits} == {""}


async def test_one_write_that_fails_does_not_undo_those_beside_it(
    store: Store, consultation: Consultation, card: Make
) -> None:
    bad = dataclasses.replace(consultation, id="bad", tokens={"x": object()})  # type: ignore[dict-item]
    good = [dataclasses.replace(consultation, id=f"c{n}") for n in range(20)]
    everything = [*good[:10], bad, *good[10:]]
    results = await asyncio.gather(
        *(store.save_consultation(each) for each in everything), return_exceptions=True
    )
    assert [type(result) for result in results if result is not None] == [RecordRefused]
    assert [await store.get(each.id) for each in good] == good
    assert await store.get("bad") is None


async def test_a_write_is_carried_out_even_when_nobody_waits_for_it_any_more(
    store: Store, consultation: Consultation
) -> None:
    task = asyncio.create_task(store.save_consultation(consultation))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.writable()
    assert await store.get(consultation.id) == consultation


async def test_the_event_loop_is_not_held_while_the_disk_is(
    place: Path, site_key: SiteKey, consultation: Consultation
) -> None:
    store = Store(StoreConfig(place, lock_timeout_s=30.0), site_key)
    await store.open()
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    save = asyncio.create_task(store.save_consultation(consultation))
    for _ in range(50):
        await asyncio.sleep(0.001)
    assert not save.done()
    other.execute("ROLLBACK")
    other.close()
    await save
    await store.close()


async def test_a_card_without_a_uuid_is_refused(
    store: Store, consultation: Consultation, card: Make
) -> None:
    with pytest.raises(ValueError, match="uuid"):
        await store.save_consultation(consultation, [card("")])


async def test_feedback_is_recorded_once_and_unknown_cards_do_not_fail_it(
    store: Store, consultation: Consultation, card: Make
) -> None:
    await store.save_consultation(consultation, [card("card-1"), card("card-2")])
    reason = Coding("limited-time", "http://example.org/reasons", "No time")
    entries = [
        FeedbackEntry("card-1", "accepted", "2026-01-01T10:00:00Z", ("s1",)),
        FeedbackEntry("123456", "overridden", "2026-01-01T10:00:00Z"),
        FeedbackEntry("card-2", "overridden", "2026-01-01T10:01:00Z", (), reason, "not now"),
        FeedbackEntry("card-1", "accepted", "2026-01-01T10:00:00Z", ("s1",)),
    ]
    receipt = await store.record_feedback(consultation.service, entries)
    assert receipt == FeedbackReceipt(recorded=2, repeated=1, unknown=1)
    again = await store.record_feedback(consultation.service, entries)
    assert again == FeedbackReceipt(repeated=4)
    kept = await store.feedback_for(consultation.id)
    assert sorted(kept, key=lambda entry: entry.card) == [entries[0], entries[2]]


async def test_the_same_card_may_be_judged_again_later(
    store: Store, consultation: Consultation, card: Make
) -> None:
    await store.save_consultation(consultation, [card("card-1")])
    first = FeedbackEntry("card-1", "overridden", "2026-01-01T10:00:00Z")
    for later in (
        dataclasses.replace(first, outcome_at="2026-01-01T11:00:00Z"),
        dataclasses.replace(first, outcome="accepted"),
        dataclasses.replace(first, user_comment="changed my mind"),
    ):
        receipt = await store.record_feedback(consultation.service, [first, later])
        assert receipt.recorded >= 1
    assert len(await store.feedback_for(consultation.id)) == 4


async def test_cards_of_a_repeated_answer_are_added_to_those_that_are_there(
    store: Store, consultation: Consultation, card: Make
) -> None:
    await store.save_consultation(consultation, [card("card-1")])
    await store.save_consultation(consultation, [card("card-1"), card("card-2")])
    entries = [FeedbackEntry(uuid, "accepted", "t") for uuid in ("card-1", "card-2")]
    assert (await store.record_feedback("s", entries)).recorded == 2


async def test_retention_lets_go_of_everything_and_leaves_no_trace_in_the_files(
    place: Path, site_key: SiteKey, consultation: Consultation, card: Make
) -> None:
    now = [consultation.created]
    store = Store(
        StoreConfig(place, retention=RetentionSettings(consultations_days=2, feedback_days=2)),
        site_key,
        clock=lambda: now[0],
    )
    marked = dataclasses.replace(consultation, id="MARK-OF-THE-OLD-ONE")
    await store.save_consultation(marked, [card("card-1")])
    await store.record_feedback("s", [FeedbackEntry("card-1", "accepted", "t")])
    with sqlite3.connect(place) as other:
        kept = other.execute("SELECT payload FROM consultations").fetchone()[0]
    other.close()
    now[0] += 1.9 * DAY
    young = dataclasses.replace(consultation, id="young", created=now[0])
    await store.save_consultation(young)
    assert await store.drop_expired() == 0
    now[0] += 0.2 * DAY
    assert await store.find_by_key("k1", not_older_than=0.0) == young
    assert await store.drop_expired() == 2
    assert await store.get(marked.id) is None
    assert await store.get("young") == young
    await store.close()
    for file in place.parent.iterdir():
        assert kept not in file.read_bytes()


async def test_a_running_store_lets_go_by_itself_and_of_many(
    place: Path, site_key: SiteKey, consultation: Consultation
) -> None:
    now = [consultation.created]
    config = StoreConfig(
        place, retention=RetentionSettings(consultations_days=1), drop_every_s=0.05
    )
    store = Store(config, site_key, clock=lambda: now[0])
    await store.open()
    many = [dataclasses.replace(consultation, id=f"c{n}") for n in range(250)]
    await asyncio.gather(*(store.save_consultation(each) for each in many))
    now[0] += 2 * DAY
    for _ in range(5000):
        if not any([await store.get(each.id) for each in (many[0], many[-1])]):
            break
        await asyncio.sleep(0.02)
    assert [each.id for each in many if await store.get(each.id)] == []
    await store.close()
    assert "store-retention" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_only_the_owner_can_look_into_the_store(
    store: Store, place: Path, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    files = {file.name: file.stat().st_mode & 0o777 for file in place.parent.iterdir()}
    names = {place.name, f"{place.name}-wal", f"{place.name}-shm"}
    assert files == dict.fromkeys(names, 0o600)
    assert place.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("target", "mode"), [("folder", 0o750), ("file", 0o644)])
async def test_a_store_that_others_may_read_is_refused(
    store: Store, place: Path, site_key: SiteKey, target: str, mode: int
) -> None:
    await store.close()
    (place if target == "file" else place.parent).chmod(mode)
    again = Store(StoreConfig(place), site_key)
    with pytest.raises(StoreRefused, match="group or others"):
        await again.open()
    assert not await again.writable()
    await again.close()


async def test_summaries_are_stored_as_keyed_hashes_only(
    store: Store, place: Path, consultation: Consultation, card: Make
) -> None:
    await store.save_consultation(consultation, [card("card-1", "Sarcoidosis is likely")])
    await store.close()
    content = place.read_bytes()
    assert b"h1:" in content
    assert b"Sarcoidosis" not in content


@pytest.mark.parametrize("where", ["sqlite"], indirect=True)
async def test_the_settings_of_sqlite_are_the_durable_ones(store: Store) -> None:
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "temp_store": 2,
        "auto_vacuum": 2,
    }
    with store._database.read() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
    assert found == wanted


async def test_a_record_that_cannot_be_read_costs_time_and_nothing_else(
    store: Store, place: Path, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    with sqlite3.connect(place) as other:
        other.execute("UPDATE consultations SET payload = x'00'")
    other.close()
    assert await store.find_by_key("k1", not_older_than=0.0) is None
    with pytest.raises(RecordUnreadable):
        await store.get(consultation.id)


async def test_a_record_of_a_version_that_encrypts_is_not_misread(
    store: Store, place: Path, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    with sqlite3.connect(place) as other:
        other.execute("UPDATE consultations SET sealed_by = 'key-1'")
    other.close()
    with pytest.raises(RecordUnreadable, match="data key"):
        await store.get(consultation.id)


async def test_a_closed_store_says_so_and_leaves_no_thread(
    place: Path, site_key: SiteKey, consultation: Consultation
) -> None:
    before = set(threading.enumerate())
    store = Store(StoreConfig(place), site_key)
    await store.open()
    await store.close()
    assert {t for t in threading.enumerate() if t.name.startswith("store-")} <= before
    for call in (store.save_consultation(consultation), store.get("x"), store.check()):
        with pytest.raises(StoreUnavailable) as caught:
            await call
        assert caught.value.reason == "closed"
    assert not await store.writable()


@pytest.mark.parametrize(
    "url", ["sqlite://", "no url", "nothing://u:s3cret@h/d", "postgresql+asyncpg://u:s3cret@h/d"]
)
def test_a_url_that_cannot_keep_records_is_refused_without_its_password(
    site_key: SiteKey, url: str
) -> None:
    with pytest.raises(StoreRefused) as caught:
        Store(StoreConfig(url), site_key)
    assert "s3cret" not in caught.value.diagnostics()
