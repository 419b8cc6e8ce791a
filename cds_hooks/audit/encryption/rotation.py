"""Rotating the site key: every data key is wrapped again, in one transaction.

Killed at any moment, the store belongs to the old key or to the new one, never to both. The data
keys themselves stay, so no payload is written again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select, update

from cds_hooks.audit import tables
from cds_hooks.audit.encryption import data_keys
from cds_hooks.audit.encryption.site_key import KeyRefused, SiteKey
from cds_hooks.private_files import write_private

__all__ = ["load_or_create_successor", "require_successor", "rewrap_data_keys"]

_BATCH = 500
_ROTATION_LOCK = (
    "SET LOCAL lock_timeout = '60s'",
    "SET LOCAL statement_timeout = '120s'",
    "LOCK TABLE data_keys IN EXCLUSIVE MODE",
)


def rewrap_data_keys(
    connection: Connection,
    old: SiteKey,
    new: SiteKey,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> int:
    """Wrap all data keys with the new site key; returns how many there were.

    `progress` is called with how many are done, and of how many. Raises StoreRefused,
    RecordUnreadable for a data key that the old key does not unwrap: then nothing is changed.
    """
    keys = tables.data_keys
    if connection.dialect.name == "postgresql":
        # A person waits for this, not a hook: it may take longer than the service's statements.
        for statement in _ROTATION_LOCK:
            connection.exec_driver_sql(statement)
    data_keys.require_current_site_key(connection, old)
    active = keys.c.erased.is_(None)
    count = connection.execute(select(func.count()).select_from(keys).where(active)).scalar_one()
    done, last = 0, ""
    page = select(keys).where(active).order_by(keys.c.id).limit(_BATCH)
    while rows := connection.execute(page.where(keys.c.id > last)).all():
        changed = [
            {
                "of": row.id,
                "key": data_keys.wrap(data_keys.unwrap_row(row, old), row.owner, new),
            }
            for row in rows
        ]
        where = update(keys).where(keys.c.id == bindparam("of"))
        connection.execute(where.values(wrapped=bindparam("key"), wrapped_by=new.key_id), changed)
        done, last = done + len(rows), rows[-1].id
        progress(done, count)
    metadata = tables.store_metadata
    query = update(metadata).where(metadata.c.name == "site-key-id")
    connection.execute(query.values(value=new.key_id))
    return done


def load_or_create_successor(path: Path, old: SiteKey) -> SiteKey:
    """The key in a file, created when there is none, with the pseudonyms of the old one.

    Raises KeyRefused for a file with the key of another site.
    """
    if not path.exists():
        write_private(path, old.text_of_successor(secrets.token_bytes(32)))
    new = SiteKey.load(path)
    require_successor(path, new, old)
    return new


def require_successor(path: Path, new: SiteKey, old: SiteKey) -> None:
    """Raise KeyRefused unless `new` is another key that makes the same pseudonyms."""
    if not new.has_identity_of(old) or new.key_id == old.key_id:
        hint = "Name a file that is not there: the new key is created in it."
        raise KeyRefused("the file holds no successor of the site key", where=str(path), hint=hint)
