"""Claims: several service processes share one store, and one of them does the work.

A claim is a lease. Its owner extends it while it works; when the owner dies it runs out, and who
asks next takes it over.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, or_

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_for

__all__ = ["release", "take"]


def take(connection: Connection, key: str, owner: str, *, now: float, lease_s: float) -> bool:
    """Take the work on a content key, or extend one's own claim; False while another has it."""
    table = tables.claims
    row = {"content_key": key, "owner": owner, "until": now + lease_s}
    statement = insert_for(connection, table).values(row)
    taken = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["content_key"],
            set_={"owner": statement.excluded.owner, "until": statement.excluded.until},
            where=or_(table.c.owner == owner, table.c.until <= now),
        ).returning(table.c.content_key)
    )
    return taken.first() is not None


def release(connection: Connection, key: str, owner: str, *, now: float) -> None:
    """Let a claim of one's own go, and with it whatever ran out elsewhere."""
    mine = (tables.claims.c.content_key == key) & (tables.claims.c.owner == owner)
    connection.execute(delete(tables.claims).where(or_(mine, tables.claims.c.until <= now)))
