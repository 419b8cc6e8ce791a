"""What was recorded is counted once: by any number of processes, in any state, in old stores."""

from __future__ import annotations

import asyncio
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import RecordUnreadable, SiteKey, Store, StoreConfig
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.store_settings import RetentionSettings
from cds_hooks.console.inspector.firing import ISSUER
from cds_hooks.consultation import Caller, CheckedConsultation, ModelIdentity, Outcome, RecordedCall
from cds_hooks.protocol.cards import Card, Coding
from cds_hooks.protocol.feedback import FeedbackEntry
from cds_hooks.protocol.judgements import Judgement, wrong
from cds_hooks.statistics import StatisticsKeeper, StatisticsReports, count_all
from cds_hooks.statistics.counting import Counting
from cds_hooks.statistics.statistics_settings import StatisticsSettings
from tests.audit.tampering import execute, rows
from tests.consultations import with_outcome
from tests.statistics.month import MovedClock, record, rows_of

Made = Callable[..., Card]
CALL = RecordedCall(hook="patient-view", hook_instance="i-1")
EVER = ("2000-01-01", "2100-01-01")


async def _all(store: Store) -> Counter[str]:
    """All counts of group `all`, whatever their day."""
    total = Counter[str]()
    for counts in (await store.statistics.days(*EVER)).values():
        total.update(counts)
    return Counter({k[4:]: n for k, n in total.items() if k.startswith("all|")})


async def test_a_late_answer_is_two_hooks_and_one_consultation(
    store: Store, consultation: CheckedConsultation, card: Made
) -> None:
    pending = with_outcome(consultation, Outcome.PENDING)
    await store.save_consultation(pending, (card("u1"),), CALL)
    await count_all(store.statistics)
    assert (await _all(store))["consultation"] == 0
    await store.save_consultation(consultation)
    await store.save_cards(consultation, (card("u2"),), CALL)
    await count_all(store.statistics)
    found = await _all(store)
    assert (found["hook"], found["hook:pending"], found["hook:answered"]) == (2, 1, 1)
    assert (found["consultation"], found["ended:answered"], found["shown"]) == (1, 1, 2)


async def test_a_consultation_that_is_written_again_is_counted_once(
    store: Store, consultation: CheckedConsultation
) -> None:
    for _ in range(3):
        await store.save_consultation(consultation)
    await count_all(store.statistics)
    assert (await _all(store))["consultation"] == 1


async def test_counting_again_changes_nothing(
    store: Store, consultation: CheckedConsultation, card: Made
) -> None:
    await store.save_consultation(consultation, (card("u1"),), CALL)
    await store.record_feedback("s", [FeedbackEntry("u1", "accepted")])
    await count_all(store.statistics)
    once = await _all(store)
    await count_all(store.statistics)
    assert await _all(store) == once
    assert once["feedback:accepted"] == 1
    assert await store.statistics.left() == 0


async def test_two_processes_that_count_at_one_time_count_once(
    where: Path | str, site_key: SiteKey
) -> None:
    clock = MovedClock()
    stores = [Store(StoreConfig(where), site_key, clock=clock) for _ in range(2)]
    await asyncio.gather(*(store.open() for store in stores))
    made = rows_of(60, datetime(2023, 11, 20, tzinfo=UTC), days=5)
    await record(stores[0], clock, made)

    async def count(store: Store) -> None:
        counting = Counting()
        while await store.statistics.left():
            await store.statistics.advance(counting.count, 3)

    await asyncio.gather(*map(count, stores))
    found = await _all(stores[1])
    given = sum(bool(row.feedback and row.shown) for row in made)
    assert (found["hook"], found["consultation"]) == (60, 60)
    assert found["feedback:accepted"] + found["feedback:overridden"] == given > 5
    for store in stores:
        await store.close()


async def test_what_another_process_has_counted_meanwhile_is_not_added(
    where: Path | str, site_key: SiteKey, consultation: CheckedConsultation, card: Made
) -> None:
    """Feedback alone, which does not move the position in the ledger."""
    one, other = (Store(StoreConfig(where), site_key) for _ in range(2))
    await one.open()
    await other.open()
    await one.save_consultation(consultation, (card("u1"),), CALL)
    await count_all(one.statistics)
    await one.record_feedback("s", [FeedbackEntry("u1", "accepted")])
    slow = asyncio.Event()
    loop = asyncio.get_running_loop()

    def counted_late(found: Any) -> Any:
        asyncio.run_coroutine_threadsafe(count_all(other.statistics), loop).result(20)
        loop.call_soon_threadsafe(slow.set)
        return Counting().count(found)

    assert await one.statistics.advance(counted_late, 10) is None
    assert slow.is_set()
    assert (await _all(one))["feedback:accepted"] == 1
    await one.close()
    await other.close()


async def test_what_the_inspector_asked_is_a_trial_and_not_counted(
    store: Store, consultation: CheckedConsultation, card: Made
) -> None:
    trial = replace(consultation, caller=Caller(issuer=ISSUER))
    await store.save_consultation(trial)
    await store.save_cards(trial, (card("u1"),), RecordedCall(hook="h", client_iss=ISSUER))
    await store.save_cards(trial, (card("u2"),), CALL)
    await store.record_feedback("s", [FeedbackEntry("u1", "accepted")])
    await count_all(store.statistics)
    assert await _all(store) == {}
    assert await store.statistics.left() == 0


async def test_the_keeper_counts_beside_the_service(
    store: Store, consultation: CheckedConsultation, card: Made
) -> None:
    keeper = StatisticsKeeper(store.statistics)
    async with keeper.kept():
        await store.save_consultation(consultation, (card("u1"),), CALL)
        await keeper.nudge(20.0)
        assert (await _all(store))["hook:answered"] == 1


