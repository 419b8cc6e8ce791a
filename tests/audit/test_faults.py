"""Full, read-only, locked, damaged and missing: a stable reason, and back by itself."""

# The tests look at files and start processes themselves; nothing else runs on their loop.
# ruff: noqa: ASYNC220, ASYNC240
from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cds_hooks.audit import SiteKey, Store, StoreConfig, StoreUnavailable
from cds_hooks.consultation import Consultation

ROOT = Path(__file__).resolve().parents[2]

# Runs alone on a disk (or under a limit) that it fills. Prints what it saw as one JSON line.
_FILLS_A_DISK = """
import asyncio, dataclasses, json, os, resource, signal, sys
from pathlib import Path
from cds_hooks.audit import SiteKey, Store, StoreConfig, StoreUnavailable
from cds_hooks.consultation import CheckedConsultation, Outcome
from fhir_mapping.chart import Chart, PatientFacts

BIG = [os.urandom(2_000_000).hex()]
ONE = CheckedConsultation(
    "id", "k", "s", 1.0, "p", Chart(PatientFacts(), ()), outcome=Outcome.ANSWERED
)
place, how = Path(sys.argv[1]), sys.argv[2]

def fill():
    if how == "limit":
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    else:
        with (place.parent / "ballast").open("wb", buffering=0) as file:
            try:
                while file.write(bytes(65536)):
                    pass
            except OSError:
                pass

def free():
    if how == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    else:
        (place.parent / "ballast").unlink()

async def attempt(store, consultation):
    try:
        await store.save_consultation(consultation)
    except StoreUnavailable as error:
        return [error.code, error.status, error.reason]
    return "saved"

async def main():
    reserve = 0 if how == "limit" else 64 * 1024
    store = Store(StoreConfig(place, reserve_bytes=reserve), SiteKey(bytes(32)), clock=lambda: 2.0)
    await store.open()
    seen = {"before": await attempt(store, ONE), "writable": await store.writable()}
    fill()
    big = [dataclasses.replace(ONE, id=f"big{n}", samples=tuple(BIG)) for n in range(3)]
    seen["full"] = [await attempt(store, each) for each in big]
    seen["full writable"] = await store.writable()
    seen["read while full"] = await store.get("id") == ONE
    free()
    seen["after"] = [await attempt(store, each) for each in big]
    seen["after writable"] = await store.writable()
    seen["kept"] = [await store.get(each.id) == each for each in [ONE, *big]]
    await store.close()
    print(json.dumps(seen))

asyncio.run(main())
"""

_IN_A_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def _can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    script = "mount -t tmpfs -o size=64k tmpfs /mnt"
    done = subprocess.run([*_IN_A_NAMESPACE, "sh", "-c", script], capture_output=True, check=False)
    return done.returncode == 0


def _run(command: list[str]) -> dict[str, object]:
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, object] = json.loads(done.stdout)
    return seen


def _expect_recovery(seen: dict[str, object], reason: str) -> None:
    assert seen["before"] == "saved"
    assert seen["writable"] is True
    assert seen["full"] == [["store-unavailable", 503, reason]] * 3
    assert seen["read while full"] is True
    assert seen["after"] == ["saved"] * 3
    assert seen["after writable"] is True
    assert seen["kept"] == [True] * 4


def test_a_full_disk_is_named_and_the_store_comes_back_when_there_is_space(tmp_path: Path) -> None:
    if not _can_mount():
        pytest.skip("no unprivileged mount namespace here: a small disk cannot be made")
    script = f'mount -t tmpfs -o size=16m,mode=700 tmpfs "{tmp_path}" && exec "$@"'
    python = [sys.executable, "-c", _FILLS_A_DISK, str(tmp_path / "s.sqlite"), "disk"]
    seen = _run([*_IN_A_NAMESPACE, "sh", "-c", script, "sh", *python])
    _expect_recovery(seen, "disk-full")
    assert seen["full writable"] is False


