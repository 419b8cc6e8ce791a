"""Encrypted payloads: bound to their record, opened by no other key; no plaintext in the files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from cds_hooks.audit import RecordUnreadable, SiteKey, Store, StoreConfig, StoreRefused
from cds_hooks.audit.codec import Codec
from cds_hooks.audit.encryption import DecryptionFailed
from cds_hooks.audit.encryption.aead import open_sealed, seal
from cds_hooks.consultation import CheckedConsultation, Consultation
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry
from tests.audit.tampering import execute, rows

KEY = bytes(range(32))
SENTINEL = "Zyzzogeton-sentinel"

Make = Callable[..., Card]


@given(st.binary(max_size=300), st.lists(st.text(), max_size=4))
def test_what_was_sealed_is_opened_again(plain: bytes, about: list[str]) -> None:
    sealed = seal(KEY, plain, *about)
    assert open_sealed(KEY, sealed, *about) == plain
    assert seal(KEY, plain, *about) != sealed


@given(st.binary(min_size=9, max_size=99), st.integers(0, 10**6), st.integers(1, 255))
def test_any_changed_byte_is_seen(plain: bytes, place: int, change: int) -> None:
    sealed = bytearray(seal(KEY, plain, "consultation", "1"))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(DecryptionFailed):
        open_sealed(KEY, bytes(sealed), "consultation", "1")


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_sealed_bytes_open_for_nothing_else(about: list[str], other: list[str]) -> None:
    sealed = seal(KEY, b"text", *about)
    if about == other:
        assert open_sealed(KEY, sealed, *other) == b"text"
    else:
        with pytest.raises(DecryptionFailed):
            open_sealed(KEY, sealed, *other)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(DecryptionFailed):
        open_sealed(KEY, data, "consultation", "1")


async def _two(store: Store, consultation: Consultation, **changes: Any) -> list[Consultation]:
    both = [consultation, dataclasses.replace(consultation, id="second", key="k2", **changes)]
    for each in both:
        await store.save_consultation(each)
    return both


async def test_payloads_swapped_between_rows_are_read_as_neither(
    store: Store, where: Path | str, consultation: Consultation
) -> None:
    one, two = await _two(store, consultation)
    payloads = dict(rows(where, "SELECT id, payload FROM consultations"))
    for each, of in ((one, two), (two, one)):
        swap = "UPDATE consultations SET payload = :payload WHERE id = :id"
        execute(where, swap, id=each.id, payload=payloads[of.id])
    for each in (one, two):
        with pytest.raises(RecordUnreadable, match="changed, or is another record's"):
            await store.get(each.id)


async def test_a_whole_sealed_row_given_to_another_patient_is_not_shown(
    store: Store, where: Path | str, consultation: Consultation
) -> None:
    one, two = await _two(store, consultation, patient_key="p1:other")
    execute(where, "UPDATE consultations SET patient_key = 'p1:mine' WHERE id = :id", id=two.id)
    assert await store.last_for_patient("p1:mine") is None
    with pytest.raises(RecordUnreadable, match="another patient"):
        await store.get(two.id)
    execute(
        where,
        "UPDATE consultations SET content_key = 'x' WHERE id = :one",
        "UPDATE consultations SET content_key = (SELECT c.content_key FROM consultations c WHERE"
        " c.id = :one) WHERE id = :two",
        one=one.id,
        two=two.id,
    )
    assert await store.find_by_key(one.key, not_older_than=0) is None


async def test_an_answer_given_to_another_question_is_not_shown(
    store: Store, where: Path | str, consultation: Consultation
) -> None:
    one, two = await _two(store, consultation)
    execute(where, "UPDATE consultations SET content_key = 'x' || content_key")
    execute(
        where,
        "UPDATE consultations SET content_key = (SELECT substr(c.content_key, 2) FROM consultations"
        " c WHERE c.id = :two) WHERE id = :one",
        one=one.id,
        two=two.id,
    )
    assert await store.find_by_key(two.key, not_older_than=0) is None


async def test_a_tampered_byte_is_told(
    store: Store, where: Path | str, consultation: Consultation, card: Make
) -> None:
    await store.save_consultation(consultation, [card("card-1")])
    await store.record_feedback("s", [FeedbackEntry("card-1", "overridden", user_comment="no")])
    for table in ("consultations", "feedback"):
        ((payload,),) = rows(where, f"SELECT payload FROM {table}")
        broken = bytearray(payload)
        broken[len(broken) // 2] ^= 1
        execute(where, f"UPDATE {table} SET payload = :broken", broken=bytes(broken))
    with pytest.raises(RecordUnreadable, match="was changed"):
        await store.get(consultation.id)
    with pytest.raises(RecordUnreadable, match="was changed"):
        await store.feedback_for(consultation.id)
    assert await store.last_for_patient(consultation.patient_key) is None


async def test_a_data_key_given_to_another_patient_opens_nothing(
    store: Store, where: Path | str, consultation: Consultation
) -> None:
    await _two(store, consultation, patient_key="p1:other")
    execute(
        where,
        "UPDATE data_keys SET wrapped = (SELECT k.wrapped FROM data_keys k WHERE k.id <>"
        " data_keys.id)",
    )
    with pytest.raises(RecordUnreadable, match="data key is damaged"):
        await store.get(consultation.id)


async def test_an_earlier_state_of_a_record_put_back_in_its_place_is_seen(
    store: Store, where: Path | str, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    query = "SELECT payload FROM consultations"
    ((earlier,),) = rows(where, query)
    later = dataclasses.replace(consultation, samples=("later",))
    await store.save_consultation(later)
    ((kept,),) = rows(where, query)
    assert await store.get(consultation.id) == later
    execute(where, "UPDATE consultations SET payload = :payload", payload=earlier)
    with pytest.raises(RecordUnreadable, match="not in the state that the ledger says"):
        await store.get(consultation.id)
    # Nor does it become an answer to the same question, for this patient or any.
    assert await store.find_by_key(consultation.key, not_older_than=0) is None
    assert await store.last_for_patient(consultation.patient_key) is None
    execute(where, "UPDATE consultations SET payload = :payload", payload=kept)
    assert await store.get(consultation.id) == later


async def test_each_patient_has_one_key_and_unknown_cards_another(
    store: Store, where: Path | str, consultation: Consultation, card: Make
) -> None:
    await store.save_consultation(consultation, [card("card-1")])
    await _two(store, consultation, patient_key="p1:other")
    entries = [FeedbackEntry(name, "accepted") for name in ("card-1", "SSN 078-05-1120")]
    await store.record_feedback("s", entries)
    owners = rows(where, "SELECT owner, id FROM data_keys")
    assert sorted(str(owner) for owner, _ in owners) == ["none", "p1:abc", "p1:other"]
    of = dict(owners)
    sealed = dict(
        rows(where, "SELECT outcome || coalesce(consultation_id, ''), sealed_by FROM feedback")
    )
    assert sealed == {f"accepted{consultation.id}": of["p1:abc"], "accepted": of["none"]}
    assert "078-05" not in str(rows(where, "SELECT card FROM feedback"))


async def test_another_site_key_opens_nothing(
    store: Store, where: Path | str, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    other = Store(StoreConfig(where), SiteKey(bytes(32)))
    with pytest.raises(StoreRefused, match="another site key"):
        await other.get(consultation.id)
    # Nor does a database that is made to say so.
    execute(
        where,
        "UPDATE store_metadata SET value = :id WHERE name = 'site-key-id'",
        id=SiteKey(bytes(32)).key_id,
    )
    with pytest.raises(StoreRefused, match="wrapped by another"):
        await other.get(consultation.id)
    await other.close()


async def test_a_plain_payload_put_into_the_database_is_not_read(
    store: Store, where: Path | str, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    plain = Codec(CheckedConsultation, "consultation").encode(consultation)
    execute(where, "UPDATE consultations SET payload = :plain", plain=plain)
    with pytest.raises(RecordUnreadable, match="was changed"):
        await store.get(consultation.id)
    with pytest.raises(IntegrityError):
        execute(where, "UPDATE consultations SET sealed_by = NULL")


async def test_nothing_of_a_chart_is_in_the_files_in_clear(
    place: Path, site_key: SiteKey, consultation: Consultation, card: Make
) -> None:
    store = Store(StoreConfig(place), site_key)
    await store.open()
    marked = dataclasses.replace(consultation, samples=(SENTINEL,), outcome_detail=SENTINEL)
    await store.save_consultation(marked, [card("card-1", SENTINEL)])
    entry = FeedbackEntry("card-1", "overridden", user_comment=SENTINEL)
    await store.record_feedback("s", [entry, dataclasses.replace(entry, card="unknown")])
    assert await store.get(marked.id) == marked
    assert (await store.feedback_for(marked.id))[0].user_comment == SENTINEL
    found = b"".join(file.read_bytes() for file in place.parent.iterdir())
    assert len(found) > 10_000
    assert SENTINEL.encode() not in found
    assert b"k1" not in {row[0] for row in rows(place, "SELECT content_key FROM consultations")}
    assert not any(row[0][:2] == b"\x78\x01" for row in rows(place, "SELECT payload FROM feedback"))
    await store.close()
