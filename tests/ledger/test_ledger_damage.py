"""A service that verifies its own ledger finds damage and names the first bad record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cds_hooks.audit import SiteKey
from cds_hooks.audit.store_errors import StoreUnavailable
from cds_hooks.cli.application import app
from tests.audit.tampering import execute
from tests.ledger.verifying import BAD, COUNT, opened, verified, verify_of


def run_sql(*statements: str) -> Callable[[Path], None]:
    return lambda kept_site: execute(kept_site / "s.sqlite", *statements)


def edit_byte(kept_site: Path) -> None:
    """One letter of a record in the file itself."""
    place = kept_site / "s.sqlite"
    data = bytearray(place.read_bytes())
    at = data.index(b'"latency":{"total":137}')
    data[data.rindex(b'"answered"', 0, data.index(b"}", at + 30)) + 1] ^= 2
    place.write_bytes(data)


def zero_page(kept_site: Path) -> None:
    """The page of the file that record 137 is on."""
    place = kept_site / "s.sqlite"
    data = bytearray(place.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    begin = data.index(b'"latency":{"total":137}') // size * size
    data[begin : begin + size] = bytes(size)
    place.write_bytes(data)


def cut_file(kept_site: Path) -> None:
    place = kept_site / "s.sqlite"
    data = place.read_bytes()
    last = data.index(b'"latency":{"total":%d}' % (COUNT - 1))
    place.write_bytes(data[: last // 4096 * 4096])


DAMAGES: dict[str, tuple[Callable[[Path], None], int, str]] = {
    "a record's byte": (edit_byte, BAD, "hash-differs"),
    "a record that became text": (
        run_sql(f"UPDATE ledger SET record = CAST(record AS TEXT) WHERE seq = {BAD}"),
        BAD,
        "hash-differs",
    ),
    "a leaf hash": (
        run_sql(f"UPDATE ledger SET leaf_hash = zeroblob(32) WHERE seq = {BAD}"),
        BAD,
        "hash-differs",
    ),
    "a type": (run_sql(f"UPDATE ledger SET type = 'x' WHERE seq = {BAD}"), BAD, "copy-differs"),
    "a deleted row": (run_sql(f"DELETE FROM ledger WHERE seq = {BAD}"), BAD, "out-of-sequence"),
    "two swapped rows": (
        run_sql(
            f"UPDATE ledger SET seq = -1 WHERE seq = {BAD}",
            f"UPDATE ledger SET seq = {BAD} WHERE seq = 300",
            "UPDATE ledger SET seq = 300 WHERE seq = -1",
        ),
        BAD,
        "out-of-sequence",
    ),
    "a deleted tail": (run_sql("DELETE FROM ledger WHERE seq >= 480"), 480, "truncated"),
    "a deleted tail that was signed": (
        run_sql("DELETE FROM ledger WHERE seq >= 400"),
        400,
        "truncated",
    ),
    "a row beyond the head": (
        run_sql(f"UPDATE ledger_head SET size = {COUNT - 3}"),
        COUNT - 3,
        "beyond-head",
    ),
    "no head": (run_sql("DELETE FROM ledger_head"), COUNT, "head-missing"),
    "an inner node": (
        run_sql("UPDATE ledger_nodes SET hash = zeroblob(32) WHERE level = 3 AND position = 20"),
        160,
        "node-differs",
    ),
    "a missing node": (run_sql("DELETE FROM ledger_nodes WHERE level = 0 OR level = 8"), 0,
                       "node-differs"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_found_and_verify_says_the_same(kept_site: Path, damage: str) -> None:
    do, seq, code = DAMAGES[damage]
    do(kept_site)
    async with opened(kept_site / "s.sqlite", SiteKey.load(kept_site / "site.key")) as store:
        found = await verified(store)
    assert found.trouble == found.keeps_from_ready == f"ledger-damaged: record {seq} ({code})"
    assert await asyncio.to_thread(verify_of, kept_site) == (seq, code)


async def test_a_page_of_zeros_is_found_at_its_first_record(kept_site: Path) -> None:
    zero_page(kept_site)
    async with opened(kept_site / "s.sqlite", SiteKey.load(kept_site / "site.key")) as store:
        found = await verified(store)
    seq, code = await asyncio.to_thread(verify_of, kept_site)
    assert found.trouble == f"ledger-damaged: record {seq} ({code})"
    assert (code, BAD - 20 < seq <= BAD) == ("unreadable", True)


async def test_a_file_that_was_cut_is_found(kept_site: Path) -> None:
    cut_file(kept_site)
    async with opened(kept_site / "s.sqlite", SiteKey.load(kept_site / "site.key")) as store:
        assert (await verified(store)).trouble == "ledger-damaged: database-damaged"
    options = ["audit", "verify", "--config", str(kept_site / "chartside.toml")]
    result = await asyncio.to_thread(CliRunner().invoke, app, options)
    assert isinstance(result.exception, StoreUnavailable)
    assert result.exception.reason == "corrupt"


async def test_damage_beside_the_records_is_found(kept_site: Path) -> None:
    """An index that lacks a row: no record is wrong, and a query would miss one."""
    place = kept_site / "s.sqlite"
    edit = "UPDATE sqlite_master SET sql = replace(sql, '(type, seq)', '(seq, type)')"
    where = "WHERE name = 'ledger_by_type'"
    execute(place, "PRAGMA writable_schema = ON", f"{edit} {where}")
    async with opened(place, SiteKey.load(kept_site / "site.key")) as store:
        assert (await verified(store)).trouble == "ledger-damaged: database-damaged"
    assert (await asyncio.to_thread(verify_of, kept_site)) == (COUNT, "database-damaged")
