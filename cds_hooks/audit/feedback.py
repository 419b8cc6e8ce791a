"""Feedback on cards: the statements, run inside a transaction. An entry is stored once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from cds_hooks.audit import tables
from cds_hooks.audit.codec import Codec
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.encryption import ERASED, EncryptedPayload, PayloadCipher, PayloadContext
from cds_hooks.audit.encryption.data_keys import NO_PATIENT
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.silent_format import of_trial
from cds_hooks.audit.store_errors import RecordUnreadable
from cds_hooks.protocol.feedback import FeedbackEntry

__all__ = ["KIND", "FeedbackReceipt", "consultation_ids", "decode", "entries_for", "record"]

KIND = "feedback"


@dataclass(frozen=True, slots=True)
class FeedbackReceipt:
    """How many entries of a call were new, sent before, or new for an unknown card."""

    recorded: int = 0
    repeated: int = 0
    unknown: int = 0


_CODEC = Codec(FeedbackEntry, "feedback")


def record(
    connection: Connection,
    service: str,
    entries: Sequence[FeedbackEntry],
    *,
    key: SiteKey,
    cipher: PayloadCipher,
    received: float,
    expires: float,
) -> FeedbackReceipt:
    """Write the entries that are not there yet, those for unknown cards included.

    A comment is a clinician's words about a patient: it is encrypted with that patient's key. The
    name of a card that is not ours may be any text, and is stored as a keyed hash.
    """
    counts = Counter[str]()
    for entry in entries:
        consultation = _consultation_of(connection, entry)
        row = _row(connection, service, entry, consultation, key, cipher)
        row |= {"received": received, "expires": expires}
        insert = insert_on_conflict(connection, tables.feedback).values(row)
        # Not by rowcount: not every driver knows it of an INSERT.
        inserted = insert.on_conflict_do_nothing().returning(tables.feedback.c.id)
        is_new = connection.execute(inserted).first() is not None
        counts[_fate(is_new=is_new, known=consultation is not None)] += 1
    return FeedbackReceipt(**counts)


def _row(
    connection: Connection,
    service: str,
    entry: FeedbackEntry,
    consultation: Row[str, str] | None,
    key: SiteKey,
    cipher: PayloadCipher,
) -> dict[str, Any]:
    plain = _CODEC.encode(entry)
    context = PayloadContext(KIND, key.digest("feedback", service, plain.hex()), _CODEC.format)
    owner = consultation.patient_key if consultation else NO_PATIENT
    encrypted = cipher.seal(connection, context, plain, owner=owner)
    return {
        "id": context.id,
        "service": service,
        "card": entry.card if consultation else key.digest("card", entry.card),
        "consultation_id": consultation.id if consultation else None,
        "outcome": entry.outcome,
        "outcome_at": entry.outcome_at,
        "payload_format": context.format,
        "payload": encrypted.payload,
        "sealed_by": encrypted.key_id,
    }


def entries_for(
    connection: Connection, consultation_id: str, cipher: PayloadCipher
) -> tuple[FeedbackEntry, ...]:
    """The feedback on a consultation's cards that was not erased, in the order it came."""
    table = tables.feedback.c
    query = (
        select(tables.feedback)
        .where(table.consultation_id == consultation_id, table.payload_format != ERASED)
        .order_by(table.received, table.id)
    )
    return tuple(decode(connection, row, cipher) for row in connection.execute(query).all())


def consultation_ids(connection: Connection) -> tuple[str, ...]:
    """The ids of consultations with feedback that was not erased, in order."""
    table = tables.feedback.c
    query = select(table.consultation_id).where(
        table.consultation_id.is_not(None), table.payload_format != ERASED
    )
    rows = connection.execute(query.distinct().order_by(table.consultation_id)).all()
    return tuple(row.consultation_id for row in rows)


def decode(connection: Connection, row: Row[Any], cipher: PayloadCipher) -> FeedbackEntry:
    """The entry in a whole row. Raises RecordUnreadable, also when it is about another card."""
    context = PayloadContext(KIND, row.id, row.payload_format)
    plain = cipher.open(connection, context, EncryptedPayload(row.payload, row.sealed_by))
    entry = _CODEC.decode(plain, row.payload_format, where=row.id)
    if row.consultation_id is not None and entry.card != row.card:
        hint = "Restore the store from a backup, and ask who can write into the database."
        raise RecordUnreadable("the entry was given to another card", where=row.id, hint=hint)
    return entry


def _consultation_of(connection: Connection, entry: FeedbackEntry) -> Row[str, str] | None:
    """Id and patient of the consultation that an entry names, or that its card belongs to."""
    column = tables.consultations.c
    query = select(column.id, column.patient_key).where(of_trial(silent=False))
    if entry.consultation:
        query = query.where(column.id == entry.consultation)
    else:
        joined = query.join_from(tables.cards, tables.consultations)
        query = joined.where(tables.cards.c.uuid == entry.card)
    return connection.execute(query).one_or_none()


def _fate(*, is_new: bool, known: bool) -> str:
    if not is_new:
        return "repeated"
    return "recorded" if known else "unknown"
