"""Sealing and opening one record's payload."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from cds_hooks.audit.errors import RecordErased, RecordUnreadable
from cds_hooks.audit.sealing import data_keys
from cds_hooks.audit.sealing.aead import open_sealed, seal
from cds_hooks.audit.sealing.source import KeySource, SealBroken

__all__ = ["ERASED", "Record", "Sealed", "Sealer"]

ERASED = "erased"
"""The `payload_format` of a record whose patient was erased: its payload is empty."""


@dataclass(frozen=True, slots=True)
class Record:
    """Which record a payload is of: `kind` is its table, `format` how the payload is written."""

    kind: str
    id: str
    format: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A payload as it is stored, and the data key it is sealed with; `by` None means plain."""

    payload: bytes
    by: str | None


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals payloads with their owner's data key.

    With `sealed_only` a plain payload is not read: whoever can write into the database could
    otherwise put one there.
    """

    source: KeySource
    sealed_only: bool = False

    def seal(self, connection: Connection, record: Record, plain: bytes, *, owner: str) -> Sealed:
        """The payload sealed, bound to its record. Raises StoreRefused, RecordUnreadable."""
        key = data_keys.of_owner(connection, owner or data_keys.NO_PATIENT, self.source)
        return Sealed(seal(key.secret, plain, *_about(record, key.id)), key.id)

    def open(self, connection: Connection, record: Record, sealed: Sealed) -> bytes:
        """The plain payload.

        Raises RecordErased, RecordUnreadable for bytes that were changed or are another record's,
        StoreRefused for another site key.
        """
        if record.format == ERASED:
            raise RecordErased(where=record.id)
        if sealed.by is None:
            return self._plain(record, sealed.payload)
        key = data_keys.by_id(connection, sealed.by, self.source, where=record.id)
        try:
            return open_sealed(key.secret, sealed.payload, *_about(record, key.id))
        except SealBroken:
            hint = "Restore the store from a backup, and ask who can write into the database."
            raise RecordUnreadable(
                "the record was changed, or is another record's", where=record.id, hint=hint
            ) from None

    def _plain(self, record: Record, payload: bytes) -> bytes:
        if self.sealed_only:
            hint = "Seal what an earlier version left plain: chartside audit seal."
            raise RecordUnreadable("the record is not encrypted", where=record.id, hint=hint)
        return payload


def _about(record: Record, key_id: str) -> tuple[str, ...]:
    return (record.kind, record.id, record.format, key_id)
