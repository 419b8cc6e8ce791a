"""A start is recorded once, however often its signing fails; `trouble` says why it does."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from cds_hooks.audit import Store, StoreConfig
from cds_hooks.audit.backup import create_backup
from cds_hooks.audit.ledger import checkpoint
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.site_key_lookup import find_site_key
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.cli.application import app
from cds_hooks.runtime import ledger as ledger_module
from cds_hooks.runtime.ledger import signing_key
from tests.ledger.starts import Site, records, until

STARTED = "service-started"


@pytest.fixture(autouse=True)
def _in_quick_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("_LOOK_S", 0.01), ("_PAUSE_S", 0.01), ("_LONGEST_PAUSE_S", 0.04)):
        monkeypatch.setattr(ledger_module, name, seconds)


class Signings:
    """Counts how often signing is tried."""

    def __init__(self) -> None:
        self.count = 0

    def watch(self, store: Store) -> None:
        asked = store.ledger.next_checkpoint

        async def counted(*words: Any) -> Any:
            self.count += 1
            return await asked(*words)

        store.ledger.next_checkpoint = counted  # type: ignore[method-assign]


def longer_history(site: Site, witness: Path) -> Path:
    """A checkpoint at the witness that the ledger does not reach, with our own signature."""
    settings = site.settings(ledger=f'witness_folder = "{witness}"\n')
    key = signing_key(settings)
    note = checkpoint.sign(Checkpoint(settings.ledger.name, 1_000_000, bytes(32)), key)
    place = witness / "checkpoint-0000000001000000.note"
    place.write_text(note)
    return place


async def test_a_signing_that_always_fails_makes_no_second_record(tmp_path: Path) -> None:
    site, tried = Site(tmp_path), Signings()
    longer_history(site, tmp_path)
    settings = site.settings(ledger=f'witness_folder = "{tmp_path}"\nevery_s = 0.01\n')
    async with site.started(settings, change=tried.watch) as (ledger, store):
        await until(lambda: ledger.trouble == "ledger-forked")
        before = await records(store)
        await until(lambda: tried.count >= 12)
        assert await records(store) == before
        assert ledger.trouble == "ledger-forked"
        assert [each["type"] for each in before].count(STARTED) == 1
        assert await store.ledger.checkpoints() == []


async def test_a_signing_that_recovers_signs_the_one_record(tmp_path: Path) -> None:
    site, tried = Site(tmp_path), Signings()
    longer = longer_history(site, tmp_path)
    settings = site.settings(ledger=f'witness_folder = "{tmp_path}"\n')
    async with site.started(settings, change=tried.watch) as (ledger, store):
        await until(lambda: tried.count >= 3 and ledger.trouble == "ledger-forked")
        longer.unlink()
        await until(lambda: ledger.trouble == "")
        assert len(await records(store, STARTED)) == 1
        notes = await store.ledger.checkpoints()
        assert [checkpoint.parse(note).size for note in notes] == [len(await records(store))]


async def test_a_store_that_cannot_be_read_for_signing_is_told_by_its_reason(
    tmp_path: Path,
) -> None:
    site, broken = Site(tmp_path), [True]

    def break_reading(store: Store) -> None:
        asked = store.ledger.next_checkpoint

        async def refused(*words: Any) -> Any:
            if broken:
                raise StoreUnavailable("ledger-broken")
            return await asked(*words)

        store.ledger.next_checkpoint = refused  # type: ignore[method-assign]

    async with site.started(site.settings(), change=break_reading) as (ledger, store):
        await until(lambda: ledger.trouble == "ledger-broken")
        broken.clear()
        await until(lambda: ledger.trouble == "")
        assert len(await records(store, STARTED)) == 1


@pytest.mark.parametrize("is_written", [True, False])
async def test_a_record_whose_writing_fails_is_made_once(tmp_path: Path, is_written: bool) -> None:
    """Also where the write took too long and was made all the same."""
    site, tries = Site(tmp_path), []

    def fail_at_first(store: Store) -> None:
        append = store.ledger.append

        async def slow(type_: str, /, **fields: Any) -> None:
            if type_ == STARTED:
                tries.append(type_)
            fails = type_ == STARTED and len(tries) <= 3
            if not fails or (is_written and len(tries) == 1):
                await append(type_, **fields)
            if fails:
                raise StoreUnavailable("timeout")

        store.ledger.append = slow  # type: ignore[method-assign]

    async def further(store: Store) -> None:
        await store.record_event("further")

    settings = site.settings()
    async with site.started(settings, more=(further,), change=fail_at_first) as (ledger, store):
        await until(lambda: bool(tries) and ledger.trouble == "" and ledger._signed > 0)
        types = [each["type"] for each in await records(store)]
    assert len(tries) == (1 if is_written else 4)
    assert types == ["running", STARTED, "further"]


async def test_after_a_copy_put_back_by_hand_the_start_is_on_record_once_and_the_fork_is_told(
    tmp_path: Path,
) -> None:
    site, tried = Site(tmp_path), Signings()
    witness = tmp_path / "witness"
    witness.mkdir()
    settings = site.settings(ledger=f'witness_folder = "{witness}"\nevery_s = 0.01\n')
    async with site.started(settings) as (ledger, _):
        await until(lambda: ledger._signed > 0)
    key = find_site_key(settings.store.site_key, create=False).key
    keys, config = (signing_key(settings).public,), StoreConfig(site.store)
    create_backup(config, key, tmp_path / "copy.sqlite", keys)
    async with site.started(settings) as (ledger, store):
        for _ in range(20):
            await store.record_event("event")
        await ledger.sign()
    shutil.copy(tmp_path / "copy.sqlite", site.store)
    async with site.started(settings, change=tried.watch) as (ledger, store):
        await until(lambda: tried.count >= 8 and ledger.trouble == "ledger-forked")
        types = [each["type"] for each in await records(store)]
    assert types.count(STARTED) == 2  # the one of the backup, and this one
    assert types[-1] == STARTED
    # With a folder of its own for what follows it is signed again, and that this was done as well.
    second = tmp_path / "witness-2"
    second.mkdir()
    now = site.settings(ledger=f'witness_folder = "{second}"\nevery_s = 0.01\n')
    async with site.started(now) as (ledger, store):
        await until(lambda: ledger._signed > 0 and ledger.trouble == "")
        (told,) = await records(store, "settings-changed")
        assert told["details"]["changed"] == {
            "ledger.witness_folder": {"before": f'"{witness}"', "now": f'"{second}"'}
        }
    words = ["audit", "verify", "--config", str(tmp_path / "chartside.toml"), "--json"]
    for folder, whole in ((second, True), (witness, False)):
        result = CliRunner().invoke(app, [*words, "--witness", str(folder)])
        assert orjson.loads(result.output)["whole"] is whole
