"""When a service verifies its own ledger, how far it goes, and what it tells."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from cds_hooks.audit import SiteKey
from cds_hooks.audit.ledger import stored_ledger
from cds_hooks.audit.ledger.ledger_settings import LedgerSettings
from cds_hooks.consultation import Consultation
from cds_hooks.runtime.self_verification import SelfVerification
from tests.audit.tampering import execute, rows
from tests.ledger.ledgers import KEY
from tests.ledger.restores import RestoredSite
from tests.ledger.starts import until
from tests.ledger.verifying import (
    BAD,
    COUNT,
    DAY_S,
    Clock,
    append,
    fill,
    later,
    opened,
    sign,
    verified,
    verify_of,
)


async def test_a_checkpoint_that_nobody_signed_is_found(kept_site: Path) -> None:
    place = kept_site / "s.sqlite"
    execute(place, "UPDATE ledger_checkpoints SET note = replace(note, 'Z', 'X') WHERE size = 200")
    async with opened(place, SiteKey.load(kept_site / "site.key")) as store:
        found = await verified(store)
    assert found.trouble == "ledger-damaged: record 90 (signature)"
    assert (await asyncio.to_thread(verify_of, kept_site))[1] == "signature"


async def test_what_was_verified_is_looked_at_again_after_a_week_and_no_sooner(
    kept_site: Path,
) -> None:
    place, clock = kept_site / "s.sqlite", Clock()
    async with opened(place, SiteKey.load(kept_site / "site.key")) as store:
        registry = CollectorRegistry()
        first = await verified(store, clock)
        assert first.told.startswith(f"ok: {COUNT} records")
        execute(place, f"UPDATE ledger SET leaf_hash = zeroblob(32) WHERE seq = {BAD}")
        clock.now += DAY_S
        # Another process goes on where that one was.
        again = SelfVerification(
            LedgerSettings(when_damaged="ready"), store, [KEY.public], clock=clock
        )
        registry.register(again)
        async with again.kept():
            await until(lambda: "the new 0 s ago" in again.told, 60)
            page = generate_latest(registry).decode()
            assert 'chartside_ledger_verified_age_seconds{records="all"} 86400.0' in page
            assert 'chartside_ledger_verified_age_seconds{records="new"} 0.0' in page
            assert "chartside_ledger_damaged 0.0" in page
        clock.now += 6 * DAY_S
        await again._verify()
        assert again.told == f"ledger-damaged: record {BAD} (hash-differs)"
        assert again.keeps_from_ready == ""
        page = generate_latest(registry).decode()
        assert "chartside_ledger_damaged 1.0" in page
        assert 'chartside_ledger_verified_age_seconds{records="all"} 604800.0' in page


async def test_new_records_are_verified_at_each_start(kept_site: Path) -> None:
    place, clock = kept_site / "s.sqlite", Clock()
    async with opened(place, SiteKey.load(kept_site / "site.key")) as store:
        await verified(store, clock)
        await append(store, COUNT)
        clock.now += 60
        execute(place, f"UPDATE ledger SET record = x'7b7d' WHERE seq = {COUNT - 1}")
        found = await verified(store, clock)
        assert found.trouble == f"ledger-damaged: record {COUNT - 1} (hash-differs)"


async def test_what_was_mended_is_well_again(kept_site: Path) -> None:
    place = kept_site / "s.sqlite"
    async with opened(place, SiteKey.load(kept_site / "site.key")) as store:
        execute(place, "UPDATE ledger_head SET size = size + 2")
        found = await verified(store)
        assert found.trouble == f"ledger-damaged: record {COUNT} (truncated)"
        execute(place, "UPDATE ledger_head SET size = size - 2")
        await found._verify()
        assert found.trouble == ""
        assert found.told.startswith("ok")


async def test_a_ledger_that_grows_meanwhile_is_whole(kept_site: Path) -> None:
    async with opened(kept_site / "s.sqlite", SiteKey.load(kept_site / "site.key")) as store:

        async def grow() -> None:
            for number in range(60):
                await append(store, number)
                if number % 7 == 0:
                    await sign(store)

        growing = asyncio.create_task(grow())
        while not growing.done():
            assert (await verified(store)).trouble == ""
        await growing
        # What another process wrote of itself is not believed.
        garbled = """UPDATE store_metadata SET value = '{"size": 7, "at": 3}'"""
        execute(kept_site / "s.sqlite", f"{garbled} WHERE name = 'ledger-verified'")
        assert (await verified(store)).told.startswith(f"ok: {COUNT + 60} records")


async def test_a_restored_ledger_is_whole_wherever_a_slice_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record of a restore and the first checkpoint of its epoch belong together."""
    monkeypatch.setattr(stored_ledger, "AT_ONCE", 1)
    site = RestoredSite(tmp_path)
    await site.run(3)
    site.back_up()
    await site.run(3)
    site.restore(tmp_path / "copy.sqlite")
    async with site.started() as (ledger, store):
        found = SelfVerification(LedgerSettings(), store, ledger.keys)
        async with found.kept():
            await until(lambda: bool(found.trouble) or "all 0 s ago" in found.told, 60)
        assert found.trouble == ""


