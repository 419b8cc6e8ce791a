"""`chartside audit verify | prove | query | export | keygen`, as a reviewer and a site use them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.cli.application import app
from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.ledger import Ledger
from tests.ledger.sites import SERVER, Site, begin, run, told


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("site"))
    asyncio.run(begin(made, "1", "a" * 64, 10))
    types = asyncio.run(begin(made, "1", "b" * 64, 0))
    assert types.count("service-started") == types.count("service-stopped") == 2
    assert types.count("model-changed") == 1
    run("export", made.export, "--config", made.config)
    return made


def test_an_export_is_verified_with_the_public_key_alone(site: Site) -> None:
    key = site.export / "ledger.pub"
    found = told("verify", site.export, "--public-key", key)
    assert found["whole"]
    assert found["covered"] == found["records"] > 10
    assert found["checkpoints"] >= 2
    with_witness = told("verify", site.export, "--public-key", key, "--witness", site.witness)
    assert with_witness["witnessed"]
    assert told("verify", "--config", site.config, "--witness", site.witness)["whole"]
    of_the_settings = told("verify", "--config", site.config)
    assert of_the_settings["witnessed"]
    assert of_the_settings["whole"]


def test_the_public_key_that_is_handed_over_is_the_one_that_signed(
    site: Site, tmp_path: Path
) -> None:
    line = run("public-key", "--config", site.config)
    assert line == (site.export / "ledger.pub").read_text()
    assert told("public-key", "--config", site.config)["public_key"] == line.strip()
    given = tmp_path / "key.pub"
    given.write_text(line)
    assert told("verify", site.export, "--public-key", given)["whole"]


def test_without_a_key_of_ones_own_an_export_is_not_verified(site: Site) -> None:
    result = CliRunner().invoke(app, ["audit", "verify", str(site.export)])
    assert result.exit_code
    assert isinstance(result.exception, ChartsideError)


def test_the_first_bad_record_is_printed_and_the_exit_code_tells(
    site: Site, tmp_path: Path
) -> None:
    lines = (site.export / "records.ndjson").read_bytes().splitlines(keepends=True)
    changed = tmp_path / "changed"
    changed.mkdir()
    for name in ("checkpoints.ndjson", "ledger.pub"):
        (changed / name).write_bytes((site.export / name).read_bytes())
    key = changed / "ledger.pub"
    place = changed / "records.ndjson"
    place.write_bytes(b"".join([*lines[:4], lines[4].replace(b"2026", b"2025"), *lines[5:]]))
    assert told("verify", changed, "--public-key", key, expect=1)["first_bad"] == 4
    assert "4" in run("verify", changed, "--public-key", key, expect=1)
    place.write_bytes(b"".join(lines[:-1]))
    (changed / "checkpoints.ndjson").write_bytes(b"")
    options = ("--public-key", key, "--witness", site.witness)
    found = told("verify", changed, *options, expect=1)
    assert (found["code"], found["first_bad"]) == ("truncated", len(lines) - 1)


def test_a_store_that_was_written_into_is_found(site: Site, tmp_path: Path) -> None:
    with sqlite3.connect(site.store) as connection:
        whole = connection.execute("SELECT record FROM ledger WHERE seq = 3").fetchone()[0]
        connection.execute(
            "UPDATE ledger SET record = ? WHERE seq = 3", (whole.replace(b"2026", b"2025"),)
        )
    try:
        connection.commit()
        assert told("verify", "--config", site.config, expect=1)["first_bad"] == 3
    finally:
        connection.execute("UPDATE ledger SET record = ? WHERE seq = 3", (whole,))
        connection.commit()
        connection.close()
    assert told("verify", "--config", site.config)["whole"]


def test_a_proof_is_the_same_from_store_and_export_and_is_verified_alone(
    site: Site, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    run("prove", 5, "--config", site.config, "--output", one)
    run("prove", 5, "--export", site.export, "--output", two)
    assert one.read_bytes() == two.read_bytes()
    found = told("verify", one, "--public-key", site.export / "ledger.pub")
    assert (found["seq"], found["whole"]) == (5, True)
    earlier = min(site.witness.iterdir())
    run("prove", 5, "--config", site.config, "--since", earlier, "--output", two)
    assert told("verify", two, "--public-key", site.export / "ledger.pub")["whole"]


def test_who_saw_which_patients_data_when(site: Site) -> None:
    patient = ("--patient", "pat-1", "--server", SERVER, "--config", site.config)
    lines = run("query", *patient, "--json").splitlines()
    assert len(lines) == 2
    assert all("pat-1" not in line for line in lines)
    assert len(run("query", *patient, "--export", site.export, "--json").splitlines()) == 2
    other = ("--patient", "pat-1", "--server", "https://other.example/r4")
    assert run("query", *other, "--config", site.config, "--json") == ""
    both = ("--user", "Practitioner/1", "--config", site.config)
    assert len(run("query", *both, "--json").splitlines()) == 5
    some = ("--since", "2026-11-12", "--until", "2026-11-13", "--type", "hook-answered")
    assert len(run("query", *some, "--config", site.config, "--json").splitlines()) == 2
    table = run("query", *patient)
    assert "2 records" in table
    assert all(json.loads(line)["recorded"] in table for line in lines)  # not cut off


def test_a_change_is_told_with_what_was_before_and_after(site: Site) -> None:
    table = " ".join(run("query", "--type", "model-changed", "--config", site.config).split())
    assert "before:" in table
    assert "now:" in table
    assert "1 record" in table
    assert "client" not in table  # a column that nothing fills


def test_an_export_counts_what_no_checkpoint_covers_yet(site: Site, tmp_path: Path) -> None:
    assert told("export", tmp_path / "whole", "--config", site.config)["newer"] == 0
    newest = "FROM ledger_checkpoints ORDER BY size DESC LIMIT 1"
    with sqlite3.connect(site.store) as connection:
        size, note = connection.execute(f"SELECT size, note {newest}").fetchone()
        connection.execute("DELETE FROM ledger_checkpoints WHERE size = ?", (size,))
    try:
        found = told("export", tmp_path / "short", "--config", site.config)
        assert found["records"] + found["newer"] == size
        assert found["newer"] > 0
    finally:
        connection.execute("INSERT INTO ledger_checkpoints VALUES (?, ?)", (size, note))
        connection.commit()
        connection.close()


def test_the_page_loads_nothing_and_runs_nothing(site: Site) -> None:
    page = (site.export / "index.html").read_text()
    assert "default-src 'none'" in page
    for word in ("<script", "src=", "http://", "@import", "url("):
        assert word not in page


def test_a_key_is_made_once_and_only_its_public_half_is_shown(tmp_path: Path) -> None:
    place = tmp_path / "keys" / "ledger.key"
    line = run("keygen", place, "--name", "cds.example").strip()
    assert line.startswith("cds.example+")
    assert place.stat().st_mode & 0o077 == 0
    assert "PRIVATE" not in line
    result = CliRunner().invoke(app, ["audit", "keygen", str(place)])
    assert isinstance(result.exception, ChartsideError)


async def test_a_witness_that_cannot_be_written_is_told_and_catches_up(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.witness.rmdir()
    settings = site.settings()
    key = SiteKey.load(settings.store.site_key, create=True)
    store = Store(StoreConfig(site.store), key)
    ledger = Ledger(settings, store, key.key_id)
    await store.open()
    for _ in range(2):
        await store.record_event("event")
        await ledger.sign()
        assert ledger.trouble == "witness-failed"
    site.witness.mkdir()
    await ledger.sign()
    assert ledger.trouble == ""
    assert len(list(site.witness.iterdir())) == 2
    await store.close()
