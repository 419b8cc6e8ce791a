"""Rotating the site key: whole, lasting, and in the ledger."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.audit import KeyRefused, RecordUnreadable, SiteKey, Store, StoreConfig, StoreRefused
from cds_hooks.audit.encryption import data_keys
from cds_hooks.audit.encryption.rotation import load_or_create_successor
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.consultation import Consultation
from tests.audit.ledger_events import events
from tests.audit.tampering import execute, rows

ROOT = Path(__file__).resolve().parents[2]


async def test_after_a_rotation_the_new_key_reads_everything_and_the_old_one_nothing(
    kept: Store, config: StoreConfig, site_key: SiteKey, clock: Any, tmp_path: Path, where: Any
) -> None:
    await kept.close()
    before = rows(where, "SELECT id, payload FROM consultations ORDER BY id")
    new = load_or_create_successor(tmp_path / "keys" / "new.key", site_key)
    seen: list[tuple[int, int]] = []
    with KeyOperations(config, site_key, clock=clock) as key_operations:
        assert key_operations.rotate(new, lambda done, of: seen.append((done, of))) == 2
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
    with (
        KeyOperations(config, site_key) as old,
        pytest.raises(StoreRefused, match="another site key"),
    ):
        old.active_holds()
    (event,) = events(where, "site-key-rotated")
    assert event["details"] == {"keys": 2, "old_key": site_key.key_id, "new_key": new.key_id}
    third = load_or_create_successor(tmp_path / "keys" / "third.key", loaded)
    assert third.has_identity_of(site_key)


async def test_a_service_that_still_runs_with_the_old_key_makes_no_key_that_nobody_can_open(
    kept: Store,
    key_operations: KeyOperations,
    site_key: SiteKey,
    tmp_path: Path,
    consultation: Consultation,
) -> None:
    key_operations.rotate(load_or_create_successor(tmp_path / "new.key", site_key))
    for patient in ("p1:abc", "p1:never-seen"):
        later = dataclasses.replace(consultation, id="later", patient_key=patient)
        with pytest.raises(StoreRefused, match="wrapped by another site key"):
            await kept.save_consultation(later)
    assert await kept.last_for_patient("p1:never-seen") is None


async def test_a_damaged_data_key_stops_a_rotation_whole(
    kept: Store, key_operations: KeyOperations, site_key: SiteKey, tmp_path: Path, where: Path | str
) -> None:
    execute(where, "UPDATE data_keys SET owner = 'p1:swapped' WHERE owner = 'p1:abc'")
    with pytest.raises(RecordUnreadable, match="data key is damaged"):
        key_operations.rotate(load_or_create_successor(tmp_path / "new.key", site_key))
    assert await kept.get("of-other") is not None
    assert events(where, "site-key-rotated") == []


def test_a_key_of_another_site_is_no_successor(tmp_path: Path, site_key: SiteKey) -> None:
    SiteKey.load(tmp_path / "other.key", create=True)
    with pytest.raises(KeyRefused, match="no successor"):
        load_or_create_successor(tmp_path / "other.key", site_key)
    new = load_or_create_successor(tmp_path / "new.key", site_key)
    assert (tmp_path / "new.key").stat().st_mode & 0o777 == 0o600
    assert load_or_create_successor(tmp_path / "new.key", site_key).key_id == new.key_id
    with pytest.raises(KeyRefused, match="no successor"):
        load_or_create_successor(tmp_path / "new.key", new)


_ROTATES = """
import os, sys, time
from pathlib import Path
from cds_hooks.audit import SiteKey, StoreConfig
from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.encryption.rotation import load_or_create_successor
place, folder, stop = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
old = SiteKey.load(folder / "site.key")
new = load_or_create_successor(folder / "new.key", old)
def heard(done, of):
    if done >= stop:
        print("here", flush=True)
        time.sleep(60)
where = place if "://" in place else Path(place)
with KeyOperations(StoreConfig(where), old) as key_operations:
    key_operations.rotate(new, heard)
"""


@pytest.mark.parametrize("stop", [500, pytest.param(1000, marks=pytest.mark.slow)])
async def test_killed_in_the_midst_of_a_rotation_the_store_is_the_old_keys_and_it_runs_again(
    store: Store, where: Path | str, site_key: SiteKey, tmp_path: Path, stop: int,
    consultation: Consultation,
) -> None:  # fmt: skip
    for n in range(16):
        one = dataclasses.replace(consultation, id=f"c{n}", patient_key=f"p{n}")
        await store.save_consultation(one)
    await store.close()
    with (
        KeyOperations(StoreConfig(where), site_key) as key_operations,
        key_operations._database.write() as connection,
    ):
        for n in range(1100):
            data_keys.get_or_create(connection, f"p{n}", site_key)
    script = [sys.executable, "-c", _ROTATES, str(where), str(tmp_path / "keys"), str(stop)]
    with subprocess.Popen(script, stdout=subprocess.PIPE, cwd=ROOT) as process:  # noqa: ASYNC220
        assert process.stdout
        assert process.stdout.readline() == b"here\n"
        os.kill(process.pid, signal.SIGKILL)
    new = load_or_create_successor(tmp_path / "keys" / "new.key", site_key)
    before = Store(StoreConfig(where), site_key)
    assert (await before.get("c7")) is not None
    await before.close()
    with KeyOperations(StoreConfig(where, lock_timeout_s=60), site_key) as key_operations:
        assert key_operations.rotate(new) == 1100
    after = Store(StoreConfig(where), new)
    assert all([await after.get(f"c{n}") for n in range(16)])
    await after.close()