async def test_consultations_are_compared_with_what_the_ledger_attests(
    kept_site: Path, consultation: Consultation
) -> None:
    place = kept_site / "s.sqlite"
    async with opened(place, SiteKey.load(kept_site / "site.key")) as store:
        await store.save_consultation(consultation)
        assert (await verified(store)).trouble == ""
        key = rows(place, "SELECT id FROM data_keys")[0][0]
        execute(place, "UPDATE data_keys SET id = 'another'")
        found = await verified(store, later())
        assert found.trouble == f"ledger-damaged: record {COUNT} (data-key-missing)"
        execute(place, "UPDATE data_keys SET id = :key", key=key)
        execute(place, "UPDATE consultations SET payload = zeroblob(9)")
        found = await verified(store, later())
        assert found.trouble == f"ledger-damaged: record {COUNT} (earlier-state)"
    assert await asyncio.to_thread(verify_of, kept_site) == (COUNT, "earlier-state")


async def test_any_database(where: Path | str, site_key: SiteKey) -> None:
    """The same on PostgreSQL, whose rows somebody changed."""
    async with opened(where, site_key) as store:
        await fill(store)
        assert (await verified(store)).told.startswith(f"ok: {COUNT} records")
        for statement, seq, code in (
            (f"UPDATE ledger SET leaf_hash = record WHERE seq = {BAD}", BAD, "hash-differs"),
            (f"DELETE FROM ledger WHERE seq = {BAD - 1}", BAD - 1, "out-of-sequence"),
            ("DELETE FROM ledger WHERE seq >= 80", 80, "truncated"),
        ):
            execute(where, statement)
            found = await verified(store, later())
            assert found.trouble == f"ledger-damaged: record {seq} ({code})"


@pytest.mark.parametrize("at", ["1000000000.0", '"x"'])
async def test_nobody_without_the_key_says_that_all_was_verified(kept_site: Path, at: str) -> None:
    """What is remembered is in clear: whoever can write into the database can write it."""
    place = kept_site / "s.sqlite"
    async with opened(place, SiteKey.load(kept_site / "site.key")) as store:
        await verified(store)
        execute(place, f"UPDATE ledger SET leaf_hash = zeroblob(32) WHERE seq = {BAD}")
        told = f'{{"size": {COUNT}, "at": {at}, "all_at": {at}, "all_since": 0.0}}'
        execute(place, f"UPDATE store_metadata SET value = '{told}' WHERE name = 'ledger-verified'")
        found = await verified(store)
    assert found.told == f"ledger-damaged: record {BAD} (hash-differs)"


async def test_what_fails_in_an_unexpected_way_is_not_told_as_whole(
    kept_site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(kept_site / "s.sqlite", SiteKey.load(kept_site / "site.key")) as store:
        found = await verified(store)

        async def fails(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(found._store, "advance", fails)
        await found._verify()
    assert found.keeps_from_ready == f"ledger-damaged: record {COUNT} (verification-failed)"
