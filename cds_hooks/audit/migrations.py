"""Numbered changes of the store's tables, each applied once, in order, whole or not at all.

A change that has been released is never edited: a new one is added. The statements are plain SQL
that SQLite and PostgreSQL both read, but for the name of the binary type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, inspect, select

from cds_hooks.audit import tables
from cds_hooks.audit.errors import StoreRefused

__all__ = ["MIGRATIONS", "Migration", "migrate"]


@dataclass(frozen=True, slots=True)
class Migration:
    """One change: `apply` runs inside the transaction that also records its number."""

    number: int
    name: str
    apply: Callable[[Connection], None]


def migrate(connection: Connection, now: float, migrations: Sequence[Migration] = ()) -> int:
    """Bring the tables up to date and return the version they now have.

    Raises StoreRefused when a later version of the service has already changed them.
    """
    todo = migrations or MIGRATIONS
    have = _version(connection)
    if have > todo[-1].number:
        hint = "Start the later version of the service, or restore the backup made before it."
        message = f"the store has version {have}, this service knows {todo[-1].number}"
        raise StoreRefused(message, hint=hint)
    for migration in todo[have:]:
        migration.apply(connection)
        row = {"number": migration.number, "name": migration.name, "applied": now}
        connection.execute(insert(tables.migrations), row)
    return todo[-1].number


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table(tables.migrations.name):
        return 0
    return connection.execute(select(func.max(tables.migrations.c.number))).scalar() or 0


def _first(connection: Connection) -> None:
    binary = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    for statement in _FIRST:
        connection.exec_driver_sql(statement.replace("$BINARY", binary))


_FIRST = (
    """
    CREATE TABLE migrations (
        number INTEGER NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        applied DOUBLE PRECISION NOT NULL
    )
    """,
    """
    CREATE TABLE store_facts (
        name TEXT NOT NULL PRIMARY KEY,
        value TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE consultations (
        id TEXT NOT NULL PRIMARY KEY,
        content_key TEXT NOT NULL,
        service TEXT NOT NULL,
        created DOUBLE PRECISION NOT NULL,
        patient_key TEXT NOT NULL,
        outcome TEXT NOT NULL,
        expires DOUBLE PRECISION NOT NULL,
        payload_format TEXT NOT NULL,
        payload $BINARY NOT NULL,
        sealed_by TEXT
    )
    """,
    "CREATE INDEX consultations_by_content ON consultations (content_key, created)",
    "CREATE INDEX consultations_by_patient ON consultations (patient_key, service, created)",
    "CREATE INDEX consultations_by_expiry ON consultations (expires)",
    """
    CREATE TABLE cards (
        uuid TEXT NOT NULL PRIMARY KEY,
        consultation_id TEXT NOT NULL REFERENCES consultations (id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        indicator TEXT NOT NULL,
        summary_digest TEXT NOT NULL
    )
    """,
    "CREATE INDEX cards_by_consultation ON cards (consultation_id)",
    """
    CREATE TABLE feedback (
        id TEXT NOT NULL PRIMARY KEY,
        service TEXT NOT NULL,
        card TEXT NOT NULL,
        consultation_id TEXT,
        outcome TEXT NOT NULL,
        outcome_at TEXT NOT NULL,
        received DOUBLE PRECISION NOT NULL,
        expires DOUBLE PRECISION NOT NULL,
        payload_format TEXT NOT NULL,
        payload $BINARY NOT NULL,
        sealed_by TEXT
    )
    """,
    "CREATE INDEX feedback_by_consultation ON feedback (consultation_id)",
    "CREATE INDEX feedback_by_card ON feedback (card)",
    "CREATE INDEX feedback_by_expiry ON feedback (expires)",
)


def _claims(connection: Connection) -> None:
    connection.exec_driver_sql(
        """
        CREATE TABLE claims (
            content_key TEXT NOT NULL PRIMARY KEY,
            owner TEXT NOT NULL,
            until DOUBLE PRECISION NOT NULL
        )
        """
    )


def _seen_tokens(connection: Connection) -> None:
    for statement in _SEEN_TOKENS:
        connection.exec_driver_sql(statement)


_SEEN_TOKENS = (
    """
    CREATE TABLE seen_tokens (
        token TEXT NOT NULL PRIMARY KEY,
        expires DOUBLE PRECISION NOT NULL
    )
    """,
    "CREATE INDEX seen_tokens_by_expiry ON seen_tokens (expires)",
)


MIGRATIONS = (
    Migration(1, "consultations, cards and feedback", _first),
    Migration(2, "claims on work in flight", _claims),
    Migration(3, "tokens that were used", _seen_tokens),
)
