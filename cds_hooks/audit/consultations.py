"""Consultations and their cards: the statements, run inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, or_, select

from cds_hooks.audit import tables
from cds_hooks.audit.codec import Codec
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.encryption import ERASED, EncryptedPayload, PayloadCipher, PayloadContext
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.ledger.record_integrity import (
    attests_state,
    latest_attestation,
    payload_digest,
)
from cds_hooks.audit.silent_format import SILENT, is_silent_format, of_trial
from cds_hooks.audit.store_errors import RecordUnreadable
from cds_hooks.consultation import (
    CheckedConsultation,
    Consultation,
    Outcome,
    PreparedConsultation,
)
from cds_hooks.protocol.cards import Card

__all__ = [
    "KIND",
    "by_id",
    "content_key",
    "decode",
    "id_of_card",
    "newest_answer",
    "newest_of",
    "save",
    "save_cards",
]

KIND = "consultation"

_log = structlog.get_logger(__name__)
_CHECKED = Codec(CheckedConsultation, "consultation")
_PREPARED = Codec(PreparedConsultation, "prepared-consultation")
_SILENT_CHECKED = Codec(CheckedConsultation, f"{SILENT}consultation")
_SILENT_PREPARED = Codec(PreparedConsultation, f"{SILENT}prepared-consultation")
_PREPARED_FORMATS = (_PREPARED.format, _SILENT_PREPARED.format)
# Only what the model answered may be reused as an answer; a failure is recorded, not reused.
_ANSWERS = (Outcome.ANSWERED.value, Outcome.EMPTY.value)


def save(
    connection: Connection,
    consultation: Consultation,
    cards: Sequence[Card],
    *,
    key: SiteKey,
    cipher: PayloadCipher,
    expires: float,
) -> str:
    """Write a consultation, or its later state, and the cards made of it.

    A pending state never overwrites a later one, and an erased consultation stays erased; a card
    that is there stays as it was. Returns the digest of the encrypted payload
    (`ledger.record_integrity`); empty when nothing was written.
    """
    row = _row(connection, consultation, key, cipher, expires)
    table = tables.consultations
    statement = insert_on_conflict(connection, table).values(row)
    later = {name: statement.excluded[name] for name in row if name != "id"}
    pending = Outcome.PENDING.value
    upsert = statement.on_conflict_do_update(
        index_elements=["id"],
        set_=later,
        where=and_(
            or_(table.c.outcome == pending, statement.excluded.outcome != pending),
            table.c.payload_format != ERASED,
        ),
    )
    written = connection.execute(upsert.returning(table.c.id)).first() is not None
    _insert_cards(connection, consultation.id, cards, key)
    return payload_digest(row["payload"]) if written else ""


def save_cards(
    connection: Connection, consultation_id: str, cards: Sequence[Card], *, key: SiteKey
) -> bool:
    """Write cards made of a recorded consultation; False when it is no longer there."""
    if connection.execute(_IS_THERE, {"wanted": consultation_id}).first() is None:
        return False
    _insert_cards(connection, consultation_id, cards, key)
    return True


# Built once: every hook runs it.
_IS_THERE = select(tables.consultations.c.id).where(
    tables.consultations.c.id == bindparam("wanted"),
    tables.consultations.c.payload_format != ERASED,
)


def _insert_cards(
    connection: Connection, consultation_id: str, cards: Sequence[Card], key: SiteKey
) -> None:
    """Insert cards; one that is there already stays as it was."""
    if not cards:
        return
    rows = [_card_row(consultation_id, place, card, key) for place, card in enumerate(cards)]
    # The rows are parameters: within the statement they would have it compiled for each hook.
    connection.execute(insert_on_conflict(connection, tables.cards).on_conflict_do_nothing(), rows)


def by_id(
    connection: Connection, consultation_id: str, cipher: PayloadCipher, *, silent: bool = False
) -> Consultation | None:
    """The consultation with this id; of a trial's only with `silent`, and then of no other.

    Raises RecordUnreadable, also for an earlier state that was put back: the ledger says which
    state was last.
    """
    row = connection.execute(_BY_ID, {"wanted": consultation_id}).one_or_none()
    if row is None or is_silent_format(row.payload_format) != silent:
        return None
    found = decode(connection, row, cipher)
    if not attests_state(row.attestation, row.id, row.payload):
        hint = "Restore the store from a backup, and ask who can write into the database."
        message = "the record is not in the state that the ledger says"
        raise RecordUnreadable(message, where=row.id, hint=hint)
    return found


# Built once, like the one above.
_BY_ID = select(tables.consultations, latest_attestation().label("attestation")).where(
    tables.consultations.c.id == bindparam("wanted")
)


def id_of_card(connection: Connection, uuid: str) -> str:
    """The id of the consultation that a card is of; "" when there is no such card."""
    column = tables.cards.c
    query = select(column.consultation_id).where(column.uuid == uuid)
    return connection.execute(query).scalar() or ""


def newest_answer(
    connection: Connection,
    *conditions: ColumnElement[bool],
    cipher: PayloadCipher,
    silent: bool = False,
) -> CheckedConsultation | None:
    """The newest answered consultation that meets the conditions, if it can be read."""
    answered = tables.consultations.c.outcome.in_(_ANSWERS)
    found = _newest(connection, answered, *conditions, cipher=cipher, silent=silent)
    return found if isinstance(found, CheckedConsultation) else None


def newest_of(
    connection: Connection,
    patient_key: str,
    after: float,
    now: float,
    cipher: PayloadCipher,
    *,
    silent: bool = False,
) -> Consultation | None:
    """The newest consultation of a patient's chart; a check of entered problems is none."""
    table = tables.consultations.c
    of_chart = (table.patient_key == patient_key, table.outcome != Outcome.CHECKED.value)
    valid = (table.expires > now, table.created > after)
    return _newest(connection, *of_chart, *valid, cipher=cipher, silent=silent)


