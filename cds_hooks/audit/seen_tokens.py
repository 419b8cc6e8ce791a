"""Replay protection: each token is accepted once by all processes that share the store.

A row is a keyed hash of issuer and `jti` until the token expires; neither is kept in clear. A store
that was put back to an earlier state does not have the newest rows: from then on every token that
was issued before is refused.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_on_conflict

__all__ = ["delete_expired", "refuse_until", "refused_until", "use"]

_REFUSED_UNTIL = "tokens-refused-until"


def use(connection: Connection, token: str, *, now: float, expires: float) -> bool:
    """Record a token as used; False when it was used before and has not expired.

    One statement, so that of two processes with the same token only one succeeds.
    """
    table = tables.seen_tokens
    statement = insert_on_conflict(connection, table).values({"token": token, "expires": expires})
    taken = connection.execute(
        statement.on_conflict_do_update(
            index_elements=["token"],
            set_={"expires": statement.excluded.expires},
            where=table.c.expires <= now,
        ).returning(table.c.token)
    )
    return taken.first() is not None


def refuse_until(connection: Connection, moment: float) -> None:
    """Refuse from now on what was issued until this moment (UTC seconds); a later one stays, which
    another machine's clock may have been."""
    row = {"name": _REFUSED_UNTIL, "value": repr(max(moment, refused_until(connection)))}
    statement = insert_on_conflict(connection, tables.store_metadata).values(row)
    later = {"value": statement.excluded.value}
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=later))


def refused_until(connection: Connection) -> float:
    """The moment of the last restore or of the last fork that was noticed; minus infinity without
    any."""
    column = tables.store_metadata.c
    query = select(column.value).where(column.name == _REFUSED_UNTIL)
    return float(connection.execute(query).scalar() or "-inf")


def delete_expired(connection: Connection, now: float, most: int) -> int:
    """Delete at most `most` expired tokens; how many rows that were."""
    table = tables.seen_tokens
    old = select(table.c.token).where(table.c.expires <= now).limit(most)
    return connection.execute(delete(table).where(table.c.token.in_(old))).rowcount
