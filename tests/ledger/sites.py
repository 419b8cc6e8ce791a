"""A site with a ledger, and the commands that a reviewer runs on it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.ledger import storage
from cds_hooks.cli.application import app
from cds_hooks.runtime.ledger import Ledger
from cds_hooks.settings import Settings, load_settings

__all__ = ["SERVER", "Site", "begin", "run", "told"]

SERVER = "https://fhir.example/r4"


class Site:
    """A site with a ledger of two starts and some events, its export and its witness."""

    def __init__(self, folder: Path) -> None:
        self.witness, self.export = folder / "witness", folder / "export"
        self.config = folder / "chartside.toml"
        self.store = folder / "records" / "s.sqlite"
        self.witness.mkdir()
        self.config.write_text(
            f'[store]\npath = "{self.store}"\nsite_key = "{folder}/keys/site.key"\n'
            f'[ledger]\nwitness_folder = "{self.witness}"\n'
        )

    def settings(self) -> Settings:
        return load_settings(self.config, {})


def run(*arguments: object, expect: int = 0) -> str:
    result = CliRunner().invoke(app, ["audit", *(str(each) for each in arguments)])
    assert result.exit_code == expect, result.output
    return result.output


def told(*arguments: object, expect: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--json", expect=expect))
    return found


async def begin(site: Site, version: str, model: str, events: int) -> list[str]:
    """One run of a service; the types of all records so far."""
    settings = site.settings()
    key = SiteKey.load(settings.store.site_key, create=True)
    store = Store(
        StoreConfig(site.store), key, observer=lambda commit: ledger.committed(commit.ledger_size)
    )
    ledger = Ledger(settings, store, key.key_id)
    await store.open()
    before = len(await store.ledger.checkpoints())
    async with ledger.kept(lambda: {"version": version, "model_sha256": model}):
        while len(await store.ledger.checkpoints()) == before:  # noqa: ASYNC110 - its start is signed
            await asyncio.sleep(0.02)
        for number in range(events):
            await store.record_event(
                "hook-answered",
                user_id=f"Practitioner/{number % 2}",
                patient_id=f"pat-{number % 5}",
                fhir_server=SERVER,
                recorded=f"2026-11-{10 + number:02}T10:00:00.000Z",
            )
    assert ledger.trouble == ""
    rows = await store._transactions.read(
        lambda c: [json.loads(row.record) for row in storage.records(c)]
    )
    await store.close()
    return [row["type"] for row in rows]
