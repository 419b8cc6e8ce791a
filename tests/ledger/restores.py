"""A site whose store is backed up, restored, and started again."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from typer.testing import CliRunner

from cds_hooks.audit import SiteKey, Store, StoreConfig
from cds_hooks.audit.backup import create_backup
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner
from cds_hooks.audit.ledger.epoch_start import NewEpoch
from cds_hooks.audit.ledger.witness import FolderWitness
from cds_hooks.audit.restore import RestoreResult, restore_backup, restore_in_place
from cds_hooks.audit.site_key_lookup import find_site_key
from cds_hooks.cli.application import app
from cds_hooks.runtime.ledger import Ledger, signing_key, witnesses
from cds_hooks.settings import Settings
from tests.ledger.starts import Site, until

__all__ = ["RestoredSite"]


class RestoredSite:
    """One folder with a store, a witness and copies. `pause_s` pass before each restore, so that
    the heartbeat of a service that was stopped is old."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, Site(folder)
        self.witness = folder / "witness"
        self.witness.mkdir(exist_ok=True)
        self.later_s, self.pause_s = 0.0, 3600.0

    def settings(self) -> Settings:
        return self.site.settings(ledger=f'witness_folder = "{self.witness}"\nevery_s = 0.01\n')

    @property
    def key(self) -> SiteKey:
        return find_site_key(self.settings().store.site_key, create=False).key

    @property
    def signer(self) -> CheckpointSigner:
        return signing_key(self.settings())

    def clock(self) -> float:
        return time.time() + self.later_s

    @asynccontextmanager
    async def started(
        self, change: Callable[[Store], None] = lambda _store: None
    ) -> AsyncIterator[tuple[Ledger, Store]]:
        """The service's ledger, once it was compared with the witness."""
        async with self.site.started(self.settings(), change=change) as (ledger, store):
            await ledger.compared()
            yield ledger, store

    async def run(self, events: int) -> None:
        """One run of the service with so many events, all signed at the end."""
        async with self.started() as (ledger, store):
            await until(lambda: ledger.trouble == "" and ledger._signed > 0)
            for _ in range(events):
                await store.record_event("event")
        assert ledger.trouble == ""

    def back_up(self, name: str = "copy.sqlite") -> Path:
        create_backup(
            StoreConfig(self.site.store), self.key, self.folder / name, (self.signer.public,)
        )
        return self.folder / name

    def new(self, reason: str = "the disk failed", **changes: Any) -> NewEpoch:
        known = [list(FolderWitness(self.witness).notes())]
        words = {"known": known, "user": {"user_ref": "os-user/op"}, **changes}
        return NewEpoch(reason, self.signer, (self.signer.public,), **words)

    def restore(self, copy: Path, **changes: Any) -> RestoreResult:
        """Restore a copy as the command does, an hour later."""
        self.later_s += self.pause_s
        done = restore_backup(
            copy,
            StoreConfig(self.site.store),
            self.key,
            self.new(**changes),
            replace_store=True,
            clock=self.clock,
        )
        self.copy_note(done)
        return done

    def restore_in_place(self, **changes: Any) -> RestoreResult:
        self.later_s += self.pause_s
        config = StoreConfig(self.site.store)
        done = restore_in_place(config, self.key, self.new(**changes), clock=self.clock)
        self.copy_note(done)
        return done

    def copy_note(self, done: RestoreResult) -> None:
        for witness in witnesses(self.settings()):
            witness.keep(done.restored.begin.seq + 1, done.restored.note)

    def verified(self, *words: object, expect: int = 0) -> dict[str, Any]:
        """What `audit verify` of the store says with the witness."""
        told = ["audit", "verify", "--witness", str(self.witness), "--json", *map(str, words)]
        if not any(str(each) == "--public-key" for each in words):
            told += ["--config", str(self.folder / "chartside.toml")]
        result = CliRunner().invoke(app, told)
        assert result.exit_code == expect, result.output
        found: dict[str, Any] = orjson.loads(result.output)
        return found
