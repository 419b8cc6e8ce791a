"""The ledgers that `chartside audit` commands read: an export's folder, or a service's store."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.source import LedgerSource, export_source, store_source
from cds_hooks.audit.store_config import open_database
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.ledger import signing_key
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings

__all__ = ["open_ledger", "public_keys"]


@contextlib.contextmanager
def open_ledger(folder: Path | None, config: Path | None) -> Iterator[LedgerSource]:
    """The export in this folder, or without one the store of the settings."""
    if folder is not None:
        yield export_source(folder)
        return
    with _store(load_settings(config)) as source:
        yield source


@contextlib.contextmanager
def _store(settings: Settings) -> Iterator[LedgerSource]:
    """The ledger in the store of a service, which may be running."""
    key = site_key(settings)
    database = open_database(store_config(settings), key, time.time)
    try:
        with database.read() as connection:
            yield store_source(connection, settings.store.path)
    finally:
        database.close()


def public_keys(given: list[Path], settings: Settings | None) -> tuple[CheckpointVerifier, ...]:
    """The keys to verify with: the given ones, else the settings' own."""
    if given or settings is None:
        return tuple(CheckpointVerifier.load(path) for path in given)
    earlier = (CheckpointVerifier.parse(line.encode()) for line in settings.ledger.earlier_keys)
    return (signing_key(settings).public, *earlier)
