"""What patients turned out to have: kept apart for each consultation, encrypted, erased with it."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.backup import check_backup, create_backup
from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.integrity_check import check_integrity
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.store_config import open_database
from cds_hooks.audit.store_errors import RecordUnreadable
from cds_hooks.audit.store_settings import RetentionSettings
from cds_hooks.audit.trial_outcomes import READ, FollowUp, StoredOutcome
from cds_hooks.consultation import Consultation, Outcome
from tests.audit.tampering import execute, rows
from tests.consultations import with_outcome

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
FOUND = StoredOutcome(ICD, "I26.99", "condition-problem-list", 1_700_000_500.0)


def followed(consultation: str, *outcomes: StoredOutcome, **changes: Any) -> FollowUp:
    made = FollowUp(consultation, READ, False, "rules-1", 1_700_000_900.0, outcomes)
    return dataclasses.replace(made, **changes)


async def test_what_was_found_is_kept_and_replaced_by_what_is_found_later(
    kept: Store, where: Path | str
) -> None:
    assert [each.state for each in await kept.outcomes.to_follow(0, 2e9)] == ["", ""]
    first = followed("of-abc", passed_over={"known-same": 2})
    assert await kept.outcomes.save(first)
    assert await kept.outcomes.save(first)
    assert await kept.outcomes.of(["of-abc", "of-other", "nobody"]) == {"of-abc": first}
    later = followed("of-abc", FOUND, final=True)
    assert await kept.outcomes.save(later)
    assert await kept.outcomes.of(["of-abc"]) == {"of-abc": later}
    assert later.conclusive
    assert await kept.outcomes.count_by_state() == {(READ, True): 1}
    (one, other) = await kept.outcomes.to_follow(0, 2e9)
    assert (one.id, one.patient_key, one.state, one.final) == ("of-abc", "p1:abc", READ, True)
    assert (one.rules, one.read) == ("rules-1", 1_700_000_900.0)
    assert (other.id, other.state, other.final) == ("of-other", "", False)
    (stored,) = rows(where, "SELECT payload FROM trial_outcomes")
    assert b"I26" not in bytes(stored[0])


async def test_consultations_are_followed_from_a_time_up_to_another_and_only_those_of_a_model(
    kept: Store, consultation: Consultation
) -> None:
    checked = with_outcome(consultation, Outcome.CHECKED, id="check", patient_key="p1:abc")
    pending = with_outcome(consultation, Outcome.PENDING, id="open", patient_key="p1:new")
    for each in (checked, pending):
        await kept.save_consultation(each)
    begun = consultation.created
    found = await kept.outcomes.to_follow(begun, begun + 0.1)
    assert [each.id for each in found] == ["of-abc", "open", "of-other"]
    assert await kept.outcomes.to_follow(begun - 9, begun) == ()
    assert await kept.outcomes.to_follow(begun + 0.1, begun + 9) == ()


async def test_an_erased_patient_has_no_outcomes_and_gets_none(
    kept: Store, key_operations: KeyOperations, where: Path | str
) -> None:
    for name in ("abc", "other"):
        assert await kept.outcomes.save(followed(f"of-{name}", FOUND))
    key_operations.erase("p1:abc")
    assert list(await kept.outcomes.of(["of-abc", "of-other"])) == ["of-other"]
    sealed = "SELECT payload FROM trial_outcomes WHERE consultation_id = 'of-abc'"
    assert [bytes(row[0]) for row in rows(where, sealed)] == [b""]
    assert not await kept.outcomes.save(followed("of-abc", FOUND))
    assert [each.id for each in await kept.outcomes.to_follow(0, 2e9)] == ["of-other"]


async def test_outcomes_go_with_their_consultation(
    where: Path | str, site_key: SiteKey, clock: Any, consultation: Consultation
) -> None:
    config = StoreConfig(where, retention=RetentionSettings(consultations_days=1))
    store = Store(config, site_key, clock=clock)
    await store.open()
    await store.save_consultation(consultation)
    assert await store.outcomes.save(followed(consultation.id, FOUND))
    clock.now += 2 * 86_400
    await store.drop_expired()
    assert rows(where, "SELECT * FROM trial_outcomes") == []
    assert not await store.outcomes.save(followed(consultation.id, FOUND))
    await store.close()


async def test_a_row_that_was_changed_is_not_believed(
    kept: Store, where: Path | str, config: StoreConfig, site_key: SiteKey, clock: Any
) -> None:
    await kept.outcomes.save(followed("of-abc"))
    execute(where, "UPDATE trial_outcomes SET final = 1")
    with pytest.raises(RecordUnreadable, match="something else"):
        await kept.outcomes.of(["of-abc"])
    with (
        closing(open_database(config, site_key, clock)) as database,
        database.read() as connection,
    ):
        report = check_integrity(connection, PayloadCipher(site_key), ())
    assert report.unreadable == ("of-abc",)


async def test_a_store_of_before_has_none_and_takes_some(
    where: Path | str, site_key: SiteKey, clock: Any, consultation: Consultation
) -> None:
    before = Store(StoreConfig(where), site_key, clock=clock)
    await before.open()
    await before.save_consultation(consultation)
    await before.close()
    execute(where, "DROP TABLE trial_outcomes")
    store = Store(StoreConfig(where), site_key, clock=clock)
    await store.open()
    assert await store.outcomes.save(followed(consultation.id, FOUND))
    await store.close()


async def test_a_backup_has_the_outcomes_and_is_read_whole(
    kept: Store, place: Path, config: StoreConfig, site_key: SiteKey, tmp_path: Path
) -> None:
    assert config.file == place
    await kept.outcomes.save(followed("of-abc", FOUND))
    copy = tmp_path / "copy.sqlite"
    create_backup(config, site_key, copy)
    assert rows(copy, "SELECT consultation_id FROM trial_outcomes") == [("of-abc",)]
    assert check_backup(copy, site_key).is_whole
