"""Tokens that were used: each lets one call in, in all processes that share the store.

A row is a keyed hash of issuer and `jti` until the token expires; neither is kept in clear.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_for

__all__ = ["drop_expired", "take"]


def take(connection: Connection, token: str, *, now: float, expires: float) -> bool:
    """Use a token; False when it was used before and has not expired.

    One statement, so that of two processes with the same token one is told so.
    """
    table = tables.seen_tokens
    statement = insert_for(connection, table).values({"token": token, "expires": expires})
    taken = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["token"],
            set_={"expires": statement.excluded.expires},
            where=table.c.expires <= now,
        ).returning(table.c.token)
    )
    return taken.first() is not None


def drop_expired(connection: Connection, now: float, most: int) -> int:
    """Forget what would not be let in any more, at most so many; how many rows that were."""
    table = tables.seen_tokens
    old = select(table.c.token).where(table.c.expires <= now).limit(most)
    return connection.execute(delete(table).where(table.c.token.in_(old))).rowcount
