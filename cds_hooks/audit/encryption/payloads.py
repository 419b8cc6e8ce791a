"""Encrypting and decrypting one record's payload."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from cds_hooks.audit.encryption import data_keys
from cds_hooks.audit.encryption.aead import open_sealed, seal
from cds_hooks.audit.encryption.key_wrapping import DecryptionFailed, KeyWrapper
from cds_hooks.audit.store_errors import RecordErased, RecordUnreadable

__all__ = ["ERASED", "EncryptedPayload", "PayloadCipher", "PayloadContext", "open_with"]

ERASED = "erased"
"""The `payload_format` of a record whose patient was erased: its payload is empty."""


@dataclass(frozen=True, slots=True)
class PayloadContext:
    """The record that a payload belongs to: its table, its id, and the payload's format."""

    kind: str
    id: str
    format: str


@dataclass(frozen=True, slots=True)
class EncryptedPayload:
    """A payload as it is stored, and the id of the data key that encrypts it."""

    payload: bytes
    key_id: str


@dataclass(frozen=True, slots=True)
class PayloadCipher:
    """Encrypts payloads with their owner's data key."""

    wrapper: KeyWrapper

    def seal(
        self, connection: Connection, context: PayloadContext, plain: bytes, *, owner: str
    ) -> EncryptedPayload:
        """The payload encrypted, bound to its record. Raises StoreRefused, RecordUnreadable."""
        key = data_keys.get_or_create(connection, owner or data_keys.NO_PATIENT, self.wrapper)
        return EncryptedPayload(seal(key.secret, plain, *_associated(context, key.id)), key.id)

    def open(
        self, connection: Connection, context: PayloadContext, encrypted: EncryptedPayload
    ) -> bytes:
        """The plain payload.

        Raises RecordErased, RecordUnreadable for bytes that were changed or are another record's,
        StoreRefused for another site key.
        """
        if context.format == ERASED:
            raise RecordErased(where=context.id)
        key = data_keys.by_id(connection, encrypted.key_id, self.wrapper, where=context.id)
        return open_with(key, context, encrypted.payload)


def open_with(key: data_keys.DataKey, context: PayloadContext, payload: bytes) -> bytes:
    """The plain payload, with its data key at hand. Raises RecordUnreadable."""
    try:
        return open_sealed(key.secret, payload, *_associated(context, key.id))
    except DecryptionFailed:
        hint = "Restore the store from a backup, and ask who can write into the database."
        raise RecordUnreadable(
            "the record was changed, or is another record's", where=context.id, hint=hint
        ) from None


def _associated(context: PayloadContext, key_id: str) -> tuple[str, ...]:
    return (context.kind, context.id, context.format, key_id)
