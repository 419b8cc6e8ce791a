"""Erasing, holding, rotating, sealing what was plain: each whole, lasting, and in the ledger."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cds_hooks.audit import KeyRefused, RecordUnreadable, SiteKey, Store, StoreConfig, StoreRefused
from cds_hooks.audit.codec import Codec
from cds_hooks.audit.custody import Custodian
from cds_hooks.audit.errors import RecordErased
from cds_hooks.audit.retention import HoldRefused
from cds_hooks.audit.sealing import data_keys
from cds_hooks.audit.sealing.erasing import marks_in
from cds_hooks.audit.sealing.rotation import successor
from cds_hooks.consultation import Consultation
from cds_hooks.protocol.cards import Card
from cds_hooks.protocol.feedback import FeedbackEntry
from tests.audit.tampering import execute, rows

ROOT = Path(__file__).resolve().parents[2]
SENTINEL = "Zyzzogeton-sentinel"
DAY = 86_400.0
Make = Callable[..., Card]


@pytest.fixture
def config(where: Path | str, tmp_path: Path) -> StoreConfig:
    return StoreConfig(where, erased_keys=tmp_path / "keys" / "erased")


@pytest.fixture
async def kept(
    config: StoreConfig, site_key: SiteKey, clock: Any, consultation: Consultation, card: Make
) -> AsyncIterator[Store]:
    """A running store with two patients, each with feedback."""
    store = Store(config, site_key, clock=clock)
    await store.open()
    for name in ("abc", "other"):
        one = dataclasses.replace(
            consultation, id=f"of-{name}", key=name, patient_key=f"p1:{name}", samples=(SENTINEL,)
        )
        await store.save_consultation(one, [card(f"card-{name}", SENTINEL)])
        entry = FeedbackEntry(f"card-{name}", "overridden", user_comment=SENTINEL)
        await store.record_feedback("s", [entry])
    yield store
    await store.close()


@pytest.fixture
def custodian(config: StoreConfig, site_key: SiteKey, clock: Any) -> Iterator[Custodian]:
    """The store as a command opens it beside the service."""
    with Custodian(config, site_key, clock=clock) as custodian:
        yield custodian


def events(where: Path | str, type_: str) -> list[dict[str, Any]]:
    found = rows(where, f"SELECT record FROM ledger WHERE type = '{type_}' ORDER BY seq")
    return [json.loads(bytes(row[0])) for row in found]


# --- erase ------------------------------------------------------------------------------------


async def test_what_was_erased_nobody_reads_and_others_are_as_they_were(
    kept: Store, custodian: Custodian, where: Path | str, consultation: Consultation
) -> None:
    assert await kept.last_for_patient("p1:abc")  # now it is in the memory of the service
    assert await kept.find_by_key("abc", not_older_than=0)
    erasure = custodian.erase("p1:abc")
    assert erasure.scrubbed
    done = erasure.done
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
    assert custodian.erase("p1:abc").done.consultations == 0


async def test_what_was_erased_stays_so_when_its_work_ends_later(
    kept: Store, custodian: Custodian, consultation: Consultation, card: Make
) -> None:
    custodian.erase("p1:abc")
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
    with Custodian(config, site_key) as custodian:
        assert custodian.erase("p1:abc").scrubbed
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
    with Custodian(config, site_key, clock=clock) as custodian:
        custodian.erase("p1:abc")
    shutil.move(old, place)
    assert rows(place, "SELECT count(wrapped) FROM data_keys") == [(2,)]
    again = Store(config, site_key, clock=clock)
    with pytest.raises(RecordErased):
        await again.get("of-abc")
    assert (await again.get("of-other")) is not None
    await again.close()
    assert rows(place, "SELECT owner FROM data_keys WHERE wrapped IS NOT NULL") == [("p1:other",)]


def test_marks_that_cannot_be_read_keep_the_store_shut(
    where: Path | str, config: StoreConfig, site_key: SiteKey
) -> None:
    assert config.erased_keys
    config.erased_keys.write_text("nonsense\n")
    with Custodian(config, site_key) as custodian, pytest.raises(StoreRefused, match="marks"):
        custodian.holds()


# --- holds and retention ----------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "subject"), [("patient", "p1:abc"), ("consultation", "of-abc")])
async def test_a_hold_keeps_records_from_retention_and_erasure_until_released(
    kept: Store, custodian: Custodian, where: Path | str, clock: Any, kind: Any, subject: str
) -> None:
    hold = custodian.hold(kind, subject, "case-2026/17")
    assert custodian.holds() == (hold,)
    with pytest.raises(HoldRefused, match="hold keeps"):
        custodian.erase("p1:abc")
    clock.now += 31 * DAY
    assert await kept.drop_expired() == 2
    assert await kept.get("of-other") is None
    assert await kept.get("of-abc") is not None
    assert len(await kept.feedback_for("of-abc")) == 1
    assert custodian.release(hold.id) == hold
    assert custodian.holds() == ()
    assert custodian.erase("p1:abc").done.consultations == 1
    assert await kept.drop_expired() == 2
    assert rows(where, "SELECT id FROM consultations") == []
    types = ("hold-placed", "hold-released", "records-dropped")
    placed, released, dropped = (events(where, type_) for type_ in types)
    assert [e["details"]["reference"] for e in (*placed, *released)] == ["case-2026/17"] * 2
    counts = [(e["details"]["consultations"], e["details"]["feedback"]) for e in dropped]
    assert counts == [(1, 1), (1, 1)]
    assert all(e["details"]["ids"].startswith("sha256:") for e in dropped)


@pytest.mark.parametrize("reference", ["", "Ada Lovelace", "x" * 65, "-a", "a\nb", "ä"])
def test_a_reference_that_may_be_a_name_is_refused(custodian: Custodian, reference: str) -> None:
    with pytest.raises(HoldRefused, match="reference"):
        custodian.hold("patient", "p1:abc", reference)
    assert custodian.holds() == ()


def test_a_hold_that_is_not_there_is_told(custodian: Custodian) -> None:
    with pytest.raises(HoldRefused, match="no such hold"):
        custodian.release("none")


async def test_each_kind_of_record_is_kept_for_its_own_time(
    where: Path | str, site_key: SiteKey, clock: Any, consultation: Consultation, card: Make
) -> None:
    store = Store(StoreConfig(where, retention_days=2, feedback_days=9), site_key, clock=clock)
    await store.save_consultation(consultation, [card("card-1")])
    await store.record_feedback("s", [FeedbackEntry("card-1", "accepted")])
    counts = []
    for days in (1, 2, 7):
        clock.now += days * DAY
        counts.append(await store.drop_expired())
    await store.close()
    assert counts == [0, 1, 1]


# --- rotate -----------------------------------------------------------------------------------


async def test_after_a_rotation_the_new_key_reads_everything_and_the_old_one_nothing(
    kept: Store, config: StoreConfig, site_key: SiteKey, clock: Any, tmp_path: Path, where: Any
) -> None:
    await kept.close()
    before = rows(where, "SELECT id, payload FROM consultations ORDER BY id")
    new = successor(tmp_path / "keys" / "new.key", site_key)
    seen: list[tuple[int, int]] = []
    with Custodian(config, site_key, clock=clock) as custodian:
        assert custodian.rotate(new, lambda done, of: seen.append((done, of))) == 2
    assert seen == [(2, 2)]
    assert before == rows(where, "SELECT id, payload FROM consultations ORDER BY id")
    loaded = SiteKey.load(tmp_path / "keys" / "new.key")
    assert loaded.patient_key("1", fhir_server="s") == site_key.patient_key("1", fhir_server="s")
    assert loaded.digest("x", "y") == site_key.digest("x", "y")
    store = Store(config, loaded, clock=clock)
    assert (await store.last_for_patient("p1:abc")) is not None
    assert len(await store.feedback_for("of-other")) == 1
    assert (await store.find_by_key("abc", not_older_than=0)) is not None
    await store.close()
    with Custodian(config, site_key) as old, pytest.raises(StoreRefused, match="another site key"):
        old.holds()
    (event,) = events(where, "site-key-rotated")
    assert event["details"] == {"keys": 2, "old_key": site_key.key_id, "new_key": new.key_id}
    third = successor(tmp_path / "keys" / "third.key", loaded)
    assert third.has_identity_of(site_key)


async def test_a_service_that_still_runs_with_the_old_key_makes_no_key_that_nobody_can_open(
    kept: Store, custodian: Custodian, site_key: SiteKey, tmp_path: Path, consultation: Consultation
) -> None:
    custodian.rotate(successor(tmp_path / "new.key", site_key))
    for patient in ("p1:abc", "p1:never-seen"):
        later = dataclasses.replace(consultation, id="later", patient_key=patient)
        with pytest.raises(StoreRefused, match="wrapped by another site key"):
            await kept.save_consultation(later)
    assert await kept.last_for_patient("p1:never-seen") is None


async def test_a_damaged_data_key_stops_a_rotation_whole(
    kept: Store, custodian: Custodian, site_key: SiteKey, tmp_path: Path, where: Path | str
) -> None:
    execute(where, "UPDATE data_keys SET owner = 'p1:swapped' WHERE owner = 'p1:abc'")
    with pytest.raises(RecordUnreadable, match="data key is damaged"):
        custodian.rotate(successor(tmp_path / "new.key", site_key))
    assert await kept.get("of-other") is not None
    assert events(where, "site-key-rotated") == []


def test_a_key_of_another_site_is_no_successor(tmp_path: Path, site_key: SiteKey) -> None:
    SiteKey.load(tmp_path / "other.key", create=True)
    with pytest.raises(KeyRefused, match="no successor"):
        successor(tmp_path / "other.key", site_key)
    new = successor(tmp_path / "new.key", site_key)
    assert (tmp_path / "new.key").stat().st_mode & 0o777 == 0o600
    assert successor(tmp_path / "new.key", site_key).key_id == new.key_id
    with pytest.raises(KeyRefused, match="no successor"):
        successor(tmp_path / "new.key", new)


_ROTATES = """
import os, sys, time
from pathlib import Path
from cds_hooks.audit import SiteKey, StoreConfig
from cds_hooks.audit.custody import Custodian
from cds_hooks.audit.sealing.rotation import successor
place, folder, stop = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
old = SiteKey.load(folder / "site.key")
new = successor(folder / "new.key", old)
def heard(done, of):
    if done >= stop:
        print("here", flush=True)
        time.sleep(60)
