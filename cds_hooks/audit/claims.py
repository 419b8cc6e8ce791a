"""Claims: of the processes that share a store, one works on each content key.

A claim is a lease. Its owner extends it while it works; when the owner dies the lease runs out, and
the next process takes over.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, or_

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_on_conflict

__all__ = ["acquire", "release"]


def acquire(connection: Connection, key: str, owner: str, *, now: float, lease_s: float) -> bool:
    """Claim a content key, or extend one's own claim; False while another process has it."""
    table = tables.claims
    row = {"content_key": key, "owner": owner, "until": now + lease_s}
    statement = insert_on_conflict(connection, table).values(row)
    taken = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["content_key"],
            set_={"owner": statement.excluded.owner, "until": statement.excluded.until},
            where=or_(table.c.owner == owner, table.c.until <= now),
        ).returning(table.c.content_key)
    )
    return taken.first() is not None


def release(connection: Connection, key: str, owner: str, *, now: float) -> None:
    """Delete one's own claim, and every claim that has run out."""
    mine = (tables.claims.c.content_key == key) & (tables.claims.c.owner == owner)
    connection.execute(delete(tables.claims).where(or_(mine, tables.claims.c.until <= now)))