def _newest(
    connection: Connection,
    *conditions: ColumnElement[bool],
    cipher: PayloadCipher,
    silent: bool,
) -> Consultation | None:
    """The newest consultation that meets the conditions, in whatever state.

    One that cannot be read is logged and skipped: it could only have saved time.
    """
    table = tables.consultations.c
    readable = (table.payload_format != ERASED, of_trial(silent=silent))
    found = select(table.id).where(*readable, *conditions).order_by(table.created.desc())
    row = connection.execute(found.limit(1)).one_or_none()
    if row is None:
        return None
    try:
        return by_id(connection, row.id, cipher, silent=silent)
    except RecordUnreadable as error:
        _log.warning("record-unreadable", code=error.code)
        return None


def content_key(key: SiteKey, plain: str) -> str:
    """A content key as it is stored, keyed: the plain one is a hash of facts and can be guessed."""
    return key.digest("content-key", plain)


def _row(
    connection: Connection,
    consultation: Consultation,
    key: SiteKey,
    cipher: PayloadCipher,
    expires: float,
) -> dict[str, Any]:
    format_, plain = _encode(consultation)
    context, owner = PayloadContext(KIND, consultation.id, format_), consultation.patient_key
    encrypted = cipher.seal(connection, context, plain, owner=owner)
    return {
        "id": consultation.id,
        "content_key": content_key(key, consultation.key),
        "service": consultation.service,
        "created": consultation.created,
        "patient_key": consultation.patient_key,
        "outcome": consultation.outcome.value,
        "expires": expires,
        "payload_format": context.format,
        "payload": encrypted.payload,
        "sealed_by": encrypted.key_id,
    }


def _encode(consultation: Consultation) -> tuple[str, bytes]:
    """The format of a consultation's stage, and its stored bytes."""
    if isinstance(consultation, CheckedConsultation):
        checked = _SILENT_CHECKED if consultation.silent else _CHECKED
        return checked.format, checked.encode(consultation)
    prepared = _SILENT_PREPARED if consultation.silent else _PREPARED
    return prepared.format, prepared.encode(consultation)


def _card_row(consultation_id: str, position: int, card: Card, key: SiteKey) -> dict[str, object]:
    return {
        "uuid": card.uuid,
        "consultation_id": consultation_id,
        "position": position,
        "indicator": card.indicator,
        "summary_digest": key.digest("card-summary", card.summary),
    }


def decode(connection: Connection, row: Row[Any], cipher: PayloadCipher) -> Consultation:
    """The consultation in a whole row. Raises RecordUnreadable.

    The columns in clear decide whom it is shown to: they must agree with the payload.
    """
    context = PayloadContext(KIND, row.id, row.payload_format)
    plain = cipher.open(connection, context, EncryptedPayload(row.payload, row.sealed_by))
    found: Consultation = _codec(row.payload_format).decode(plain, row.payload_format, where=row.id)
    if not _is_of(found, row):
        hint = "Restore the store from a backup, and ask who can write into the database."
        raise RecordUnreadable("the record was given to another patient", where=row.id, hint=hint)
    return found


def _codec(payload_format: str) -> Codec[Any]:
    if payload_format in _PREPARED_FORMATS:
        return _SILENT_PREPARED if is_silent_format(payload_format) else _PREPARED
    return _SILENT_CHECKED if is_silent_format(payload_format) else _CHECKED


def _is_of(consultation: Consultation, row: Any) -> bool:
    identity = (consultation.id, consultation.patient_key, consultation.service)
    return identity == (row.id, row.patient_key, row.service)