where = place if "://" in place else Path(place)
with Custodian(StoreConfig(where), old) as custodian:
    custodian.rotate(new, heard)
"""


@pytest.mark.parametrize("stop", [500, 1000])
async def test_killed_in_the_midst_of_a_rotation_the_store_is_the_old_keys_and_it_runs_again(
    store: Store, where: Path | str, site_key: SiteKey, tmp_path: Path, stop: int,
    consultation: Consultation,
) -> None:  # fmt: skip
    for n in range(16):
        one = dataclasses.replace(consultation, id=f"c{n}", patient_key=f"p{n}")
        await store.save_consultation(one)
    await store.close()
    with (
        Custodian(StoreConfig(where), site_key) as custodian,
        custodian._database.write() as connection,
    ):
        for n in range(1100):
            data_keys.of_owner(connection, f"p{n}", site_key)
    script = [sys.executable, "-c", _ROTATES, str(where), str(tmp_path / "keys"), str(stop)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, cwd=ROOT) as process:  # noqa: ASYNC220
        assert process.stdout
        assert process.stdout.readline() == b"here\n"
        os.kill(process.pid, signal.SIGKILL)
    new = successor(tmp_path / "keys" / "new.key", site_key)
    before = Store(StoreConfig(where), site_key)
    assert (await before.get("c7")) is not None
    await before.close()
    with Custodian(StoreConfig(where, lock_timeout_s=5), site_key) as custodian:
        assert custodian.rotate(new) == 1100
    after = Store(StoreConfig(where), new)
    assert all([await after.get(f"c{n}") for n in range(16)])
    await after.close()


# --- what an earlier version left -------------------------------------------------------------


def _make_plain(where: Path | str, consultation: Consultation) -> None:
    payload = Codec(Consultation, "consultation").encode(consultation)
    entry = Codec(FeedbackEntry, "feedback").encode(FeedbackEntry("card-abc", "accepted"))
    execute(
        where,
        "UPDATE consultations SET sealed_by = NULL, payload = :payload, content_key = 'abc'"
        " WHERE id = 'of-abc'",
        "UPDATE feedback SET sealed_by = NULL, payload = :entry WHERE consultation_id = 'of-abc'",
        "DELETE FROM data_keys WHERE owner = 'p1:abc'",
        "DELETE FROM store_facts WHERE name = 'all-sealed'",
        payload=payload,
        entry=entry,
    )


async def _looked_through(where: Path | str) -> None:
    """Wait until a store that was opened has looked for plain records, so that it does no more."""
    for _ in range(500):
        if rows(where, "SELECT 1 FROM store_facts WHERE name = 'all-sealed'"):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("no pass for plain records was made")


async def test_what_an_earlier_version_left_plain_is_sealed_at_the_next_start(
    kept: Store, where: Path | str, config: StoreConfig, site_key: SiteKey, clock: Any
) -> None:
    one = await kept.get("of-abc")
    assert one
    await _looked_through(where)
    _make_plain(where, one)
    assert await kept.get("of-abc") == one
    again = Store(config, site_key, clock=clock)
    await again.open()
    await _looked_through(where)
    assert rows(where, "SELECT 1 FROM consultations WHERE sealed_by IS NULL") == []
    assert rows(where, "SELECT 1 FROM feedback WHERE sealed_by IS NULL") == []
    assert await again.find_by_key("abc", not_older_than=0) == one
    assert (await again.feedback_for("of-abc"))[0].outcome == "accepted"
    await again.close()


async def test_a_strict_site_seals_by_command_only(
    kept: Store, custodian: Custodian, where: Path | str, config: StoreConfig, site_key: SiteKey
) -> None:
    one = await kept.get("of-abc")
    assert one
    await _looked_through(where)
    _make_plain(where, one)
    strict = Store(dataclasses.replace(config, sealed_only=True), site_key, clock=lambda: 1.0)
    await strict.open()
    with pytest.raises(RecordUnreadable, match="not encrypted"):
        await strict.get("of-abc")
    assert custodian.seal_plain() == 2
    assert await strict.get("of-abc") == one
    await strict.close()
    assert [e["details"]["records"] for e in events(where, "plain-records-sealed")] == [2]


# --- marks ------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
@example(b"0" * 32 + b" 1.5\n" + b"f" * 20)
def test_any_marks_are_read_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "erased"
        file.write_bytes(data)
        try:
            found = marks_in(file)
        except StoreRefused:
            return
        assert len(found) <= data.count(b"\n")


async def test_marks_survive_a_last_line_that_was_not_written_whole(
    kept: Store, custodian: Custodian, config: StoreConfig
) -> None:
    assert config.erased_keys
    (first,) = custodian.erase("p1:abc").done.keys
    (second,) = custodian.erase("p1:other").done.keys
    assert set(marks_in(config.erased_keys)) == {first, second}
    text = config.erased_keys.read_text()
    config.erased_keys.write_text(text[:-9])
    assert set(marks_in(config.erased_keys)) == {first}