async def test_a_report_is_of_all_that_is_counted_however_often_it_is_asked_for(
    store: Store, clock: Any, consultation: CheckedConsultation, card: Made
) -> None:
    reports = StatisticsReports(store.statistics, StatisticsSettings(), clock=clock)
    for number in range(3):
        one = replace(consultation, id=f"c-{number}", key=f"k-{number}")
        await store.save_consultation(one, (card(f"u{number}"),), CALL)
        for _ in range(2):
            found = await reports.report(4, "", ())
            assert (found.report.hooks.get("answered", 0), found.not_counted) == (number, 1)
        await count_all(store.statistics)
    clock.now += 86_400 * 7 * 4
    assert (await reports.report(4, "", ())).report.hooks == {}


async def test_a_store_that_was_made_without_counts_gets_them(
    place: Path, site_key: SiteKey, consultation: CheckedConsultation, card: Made
) -> None:
    old = Store(StoreConfig(place), site_key)
    await old.open()
    await old.save_consultation(consultation, (card("u1"),), CALL)
    await old.record_feedback("s", [FeedbackEntry("u1", "accepted")])
    await old.close()
    execute(place, "DROP TABLE statistics")
    execute(place, "DROP TABLE counted_feedback")
    execute(place, "DELETE FROM store_metadata WHERE name = 'statistics-counted'")
    store = Store(StoreConfig(place), site_key)
    await store.open()
    await count_all(store.statistics)
    found = await _all(store)
    assert (found["hook"], found["consultation"], found["feedback:accepted"]) == (1, 1, 1)
    await store.close()


async def test_what_was_deleted_before_it_was_counted_is_of_no_known_group(
    store: Store, clock: Any, consultation: CheckedConsultation, card: Made
) -> None:
    await store.save_consultation(consultation, (card("u1"),), CALL)
    clock.now += 31 * 86_400
    await store.drop_expired()
    await count_all(store.statistics)
    found = await _all(store)
    assert (found["consultation"], found["read"], found["flagged"]) == (1, 0, 0)
    [counts] = (await store.statistics.days(*EVER)).values()
    assert counts["age:not known|consultation"] == counts["sex:not known|hook"] == 1


async def test_erasing_a_patient_leaves_the_counts(
    kept: Store, key_operations: KeyOperations
) -> None:
    await count_all(kept.statistics)
    before = await _all(kept)
    key_operations.erase("p1:abc")
    assert await _all(kept) == before
    assert before["consultation"] == 2


async def test_counts_are_deleted_after_their_time(
    where: Path | str, site_key: SiteKey, consultation: CheckedConsultation
) -> None:
    clock = MovedClock()
    clock.now = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
    config = StoreConfig(where, retention=RetentionSettings(statistics_days=10))
    store = Store(config, site_key, clock=clock)
    await store.open()
    await store.save_consultation(consultation)
    await count_all(store.statistics)
    clock.now += 10 * 86_400
    await store.drop_expired()
    assert (await _all(store))["consultation"] == 1
    clock.now += 86_400
    await store.drop_expired()
    assert await _all(store) == {}
    await store.close()


async def test_no_count_is_in_clear(
    place: Path, store: Store, consultation: CheckedConsultation, card: Made
) -> None:
    await store.save_consultation(consultation, (card("u1"),), CALL)
    await count_all(store.statistics)
    assert (await _all(store))["flag:contradiction:evidence-exists"] == 1
    await store.close()
    data = b"".join(each.read_bytes() for each in place.parent.iterdir())
    assert b"flag:" not in data
    [(payload,)] = rows(place, "SELECT payload FROM statistics")
    with pytest.raises(zlib.error):
        zlib.decompress(bytes(payload))


async def test_a_row_of_counts_that_was_changed_is_found(
    place: Path, kept: Store, key_operations: KeyOperations
) -> None:
    await count_all(kept.statistics)
    assert key_operations.check_integrity().is_whole
    execute(place, "UPDATE statistics SET service = 'elsewhere' WHERE service = 's'")
    [unreadable] = key_operations.check_integrity().unreadable
    assert unreadable.endswith(" elsewhere")
    with pytest.raises(RecordUnreadable):
        await kept.statistics.days(*EVER)


async def test_nothing_that_a_client_wrote_is_counted_by_its_words(
    store: Store, consultation: CheckedConsultation, card: Made
) -> None:
    odd = replace(consultation, model=ModelIdentity("a|b", "1" * 64, "llama.cpp"))
    await store.save_consultation(odd, (card("u1"),), CALL)
    said = Coding("Ada Lovelace, born 1815", "urn:x", "Ada Lovelace")
    given = [
        FeedbackEntry("u1", "overridden", override_reason=said, user_comment="Ada"),
        FeedbackEntry("u1", "overridden", override_reason=wrong(1, "x")),
        FeedbackEntry("u1", "overridden"),
        FeedbackEntry(
            "",
            "judged",
            consultation=consultation.id,
            judgements=(Judgement(1, "wrong", "patient-ineligible"), Judgement(2, "useful")),
        ),
    ]
    await store.record_feedback("chartside-patient-view", given)
    await count_all(store.statistics)
    found = await _all(store)
    reasons = {name: n for name, n in found.items() if name.startswith("reason:")}
    assert reasons == {
        "reason:other": 1,
        "reason:one-diagnosis": 1,
        "reason:none-given": 1,
        "reason:patient-ineligible": 1,
    }
    assert (found["said:wrong"], found["said:useful"], found["feedback:judged"]) == (1, 1, 1)
    names = "".join(key for day in (await store.statistics.days(*EVER)).values() for key in day)
    assert "Ada" not in names
    assert "model:a/b|" in names
