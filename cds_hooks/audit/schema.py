"""The schema of the store: created in an empty database, its version checked at every opening."""

from __future__ import annotations

from sqlalchemy import Connection, insert, inspect, select

from cds_hooks.audit import tables
from cds_hooks.audit.store_errors import StoreVersionUnsupported

__all__ = ["COUNTED", "SCHEMA_VERSION", "prepare_schema", "require_schema_version"]

SCHEMA_VERSION = 1

COUNTED = "statistics-counted"
"""In `store_metadata`: how far the ledger is counted (`day_counts.Position`)."""

_NAME = "schema-version"
# Tables of derived data, which stores of this version did not have from the beginning. A service
# that does not know them leaves them alone.
_DERIVED = (tables.statistics, tables.counted_feedback)
# Tables that stores of this version did not have from the beginning, and that begin empty.
_LATER = (tables.switched_off, tables.review_queue, tables.reviews, tables.trial_outcomes)
_EMPTY_HEAD = {"only": 1, "size": 0, "last_hash": b"", "frontier": b""}


def prepare_schema(connection: Connection) -> None:
    """Create the tables in an empty database, whole or not at all, and derived ones where missing.

    Raises StoreVersionUnsupported when tables of another schema version are there.
    """
    present = set(inspect(connection).get_table_names())
    if present.isdisjoint(tables.metadata.tables):
        _create(connection)
    else:
        require_schema_version(connection)
        if not present.issuperset(table.name for table in _DERIVED):
            _create_derived(connection)
        if not present.issuperset(table.name for table in _LATER):
            tables.metadata.create_all(connection, tables=_LATER, checkfirst=True)


def require_schema_version(connection: Connection) -> None:
    """Raise StoreVersionUnsupported unless the database has this schema version."""
    found = _version(connection)
    if found != str(SCHEMA_VERSION):
        raise StoreVersionUnsupported(found or "unknown", str(SCHEMA_VERSION))


def _create(connection: Connection) -> None:
    tables.metadata.create_all(connection, checkfirst=False)
    values = {_NAME: str(SCHEMA_VERSION), COUNTED: "0 0"}
    rows = [{"name": name, "value": value} for name, value in values.items()]
    connection.execute(insert(tables.store_metadata), rows)
    connection.execute(insert(tables.ledger_head), _EMPTY_HEAD)


def _create_derived(connection: Connection) -> None:
    """The tables of counts in a store that was made without them: nothing is counted yet."""
    tables.metadata.create_all(connection, tables=_DERIVED, checkfirst=True)
    connection.execute(insert(tables.store_metadata), {"name": COUNTED, "value": "0 0"})


def _version(connection: Connection) -> str:
    """The stored version; empty where the database has none."""
    if not inspect(connection).has_table(tables.store_metadata.name):
        return ""
    column = tables.store_metadata.c
    query = select(column.value).where(column.name == _NAME)
    return connection.execute(query).scalar() or ""
