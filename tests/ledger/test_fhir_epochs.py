"""A restore beside a FHIR server as witness: quoted from there, and the epoch copied there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cds_hooks.audit.ledger import checkpoint
from cds_hooks.audit.ledger.fhir_witness import notes_of
from cds_hooks.cli.application import app
from tests.ledger.test_fhir_witness import Faulty, Site, faulty, until

__all__ = ["faulty"]


def told(site: Site, *words: str, expect: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["audit", *words, "--config", str(site.config), "--json"])
    assert result.exit_code == expect, (result.output, result.exception)
    found: dict[str, Any] = json.loads(result.output)
    return found


def orders(server: Faulty) -> list[tuple[int, int]]:
    return [checkpoint.parse(next(notes_of(each))).order for each in server.stored]


async def run(site: Site, server: Faulty, events: int) -> None:
    """One run whose last checkpoint is at the server before it ends."""
    async with site.running() as (ledger, store):
        for _ in range(events):
            await store.record_event("event")
        await ledger.sign()
        size = len(await store.ledger.checkpoints())
        assert size
        await until(lambda: ledger._signed in {size for _, size in orders(server)[-20:]})
        assert ledger.trouble == ""


async def test_a_restore_quotes_the_server_and_its_epoch_is_copied_there(
    faulty: Faulty, tmp_path: Path
) -> None:
    site, copy = Site(tmp_path, faulty.base), tmp_path / "copy.sqlite"
    await run(site, faulty, 3)
    await asyncio.to_thread(told, site, "backup", "--to", str(copy))
    await run(site, faulty, 30)
    largest = max(orders(faulty))
    (tmp_path / "s.sqlite").unlink()  # what it had signed only the server knows
    words = ("restore", "--from", str(copy), "--reason", "the disk failed")
    faulty.status = 503
    result = await asyncio.to_thread(
        CliRunner().invoke, app, ["audit", *words, "--config", str(site.config)]
    )
    assert getattr(result.exception, "code", "") == "witness-failed"
    assert not (tmp_path / "s.sqlite").exists()
    faulty.status = 0
    done = await asyncio.to_thread(told, site, *words)
    assert done["epoch"] == 2
    assert (done["given_up"][0]["epoch"], done["given_up"][0]["size"]) == largest
    await run(site, faulty, 2)  # fewer records than the server had before
    assert [order for order in orders(faulty) if order[0] == 2]
    assert "/epoch-2/" in faulty.stored[-1]["identifier"][0]["value"]
    found = await asyncio.to_thread(told, site, "verify", "--witness-fhir")
    assert [each["epoch"] for each in found["epochs"]] == [2]
    assert found["epochs"][0]["superseded"][0]["witnessed"]
