"""What users did with a card, kept whole and once however often a client sends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from cds_hooks.audit import tables
from cds_hooks.audit.codec import Codec
from cds_hooks.audit.database import insert_for
from cds_hooks.audit.keys import SiteKey
from cds_hooks.protocol.feedback import FeedbackEntry

__all__ = ["FeedbackReceipt", "entries_for", "record"]


@dataclass(frozen=True, slots=True)
class FeedbackReceipt:
    """What became of a call's entries: new, sent before, new for a card that is not known."""

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
    received: float,
    expires: float,
) -> FeedbackReceipt:
    """Write the entries that are not there yet; one for an unknown card is kept like the others."""
    counts = {"recorded": 0, "repeated": 0, "unknown": 0}
    for entry in entries:
        consultation = _consultation_of(connection, entry.card)
        payload = _CODEC.encode(entry)
        row = {
            "id": key.digest("feedback", service, payload.hex()),
            "service": service,
            "card": entry.card,
            "consultation_id": consultation,
            "outcome": entry.outcome,
            "outcome_at": entry.outcome_at,
            "received": received,
            "expires": expires,
            "payload_format": _CODEC.format,
            "payload": payload,
        }
        statement = insert_for(connection, tables.feedback).values(row).on_conflict_do_nothing()
        # Not by rowcount: it is not known of an INSERT with every driver.
        is_new = connection.execute(statement.returning(tables.feedback.c.id)).first() is not None
        counts[_fate(is_new=is_new, known=consultation is not None)] += 1
    return FeedbackReceipt(**counts)


def entries_for(connection: Connection, consultation_id: str) -> tuple[FeedbackEntry, ...]:
    """The feedback on a consultation's cards, in the order it came."""
    table = tables.feedback.c
    query = (
        select(table.id, table.payload, table.payload_format)
        .where(table.consultation_id == consultation_id)
        .order_by(table.received, table.id)
    )
    rows = connection.execute(query)
    return tuple(_CODEC.decode(row.payload, row.payload_format, where=row.id) for row in rows)


def _consultation_of(connection: Connection, card: str) -> str | None:
    table = tables.cards.c
    return connection.execute(select(table.consultation_id).where(table.uuid == card)).scalar()


def _fate(*, is_new: bool, known: bool) -> str:
    if not is_new:
        return "repeated"
    return "recorded" if known else "unknown"
