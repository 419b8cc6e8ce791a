"""Consultations and their cards in the store: the statements, run inside a transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, or_, select

from cds_hooks.audit import tables
from cds_hooks.audit.codec import Codec
from cds_hooks.audit.database import insert_for
from cds_hooks.audit.errors import RecordUnreadable
from cds_hooks.audit.keys import SiteKey
from cds_hooks.audit.ledger.vouched import digest_of, is_state_of, last_record
from cds_hooks.audit.sealing import Record, Sealed, Sealer
from cds_hooks.audit.sealing.records import ERASED
from cds_hooks.consultation import Consultation, Outcome
from cds_hooks.protocol.cards import Card

__all__ = [
    "KIND",
    "by_id",
    "content_key",
    "decode",
    "newest_answer",
    "save",
    "save_cards",
]

KIND = "consultation"

_log = structlog.get_logger(__name__)
_CODEC = Codec(Consultation, "consultation")
# Only what the model answered may stand for an answer later; a failure is recorded, not reused.
_ANSWERS = (Outcome.ANSWERED.value, Outcome.EMPTY.value)


def save(
    connection: Connection,
    consultation: Consultation,
    cards: Sequence[Card],
    *,
    key: SiteKey,
    sealer: Sealer,
    expires: float,
) -> str:
    """Write a consultation, or its later state, and the cards that were made of it.

    A pending state never overwrites a later one; a card that is there stays as it was. What was
    erased stays so, whatever is still known of it elsewhere. Returns the digest of what is sealed
    in the store now (`ledger.vouched`); empty when it stayed as it was.
    """
    row = _row(connection, consultation, key, sealer, expires)
    table = tables.consultations
    statement = insert_for(connection, table).values(row)
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
    return digest_of(row["payload"]) if written else ""


def save_cards(
    connection: Connection, consultation_id: str, cards: Sequence[Card], *, key: SiteKey
) -> bool:
    """Write cards made of a consultation that is on record; False when it is not there any more."""
    if connection.execute(_IS_THERE, {"wanted": consultation_id}).first() is None:
        return False
    _insert_cards(connection, consultation_id, cards, key)
    return True


# Made once: it is asked with every hook.
_IS_THERE = select(tables.consultations.c.id).where(
    tables.consultations.c.id == bindparam("wanted"),
    tables.consultations.c.payload_format != ERASED,
)


def _insert_cards(
    connection: Connection, consultation_id: str, cards: Sequence[Card], key: SiteKey
) -> None:
    """A card that is there stays as it was."""
    if not cards:
        return
    rows = [_card_row(consultation_id, place, card, key) for place, card in enumerate(cards)]
    # The rows beside the statement: with them in it, it would be compiled anew for each hook.
    connection.execute(insert_for(connection, tables.cards).on_conflict_do_nothing(), rows)


def by_id(connection: Connection, consultation_id: str, sealer: Sealer) -> Consultation | None:
    """The consultation with this id. Raises RecordUnreadable.

    Also for an earlier state of it that was put back: the ledger says which one was last.
    """
    row = connection.execute(_BY_ID, {"wanted": consultation_id}).one_or_none()
    if row is None:
        return None
    found = decode(connection, row, sealer)
    if row.vouching is not None and not is_state_of(row.vouching, row.id, row.payload):
        hint = "Restore the store from a backup, and ask who can write into the database."
        message = "the record is not in the state that the ledger says"
        raise RecordUnreadable(message, where=row.id, hint=hint)
    return found


# Made once, like the one above. What an earlier version wrote has no ledger record of its state.
_BY_ID = select(tables.consultations, last_record().label("vouching")).where(
    tables.consultations.c.id == bindparam("wanted")
)


def newest_answer(
    connection: Connection,
    *conditions: ColumnElement[bool],
    sealer: Sealer,
    known: Callable[[str], Consultation | None] = lambda _: None,
) -> Consultation | None:
    """The newest answered consultation of those that meet the conditions.

    `known` gives what was decoded before, by id: an answer on record does not change. One that
    cannot be read is passed over as if it were not there: it could only have saved time.
    """
    table = tables.consultations.c
    readable = table.payload_format != ERASED
    newest = select(table.id, table.patient_key, table.service).where(
        table.outcome.in_(_ANSWERS), readable, *conditions
    )
    row = connection.execute(newest.order_by(table.created.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    try:
        found = known(row.id)
        return found if found and _is_of(found, row) else by_id(connection, row.id, sealer)
    except RecordUnreadable as error:
        _log.warning("record-unreadable", code=error.code)
        return None


def content_key(key: SiteKey, plain: str) -> str:
    """A content key as it is stored: the key itself is a bare hash of facts and can be guessed."""
    return key.digest("content-key", plain)


def _row(
    connection: Connection,
    consultation: Consultation,
    key: SiteKey,
    sealer: Sealer,
    expires: float,
) -> dict[str, Any]:
    record = Record(KIND, consultation.id, _CODEC.format)
    plain, owner = _CODEC.encode(consultation), consultation.patient_key
    sealed = sealer.seal(connection, record, plain, owner=owner)
    return {
        "id": consultation.id,
        "content_key": content_key(key, consultation.key),
        "service": consultation.service,
        "created": consultation.created,
        "patient_key": consultation.patient_key,
        "outcome": consultation.outcome.value,
        "expires": expires,
        "payload_format": record.format,
        "payload": sealed.payload,
        "sealed_by": sealed.by,
    }


def _card_row(consultation_id: str, position: int, card: Card, key: SiteKey) -> dict[str, object]:
    return {
        "uuid": card.uuid,
        "consultation_id": consultation_id,
        "position": position,
        "indicator": card.indicator,
        "summary_digest": key.digest("card-summary", card.summary),
    }


def decode(connection: Connection, row: Row[Any], sealer: Sealer) -> Consultation:
    """The consultation of a whole row. Raises RecordUnreadable.

    The columns beside the payload are in clear and decide whom it is shown to: they must agree.
    """
    record = Record(KIND, row.id, row.payload_format)
    plain = sealer.open(connection, record, Sealed(row.payload, row.sealed_by))
    found = _CODEC.decode(plain, row.payload_format, where=row.id)
    if not _is_of(found, row):
        hint = "Restore the store from a backup, and ask who can write into the database."
        raise RecordUnreadable("the record was given to another patient", where=row.id, hint=hint)
    return found


def _is_of(consultation: Consultation, row: Any) -> bool:
    told = (consultation.id, consultation.patient_key, consultation.service)
    return told == (row.id, row.patient_key, row.service)
