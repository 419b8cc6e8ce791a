"""Where the store is, its limits, and how its database is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from cds_hooks.audit.database import Database, DatabaseConfig
from cds_hooks.audit.encryption.erasure import reapply_erasures
from cds_hooks.audit.encryption.site_key import SiteKey

__all__ = ["StoreConfig", "open_database"]


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where records are kept and for how long.

    `place` is a path (SQLite) or an SQLAlchemy URL. `retention_days` is for consultations and
    their cards, `feedback_days` for feedback. `timeout_s` bounds every call, `backlog` the writes
    that may wait; expired records are deleted every `drop_every_s`. `erased_keys` is the file that
    lists erased data keys. Every ledger record has `service_version`; with `plain_users` it has
    user ids in clear.
    """

    place: Path | str
    retention_days: float = 30.0
    timeout_s: float = 5.0
    lock_timeout_s: float = 1.0
    reserve_bytes: int = 16 * 1024 * 1024
    backlog: int = 1000
    drop_every_s: float = 3600.0
    service_version: str = ""
    plain_users: bool = False
    feedback_days: float = 30.0
    erased_keys: Path | None = None


def open_database(config: StoreConfig, key: SiteKey, clock: Callable[[], float]) -> Database:
    """The store's database. Opening a restored backup erases again what was erased since."""
    place = DatabaseConfig(config.place, config.lock_timeout_s, config.reserve_bytes)

    def on_open(connection: Connection) -> None:
        if config.erased_keys:
            reapply_erasures(connection, config.erased_keys, clock())

    return Database(place, key.key_id, on_open)
