"""Erasing and holding: each whole, lasting, and in the ledger."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cds_hooks.audit import SiteKey, Store, StoreConfig, StoreRefused
from cds_hooks.audit.encryption.erasure import read_erasure_log
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.legal_holds import HoldRefused
from cds_hooks.audit.store_errors import RecordErased
from cds_hooks.audit.store_settings import RetentionSettings
from cds_hooks.consultation import Consultation
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry
from tests.audit.ledger_events import events
from tests.audit.tampering import rows

DAY = 86_400.0
Make = Callable[..., Card]


# --- erase ------------------------------------------------------------------------------------


async def test_what_was_erased_nobody_reads_and_others_are_as_they_were(
    kept: Store, key_operations: KeyOperations, where: Path | str, consultation: Consultation
) -> None:
    assert await kept.last_for_patient("p1:abc")  # now it is in the memory of the service
    assert await kept.find_by_key("abc", not_older_than=0)
    erasure = key_operations.erase("p1:abc")
    assert erasure.scrubbed
    done = erasure.records
    assert (done.consultations, done.cards, done.feedback, len(done.keys)) == (1, 1, 1, 1)
    assert await kept.last_for_patient("p1:abc") is None
    assert await kept.find_by_key("abc", not_older_than=0) is None
    with pytest.raises(RecordErased):
        await kept.get("of-abc")
    assert await kept.feedback_for("of-abc") == ()
    assert await kept.last_for_patient("p1:other")
    assert len(await kept.feedback_for("of-other")) == 1
    assert rows(where, "SELECT wrapped FROM data_keys WHERE owner = 'p1:abc'") == [(None,)]
    (event,) = events(where, "patient-erased")
    assert event["patient_pseudonym"] == "p1:abc"
    assert event["details"]["consultations"] == 1
    assert event["details"]["keys"] == list(done.keys)
    assert key_operations.erase("p1:abc").records.consultations == 0


async def test_what_was_erased_stays_so_when_its_work_ends_later(
    kept: Store, key_operations: KeyOperations, consultation: Consultation, card: Make
) -> None:
    key_operations.erase("p1:abc")
    late = dataclasses.replace(consultation, id="of-abc", patient_key="p1:abc")
    await kept.save_consultation(late)
    assert not await kept.save_cards(late, [card("late")])
    with pytest.raises(RecordErased):
        await kept.get("of-abc")
    new = dataclasses.replace(late, id="new")  # the patient comes again
    await kept.save_consultation(new)
    assert await kept.last_for_patient("p1:abc") == new


async def test_an_erased_key_is_not_in_the_files(
    place: Path, kept: Store, config: StoreConfig, site_key: SiteKey, where: Path | str
) -> None:
    wrapped, payload = (
        rows(place, f"SELECT {query}")[0][0]
        for query in (
            "wrapped FROM data_keys WHERE owner = 'p1:abc'",
            "payload FROM consultations WHERE id = 'of-abc'",
        )
    )
    assert any(wrapped in file.read_bytes() for file in place.parent.iterdir())
    with KeyOperations(config, site_key) as key_operations:
        assert key_operations.erase("p1:abc").scrubbed
    files = {file.name: file.read_bytes() for file in place.parent.iterdir()}
    assert len(files) == 3  # the service has it open
    assert [name for name, data in files.items() if wrapped in data or payload in data] == []


async def test_a_restored_copy_is_erased_again_when_it_is_opened(
    place: Path,
    where: Path | str,
    kept: Store,
    config: StoreConfig,
    site_key: SiteKey,
    clock: Any,
) -> None:
    await kept.close()
    old = shutil.copy(place, place.with_name("old"))
    with KeyOperations(config, site_key, clock=clock) as key_operations:
        key_operations.erase("p1:abc")
    shutil.move(old, place)
    assert rows(place, "SELECT count(wrapped) FROM data_keys") == [(2,)]
    again = Store(config, site_key, clock=clock)
    with pytest.raises(RecordErased):
        await again.get("of-abc")
    assert (await again.get("of-other")) is not None
    await again.close()
    assert rows(place, "SELECT owner FROM data_keys WHERE wrapped IS NOT NULL") == [("p1:other",)]


def test_an_erasure_log_that_cannot_be_read_keeps_the_store_shut(
    where: Path | str, config: StoreConfig, site_key: SiteKey
) -> None:
    assert config.erased_keys
    config.erased_keys.write_text("nonsense\n")
    with (
        KeyOperations(config, site_key) as key_operations,
        pytest.raises(StoreRefused, match="erasure log"),
    ):
        key_operations.active_holds()


# --- holds and retention ----------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "subject"), [("patient", "p1:abc"), ("consultation", "of-abc")])
async def test_a_hold_keeps_records_from_retention_and_erasure_until_released(
    kept: Store,
    key_operations: KeyOperations,
    where: Path | str,
    clock: Any,
    kind: Any,
    subject: str,
) -> None:
    hold = key_operations.place_hold(kind, subject, "case-2026/17")
    assert key_operations.active_holds() == (hold,)
    with pytest.raises(HoldRefused, match="hold keeps"):
        key_operations.erase("p1:abc")
    clock.now += 31 * DAY
    assert await kept.drop_expired() == 2
    assert await kept.get("of-other") is None
    assert await kept.get("of-abc") is not None
    assert len(await kept.feedback_for("of-abc")) == 1
    assert key_operations.release_hold(hold.id) == hold
    assert key_operations.active_holds() == ()
    assert key_operations.erase("p1:abc").records.consultations == 1
    assert await kept.drop_expired() == 2
    assert rows(where, "SELECT id FROM consultations") == []
    types = ("hold-placed", "hold-released", "records-dropped")
    placed, released, dropped = (events(where, type_) for type_ in types)
    assert [e["details"]["reference"] for e in (*placed, *released)] == ["case-2026/17"] * 2
    counts = [(e["details"]["consultations"], e["details"]["feedback"]) for e in dropped]
    assert counts == [(1, 1), (1, 1)]
    assert all(e["details"]["ids"].startswith("sha256:") for e in dropped)


@pytest.mark.parametrize("reference", ["", "Ada Lovelace", "x" * 65, "-a", "a\nb", "ä"])
def test_a_reference_that_may_be_a_name_is_refused(
    key_operations: KeyOperations, reference: str
) -> None:
    with pytest.raises(HoldRefused, match="reference"):
        key_operations.place_hold("patient", "p1:abc", reference)
    assert key_operations.active_holds() == ()


def test_a_hold_that_is_not_there_is_told(key_operations: KeyOperations) -> None:
    with pytest.raises(HoldRefused, match="no such hold"):
        key_operations.release_hold("none")


async def test_each_kind_of_record_is_kept_for_its_own_time(
    where: Path | str, site_key: SiteKey, clock: Any, consultation: Consultation, card: Make
) -> None:
    store = Store(
        StoreConfig(where, retention=RetentionSettings(consultations_days=2, feedback_days=9)),
        site_key,
        clock=clock,
    )
    await store.save_consultation(consultation, [card("card-1")])
    await store.record_feedback("s", [FeedbackEntry("card-1", "accepted")])
    counts = []
    for days in (1, 2, 7):
        clock.now += days * DAY
        counts.append(await store.drop_expired())
    await store.close()
    assert counts == [0, 1, 1]


# --- the erasure log ------------------------------------------------------------------------


@given(st.binary(max_size=200))
@example(b"0" * 32 + b" 1.5\n" + b"f" * 20)
def test_any_erasure_log_is_read_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "erased"
        file.write_bytes(data)
        try:
            found = read_erasure_log(file)
        except StoreRefused:
            return
        assert len(found) <= data.count(b"\n")


async def test_an_erasure_log_survives_a_last_line_that_was_not_written_whole(
    kept: Store, key_operations: KeyOperations, config: StoreConfig
) -> None:
    assert config.erased_keys
    (first,) = key_operations.erase("p1:abc").records.keys
    (second,) = key_operations.erase("p1:other").records.keys
    assert set(read_erasure_log(config.erased_keys)) == {first, second}
    text = config.erased_keys.read_text()
    config.erased_keys.write_text(text[:-9])
    assert set(read_erasure_log(config.erased_keys)) == {first}
