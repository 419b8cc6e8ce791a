"""The schema of the store: created in an empty database, its version checked at every opening."""

from __future__ import annotations

from sqlalchemy import Connection, insert, inspect, select

from cds_hooks.audit import tables
from cds_hooks.audit.store_errors import StoreVersionUnsupported

__all__ = ["SCHEMA_VERSION", "prepare_schema", "require_schema_version"]

SCHEMA_VERSION = 1

_NAME = "schema-version"
_EMPTY_HEAD = {"only": 1, "size": 0, "last_hash": b"", "frontier": b""}


def prepare_schema(connection: Connection) -> None:
    """Create the tables in an empty database, whole or not at all.

    Raises StoreVersionUnsupported when tables of another schema version are there.
    """
    present = set(inspect(connection).get_table_names())
    if present.isdisjoint(tables.metadata.tables):
        _create(connection)
    else:
        require_schema_version(connection)


def require_schema_version(connection: Connection) -> None:
    """Raise StoreVersionUnsupported unless the database has this schema version."""
    found = _version(connection)
    if found != str(SCHEMA_VERSION):
        raise StoreVersionUnsupported(found or "unknown", str(SCHEMA_VERSION))


def _create(connection: Connection) -> None:
    tables.metadata.create_all(connection, checkfirst=False)
    row = {"name": _NAME, "value": str(SCHEMA_VERSION)}
    connection.execute(insert(tables.store_metadata), row)
    connection.execute(insert(tables.ledger_head), _EMPTY_HEAD)


def _version(connection: Connection) -> str:
    """The stored version; empty where the database has none."""
    if not inspect(connection).has_table(tables.store_metadata.name):
        return ""
    column = tables.store_metadata.c
    query = select(column.value).where(column.name == _NAME)
    return connection.execute(query).scalar() or ""
