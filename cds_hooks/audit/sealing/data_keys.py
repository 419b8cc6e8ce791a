"""Data keys: one a patient, random, stored wrapped. Erasing a patient is destroying theirs.

An erased key leaves its row behind without the key, as the mark that says so; a patient of whom
something new is recorded afterwards gets another one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, select

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_for
from cds_hooks.audit.errors import RecordErased, RecordUnreadable, StoreRefused
from cds_hooks.audit.sealing.aead import KEY_BYTES
from cds_hooks.audit.sealing.source import KeySource, SealBroken

__all__ = ["NO_PATIENT", "DataKey", "by_id", "of_owner", "require_source", "unwrapped", "wrapped"]

NO_PATIENT = "none"
"""The owner of what belongs to no known patient: feedback on a card that is not on record."""

_PURPOSE = "data-key"


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that seals one owner's records."""

    id: str
    secret: bytes = field(repr=False)


def of_owner(connection: Connection, owner: str, source: KeySource) -> DataKey:
    """The owner's data key, made when there is none. Raises StoreRefused, RecordUnreadable."""
    row = _live(connection, owner)
    if row is None:
        _make(connection, owner, source)
        row = _live(connection, owner)
    if row is None:
        raise RecordUnreadable("the data key was erased meanwhile", hint="Send it again.")
    return unwrapped(row, source)


def by_id(connection: Connection, key_id: str, source: KeySource, *, where: str = "") -> DataKey:
    """The data key of a stored record. Raises RecordErased when it was destroyed."""
    table = tables.data_keys
    row = connection.execute(select(table).where(table.c.id == key_id)).one_or_none()
    if row is None:
        hint = "Restore the store from a backup if this is needed."
        raise RecordUnreadable("the record's data key is not here", where=where, hint=hint)
    if row.erased is not None:
        raise RecordErased(where=where)
    return unwrapped(row, source)


def unwrapped(row: Row[Any], source: KeySource) -> DataKey:
    """The data key of a row that is not erased. Raises StoreRefused, RecordUnreadable."""
    if row.wrapped_by != source.key_id:
        raise _other_source(row.wrapped_by)
    try:
        secret = source.unwrap(row.wrapped, _PURPOSE, row.id, row.owner)
    except SealBroken:
        hint = "Restore the store from a backup: this row was changed."
        raise RecordUnreadable("a data key is damaged", where=row.id, hint=hint) from None
    return DataKey(row.id, secret)


def wrapped(key: DataKey, owner: str, source: KeySource) -> bytes:
    """The data key as it is stored, bound to its id and its owner."""
    return source.wrap(key.secret, _PURPOSE, key.id, owner)


def require_source(connection: Connection, source: KeySource) -> None:
    """Refuse to go on with a site key that another process has rotated away."""
    column = tables.facts.c
    known = connection.execute(select(column.value).where(column.name == "site-key-id")).scalar()
    if known is not None and known != source.key_id:
        raise _other_source(known)


def _make(connection: Connection, owner: str, source: KeySource) -> None:
    """Insert a new key, unless another process just did."""
    key = DataKey(secrets.token_hex(16), secrets.token_bytes(KEY_BYTES))
    row = {
        "id": key.id,
        "owner": owner,
        "wrapped": wrapped(key, owner, source),
        "wrapped_by": source.key_id,
    }
    connection.execute(
        insert_for(connection, tables.data_keys).values(row).on_conflict_do_nothing()
    )
    # After the insert: a rotation that ran beside it has then ended, and is seen.
    require_source(connection, source)


def _live(connection: Connection, owner: str) -> Row[Any] | None:
    table = tables.data_keys
    query = select(table).where(table.c.owner == owner, table.c.erased.is_(None))
    return connection.execute(query).one_or_none()


def _other_source(key_id: str) -> StoreRefused:
    hint = f"Start again with the site key {key_id}: the keys were rotated to it."
    return StoreRefused("the store's data keys are wrapped by another site key", hint=hint)
