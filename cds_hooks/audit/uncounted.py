"""What the statistics do not have yet: the next ledger records and feedback, with what they name.

Read in one transaction, off the path of hooks, a few at a time: a consultation is decrypted here
once, and no page ever does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, exists, func, select

from cds_hooks.audit import consultations, feedback, tables
from cds_hooks.audit.day_counts import Position, position
from cds_hooks.audit.encryption import PayloadCipher
from cds_hooks.audit.ledger.record import Record
from cds_hooks.audit.ledger.record_integrity import FIELD
from cds_hooks.audit.silent_format import is_silent_format
from cds_hooks.audit.store_errors import RecordErased, RecordUnreadable
from cds_hooks.consultation import Consultation
from cds_hooks.protocol.feedback import FeedbackEntry

__all__ = ["GivenFeedback", "UncountedRecords", "is_state", "read_uncounted", "total_uncounted"]


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """One entry, when it was received (UTC seconds), and the consultation that it is about.

    `entry` is None where it was erased or cannot be read; its `outcome` is known all the same.
    """

    id: str
    service: str
    outcome: str
    received: float
    consultation: str
    entry: FeedbackEntry | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class UncountedRecords:
    """The ledger records after a position, and feedback; `consultation` reads what they name."""

    connection: Connection
    cipher: PayloadCipher
    after: Position
    records: tuple[Record, ...]
    feedback: tuple[GivenFeedback, ...]

    def consultation(self, id_: str) -> Consultation | None:
        """A consultation as it is stored now; None when it is deleted, erased or unreadable, and
        for a silent one, of which nothing is counted."""
        query = select(tables.consultations).where(tables.consultations.c.id == id_)
        row = self.connection.execute(query).one_or_none()
        if row is None or is_silent_format(row.payload_format):
            return None
        try:
            return consultations.decode(self.connection, row, self.cipher)
        except (RecordErased, RecordUnreadable):
            return None

    def earlier_states(self, record: Record) -> tuple[Record, ...]:
        """The records before this one that attest to a state of the same consultation, in order."""
        column = tables.ledger.c
        same = column.attests_to == record.text("consultation")
        query = select(column.seq, column.record).where(same, column.seq < record.seq)
        rows = self.connection.execute(query.order_by(column.seq)).all()
        return tuple(_record(row.seq, row.record) for row in rows)


def is_state(record: Record) -> bool:
    """Whether a record attests to a state of its consultation, and not only to who was shown it."""
    return bool(record.text(FIELD))


def total_uncounted(connection: Connection) -> int:
    """How many ledger records and entries of feedback are not within the counts."""
    size = connection.execute(select(tables.ledger_head.c.size)).scalar() or 0
    entries = select(func.count()).select_from(tables.feedback).where(_not_counted())
    return int(size) - position(connection).records + connection.execute(entries).scalar_one()


def read_uncounted(connection: Connection, cipher: PayloadCipher, most: int) -> UncountedRecords:
    """At most `most` ledger records, and as many entries of feedback."""
    after, column = position(connection), tables.ledger.c
    query = select(column.seq, column.record).where(column.seq >= after.records)
    rows = connection.execute(query.order_by(column.seq).limit(most)).all()
    records = tuple(_record(row.seq, row.record) for row in rows)
    return UncountedRecords(connection, cipher, after, records, _feedback(connection, cipher, most))


def _not_counted() -> ColumnElement[bool]:
    table = tables.counted_feedback
    return ~exists().where(table.c.id == tables.feedback.c.id)


def _feedback(
    connection: Connection, cipher: PayloadCipher, most: int
) -> tuple[GivenFeedback, ...]:
    query = select(tables.feedback).where(_not_counted()).order_by(tables.feedback.c.id)
    rows = connection.execute(query.limit(most)).all()
    return tuple(
        GivenFeedback(
            row.id,
            row.service,
            row.outcome,
            row.received,
            row.consultation_id or "",
            _entry(connection, row, cipher),
        )
        for row in rows
    )


def _entry(connection: Connection, row: Row[Any], cipher: PayloadCipher) -> FeedbackEntry | None:
    try:
        return feedback.decode(connection, row, cipher)
    except (RecordErased, RecordUnreadable):
        return None


def _record(seq: int, data: bytes) -> Record:
    """A record as `Record`; one that is no JSON object has no fields, and counts as nothing."""
    try:
        fields = orjson.loads(data)
    except orjson.JSONDecodeError:
        fields = {}
    return Record(seq, "", fields if isinstance(fields, dict) else {}, data)
