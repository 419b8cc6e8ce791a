"""Data keys: random, one per patient, stored wrapped. Erasing a patient erases their key.

The row of an erased key stays without the key. New records of that patient get another key.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.encryption.aead import KEY_BYTES
from cds_hooks.audit.encryption.key_wrapping import DecryptionFailed, KeyWrapper
from cds_hooks.audit.store_errors import RecordErased, RecordUnreadable, StoreRefused

__all__ = [
    "NO_PATIENT",
    "DataKey",
    "by_id",
    "get_or_create",
    "require_current_site_key",
    "unwrap_row",
    "wrap",
]

NO_PATIENT = "none"
"""The owner of records of no known patient: feedback on a card that is not on record."""

_PURPOSE = "data-key"


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that encrypts one owner's payloads."""

    id: str
    secret: bytes = field(repr=False)


def get_or_create(connection: Connection, owner: str, wrapper: KeyWrapper) -> DataKey:
    """The owner's data key, created when there is none.

    Raises StoreRefused, RecordUnreadable.
    """
    row = _active(connection, owner)
    if row is None:
        _create(connection, owner, wrapper)
        row = _active(connection, owner)
    if row is None:
        raise RecordUnreadable("the data key was erased meanwhile", hint="Send it again.")
    return unwrap_row(row, wrapper)


def by_id(connection: Connection, key_id: str, wrapper: KeyWrapper, *, where: str = "") -> DataKey:
    """The data key with this id. Raises RecordErased, RecordUnreadable, StoreRefused."""
    table = tables.data_keys
    row = connection.execute(select(table).where(table.c.id == key_id)).one_or_none()
    if row is None:
        hint = "Restore the store from a backup if this is needed."
        raise RecordUnreadable("the record's data key is not here", where=where, hint=hint)
    if row.erased is not None:
        raise RecordErased(where=where)
    return unwrap_row(row, wrapper)


def unwrap_row(row: Row[Any], wrapper: KeyWrapper) -> DataKey:
    """The data key in a row that is not erased. Raises StoreRefused, RecordUnreadable."""
    if row.wrapped_by != wrapper.key_id:
        raise _other_site_key(row.wrapped_by)
    try:
        secret = wrapper.unwrap(row.wrapped, _PURPOSE, row.id, row.owner)
    except DecryptionFailed:
        hint = "Restore the store from a backup: this row was changed."
        raise RecordUnreadable("a data key is damaged", where=row.id, hint=hint) from None
    return DataKey(row.id, secret)


def wrap(key: DataKey, owner: str, wrapper: KeyWrapper) -> bytes:
    """The data key as it is stored, bound to its id and its owner."""
    return wrapper.wrap(key.secret, _PURPOSE, key.id, owner)


def require_current_site_key(connection: Connection, wrapper: KeyWrapper) -> None:
    """Raise StoreRefused when another process has rotated to another site key."""
    column = tables.store_metadata.c
    known = connection.execute(select(column.value).where(column.name == "site-key-id")).scalar()
    if known is not None and known != wrapper.key_id:
        raise _other_site_key(known)


def _create(connection: Connection, owner: str, wrapper: KeyWrapper) -> None:
    """Insert a new key, unless another process has just done so."""
    key = DataKey(secrets.token_hex(16), secrets.token_bytes(KEY_BYTES))
    row = {
        "id": key.id,
        "owner": owner,
        "wrapped": wrap(key, owner, wrapper),
        "wrapped_by": wrapper.key_id,
    }
    connection.execute(
        insert_on_conflict(connection, tables.data_keys).values(row).on_conflict_do_nothing()
    )
    # After the insert: a concurrent rotation has then ended, and is seen.
    require_current_site_key(connection, wrapper)


def _active(connection: Connection, owner: str) -> Row[Any] | None:
    table = tables.data_keys
    query = select(table).where(table.c.owner == owner, table.c.erased.is_(None))
    return connection.execute(query).one_or_none()


def _other_site_key(key_id: str) -> StoreRefused:
    hint = f"Start again with the site key {key_id}: the keys were rotated to it."
    return StoreRefused("the store's data keys are wrapped by another site key", hint=hint)
