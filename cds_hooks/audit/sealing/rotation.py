"""A new site key: every data key is wrapped anew, in one transaction.

Killed at any moment the store belongs to the old key or to the new one, never to both. Data keys
themselves stay, so no payload is written again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, bindparam, func, select, update

from cds_hooks.audit import tables
from cds_hooks.audit.keys import KeyRefused, SiteKey
from cds_hooks.audit.private import write_private
from cds_hooks.audit.sealing import data_keys

__all__ = ["require_successor", "rewrap", "successor"]

_AT_ONCE = 500
_PATIENTLY = (
    "SET LOCAL lock_timeout = '60s'",
    "SET LOCAL statement_timeout = '120s'",
    "LOCK TABLE data_keys IN EXCLUSIVE MODE",
)


def rewrap(
    connection: Connection,
    old: SiteKey,
    new: SiteKey,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> int:
    """Wrap all data keys with the new site key; how many there were.

    `progress` hears how many are done of how many. Raises StoreRefused, RecordUnreadable for a
    data key that the old one does not open: then nothing is changed.
    """
    keys = tables.data_keys
    if connection.dialect.name == "postgresql":
        # A person waits for this, no hook: it may take longer than what a service does.
        for statement in _PATIENTLY:
            connection.exec_driver_sql(statement)
    data_keys.require_source(connection, old)
    live = keys.c.erased.is_(None)
    count = connection.execute(select(func.count()).select_from(keys).where(live)).scalar_one()
    done, last = 0, ""
    page = select(keys).where(live).order_by(keys.c.id).limit(_AT_ONCE)
    while rows := connection.execute(page.where(keys.c.id > last)).all():
        changed = [
            {
                "of": row.id,
                "key": data_keys.wrapped(data_keys.unwrapped(row, old), row.owner, new),
            }
            for row in rows
        ]
        where = update(keys).where(keys.c.id == bindparam("of"))
        connection.execute(where.values(wrapped=bindparam("key"), wrapped_by=new.key_id), changed)
        done, last = done + len(rows), rows[-1].id
        progress(done, count)
    named = update(tables.facts).where(tables.facts.c.name == "site-key-id")
    connection.execute(named.values(value=new.key_id))
    return done


def successor(path: Path, old: SiteKey) -> SiteKey:
    """The key in a file, made there when there is none, with the pseudonyms of the old one.

    Raises KeyRefused for a file that holds the key of another site.
    """
    if not path.exists():
        write_private(path, old.text_of_successor(secrets.token_bytes(32)))
    new = SiteKey.load(path)
    require_successor(path, new, old)
    return new


def require_successor(path: Path, new: SiteKey, old: SiteKey) -> None:
    """Raise KeyRefused unless a key makes the pseudonyms of the old one, and is another one."""
    if not new.has_identity_of(old) or new.key_id == old.key_id:
        hint = "Name a file that is not there: the new key is made in it."
        raise KeyRefused("the file holds no successor of the site key", where=str(path), hint=hint)