def test_a_file_that_may_not_grow_is_named_and_may_grow_again(tmp_path: Path) -> None:
    place = str(tmp_path / "store" / "s.sqlite")
    seen = _run([sys.executable, "-c", _FILLS_A_DISK, place, "limit"])
    _expect_recovery(seen, "io-error")


async def test_little_space_is_said_before_there_is_none(place: Path, site_key: SiteKey) -> None:
    store = Store(StoreConfig(place, reserve_bytes=2**62), site_key)
    with pytest.raises(StoreUnavailable) as caught:
        await store.check()
    assert caught.value.reason == "low-space"
    await store.close()


async def test_a_lock_held_elsewhere_is_named_and_ends_with_it(
    place: Path, site_key: SiteKey, consultation: Consultation
) -> None:
    store = Store(StoreConfig(place, lock_timeout_s=0.05), site_key)
    await store.open()
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable) as caught:
        await store.save_consultation(consultation)
    assert caught.value.reason == "locked"
    assert not await store.writable()
    other.execute("COMMIT")
    other.close()
    await store.save_consultation(consultation)
    assert await store.writable()
    await store.close()


async def test_a_disk_that_hangs_is_a_timeout_and_too_much_waiting_is_refused_at_once(
    place: Path, site_key: SiteKey, consultation: Consultation
) -> None:
    config = StoreConfig(place, timeout_s=0.2, lock_timeout_s=2.0, backlog=1)
    store = Store(config, site_key)
    await store.open()
    other = sqlite3.connect(place, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    reasons = set()
    for _ in range(3):
        with pytest.raises(StoreUnavailable) as caught:
            await store.save_consultation(consultation)
        reasons.add(caught.value.reason)
    assert reasons == {"timeout", "backlog"}
    other.execute("ROLLBACK")
    other.close()
    await store.close()


@pytest.mark.parametrize(
    "damage", [b"not a database at all" * 400, b"SQLite format 3\0" + b"\7" * 9000]
)
async def test_a_damaged_file_is_named_and_a_restored_one_is_used(
    place: Path, site_key: SiteKey, consultation: Consultation, damage: bytes
) -> None:
    store = Store(StoreConfig(place), site_key, clock=lambda: consultation.created)
    await store.save_consultation(consultation)
    await store.close()
    backup = place.read_bytes()
    place.write_bytes(damage)
    store = Store(StoreConfig(place), site_key, clock=lambda: consultation.created)
    await store.open()
    with pytest.raises(StoreUnavailable) as caught:
        await store.save_consultation(consultation)
    assert caught.value.reason == "corrupt"
    assert not await store.writable()
    for beside in place.parent.glob("*-*"):
        beside.unlink()
    place.write_bytes(backup)
    assert await store.writable()
    assert await store.get(consultation.id) == consultation
    await store.close()


async def test_a_file_damaged_in_use_does_not_stop_the_service(
    store: Store, place: Path, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    with sqlite3.connect(place) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    with place.open("r+b") as file:
        file.write(b"\xff" * place.stat().st_size)
    for _ in range(2):
        assert not await store.writable()
    with pytest.raises(StoreUnavailable) as caught:
        await store.get(consultation.id)
    assert caught.value.code == "store-unavailable"


async def test_a_store_that_vanishes_begins_anew_rather_than_writing_into_nothing(
    store: Store, place: Path, consultation: Consultation
) -> None:
    await store.save_consultation(consultation)
    shutil.rmtree(place.parent)
    place.parent.mkdir(mode=0o700)
    for _ in range(2):
        await store.writable()
    await store.save_consultation(consultation)
    await store.close()
    with sqlite3.connect(place) as other:
        assert other.execute("SELECT count(*) FROM consultations").fetchone() == (1,)
    other.close()


async def test_a_place_that_cannot_be_made_is_unavailable_until_it_can(
    tmp_path: Path, site_key: SiteKey, consultation: Consultation
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where a folder should be")
    store = Store(StoreConfig(blocked / "s.sqlite"), site_key)
    await store.open()
    with pytest.raises(StoreUnavailable) as caught:
        await store.save_consultation(consultation)
    assert caught.value.reason == "cannot-open"
    blocked.unlink()
    await store.save_consultation(consultation)
    await store.close()


# Whose folder becomes read-only under it: as a mounted disk, or by the rights of its files. Root
# gives up what lets it pass rights by (CAP_DAC_OVERRIDE 1, CAP_DAC_READ_SEARCH 2) before it starts.
_READ_ONLY = """
import asyncio, ctypes, json, os, subprocess, sys
from pathlib import Path
from cds_hooks.audit import SiteKey, Store, StoreConfig, StoreUnavailable

place, how = Path(sys.argv[1]), sys.argv[2]

def obey_rights():
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    sets[0] &= ~0b110
    assert libc.capset(header, sets) == 0

def forbid(written):
    if how == "disk":
        # Of the mount: a file system hands options back that a namespace refuses.
        word = "ro" if written else "rw"
        subprocess.run(["mount", "-o", f"remount,bind,{word}", str(place.parent)], check=True)
        return
    for file in place.parent.iterdir():
        file.chmod(0o400 if written else 0o600)
    place.parent.chmod(0o500 if written else 0o700)

async def main():
    obey_rights() if how == "rights" else None
    store = Store(StoreConfig(place, reserve_bytes=0), SiteKey(bytes(32)))
    await store.open()
    seen = [await store.writable()]
    await store.close()
    forbid(True)
    store = Store(StoreConfig(place, reserve_bytes=0), SiteKey(bytes(32)))
    await store.open()
    try:
        await store.check()
    except StoreUnavailable as error:
        seen.append(error.reason)
    forbid(False)
    seen.append(await store.writable())
    await store.close()
    print(json.dumps({"seen": seen}))

asyncio.run(main())
"""


def test_a_folder_that_may_not_be_written_is_named_and_used_again_when_it_may(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    seen = _run([sys.executable, "-c", _READ_ONLY, str(folder / "s.sqlite"), "rights"])
    assert seen == {"seen": [True, "read-only", True]}


def test_a_read_only_disk_is_named_and_used_again_when_writable(tmp_path: Path) -> None:
    if not _can_mount():
        pytest.skip("no unprivileged mount namespace here: a disk cannot be made read-only")
    script = f'mount -t tmpfs -o size=3m,mode=700 tmpfs "{tmp_path}" && exec "$@"'
    python = [sys.executable, "-c", _READ_ONLY, str(tmp_path / "s.sqlite"), "disk"]
    seen = _run([*_IN_A_NAMESPACE, "sh", "-c", script, "sh", *python])
    assert seen == {"seen": [True, "read-only", True]}


_WRITES_UNTIL_KILLED = """
import asyncio, itertools, sys
from pathlib import Path
from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.consultation import PreparedConsultation
from fhir_mapping.chart import Chart, PatientFacts

async def one(store, number):
    chart = Chart(PatientFacts(), ())
    await store.save_consultation(PreparedConsultation(f"c{number}", "k", "s", 1.0, "p", chart))
    print(f"c{number}", flush=True)

async def main():
    store = Store(StoreConfig(Path(sys.argv[1])), SiteKey(bytes(32)), clock=lambda: 2.0)
    await store.open()
    for start in itertools.count(int(sys.argv[2]), 8):
        await asyncio.gather(*(one(store, start + n) for n in range(8)))

asyncio.run(main())
"""


async def test_what_was_acknowledged_is_there_after_the_process_is_killed(place: Path) -> None:
    acknowledged: list[str] = []
    for start in (0, 100_000, 200_000):
        command = [sys.executable, "-c", _WRITES_UNTIL_KILLED, str(place), str(start)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout is not None
        acknowledged += [process.stdout.readline().strip() for _ in range(40)]
        process.kill()
        acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]
        process.stdout.close()
        process.wait()
    store = Store(StoreConfig(place), SiteKey(bytes(32)), clock=lambda: 2.0)
    missing = [each for each in acknowledged if await store.get(each) is None]
    await store.close()
    assert len(acknowledged) >= 120
    assert missing == []
