"""Where the store is, its limits, and how its database is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from cds_hooks.audit.database import Database, DatabaseConfig
from cds_hooks.audit.encryption.erasure import reapply_erasures
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.store_settings import RetentionSettings

__all__ = ["StoreConfig", "open_database"]


@dataclass(frozen=True, slots=True)
class StoreConfig(DatabaseConfig):
    """Where records are kept and for how long.

    `timeout_s` bounds every call, `backlog` the writes that may wait; expired records are deleted
    every `drop_every_s`. `erased_keys` is the file that lists erased data keys. Every ledger record
    has `service_version`; with `plain_users` it has user ids in clear.
    """

    retention: RetentionSettings = field(default_factory=RetentionSettings)
    timeout_s: float = 5.0
    backlog: int = 1000
    drop_every_s: float = 3600.0
    service_version: str = ""
    plain_users: bool = False
    erased_keys: Path | None = None


def open_database(config: StoreConfig, key: SiteKey, clock: Callable[[], float]) -> Database:
    """The store's database. Opening a restored backup erases again what was erased since."""

    def on_open(connection: Connection) -> None:
        if config.erased_keys:
            reapply_erasures(connection, config.erased_keys, clock())

    return Database(config, key.key_id, on_open)
