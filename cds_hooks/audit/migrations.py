"""Numbered changes of the store's tables, each applied once, in order, whole or not at all.

A change that has been released is never edited: a new one is added. The statements are plain SQL
that SQLite and PostgreSQL both read, but for the name of the binary type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, inspect, select

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
    have = _applied(connection)
    if (newest := max(have, default=0)) > todo[-1].number:
        hint = "Start the later version of the service, or restore the backup made before it."
        message = f"the store has version {newest}, this service knows {todo[-1].number}"
        raise StoreRefused(message, hint=hint)
    for migration in todo:
        if migration.number in have:
            continue
        migration.apply(connection)
        row = {"number": migration.number, "name": migration.name, "applied": now}
        connection.execute(insert(tables.migrations), row)
    return todo[-1].number


def _applied(connection: Connection) -> set[int]:
    if not inspect(connection).has_table(tables.migrations.name):
        return set()
    return set(connection.execute(select(tables.migrations.c.number)).scalars())


def _say(connection: Connection, statements: Sequence[str]) -> None:
    binary = "BYTEA" if connection.dialect.name == "postgresql" else "BLOB"
    for statement in statements:
        connection.exec_driver_sql(statement.replace("$BINARY", binary))


def _first(connection: Connection) -> None:
    _say(connection, _FIRST)


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


def _data_keys(connection: Connection) -> None:
    _say(connection, _DATA_KEYS)


_DATA_KEYS = (
    """
    CREATE TABLE data_keys (
        id TEXT NOT NULL PRIMARY KEY,
        owner TEXT NOT NULL,
        wrapped $BINARY,
        wrapped_by TEXT NOT NULL,
        erased DOUBLE PRECISION
    )
    """,
    "CREATE UNIQUE INDEX data_keys_live ON data_keys (owner) WHERE erased IS NULL",
)


def _ledger(connection: Connection) -> None:
    _say(connection, _LEDGER)


_LEDGER = (
    """
    CREATE TABLE ledger (
        seq BIGINT NOT NULL PRIMARY KEY,
        recorded TEXT NOT NULL,
        type TEXT NOT NULL,
        record $BINARY NOT NULL,
        leaf_hash $BINARY NOT NULL
    )
    """,
    "CREATE INDEX ledger_by_type ON ledger (type, seq)",
    """
    CREATE TABLE ledger_nodes (
        level INTEGER NOT NULL,
        position BIGINT NOT NULL,
        hash $BINARY NOT NULL,
        PRIMARY KEY (level, position)
    )
    """,
    """
    CREATE TABLE ledger_head (
        "only" INTEGER NOT NULL PRIMARY KEY CHECK ("only" = 1),
        size BIGINT NOT NULL,
        last_hash $BINARY NOT NULL,
        frontier $BINARY NOT NULL
    )
    """,
    """
    INSERT INTO ledger_head ("only", size, last_hash, frontier)
    VALUES (1, 0, CAST('' AS $BINARY), CAST('' AS $BINARY))
    """,
    """
    CREATE TABLE ledger_checkpoints (
        size BIGINT NOT NULL PRIMARY KEY,
        note TEXT NOT NULL
    )
    """,
)


def _holds(connection: Connection) -> None:
    _say(connection, _HOLDS)


_HOLDS = (
    """
    CREATE TABLE holds (
        id TEXT NOT NULL PRIMARY KEY,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        reference TEXT NOT NULL,
        placed DOUBLE PRECISION NOT NULL,
        released DOUBLE PRECISION
    )
    """,
    "CREATE INDEX holds_by_subject ON holds (subject)",
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


def _vouching(connection: Connection) -> None:
    _say(connection, _VOUCHING)


# Records of before vouch for nothing: there the column stays empty.
_VOUCHING = (
    "ALTER TABLE ledger ADD COLUMN vouches_for TEXT",
    """
    CREATE INDEX ledger_by_vouches_for ON ledger (vouches_for, seq)
    WHERE vouches_for IS NOT NULL
    """,
)


MIGRATIONS = (
    Migration(1, "consultations, cards and feedback", _first),
    Migration(2, "claims on work in flight", _claims),
    Migration(3, "tokens that were used", _seen_tokens),
    Migration(4, "a data key per patient", _data_keys),
    Migration(5, "the ledger", _ledger),
    Migration(6, "legal holds", _holds),
    Migration(7, "which state of a record the ledger vouches for", _vouching),
)
