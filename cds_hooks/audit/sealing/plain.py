"""What an earlier version wrote unencrypted is sealed, some rows at a time, once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, Table, select, update

from cds_hooks.audit import consultations, feedback, tables
from cds_hooks.audit.database import insert_for
from cds_hooks.audit.keys import SiteKey
from cds_hooks.audit.sealing.data_keys import NO_PATIENT
from cds_hooks.audit.sealing.records import ERASED, Record, Sealer

__all__ = ["all_sealed", "seal_some"]

_FACT = "all-sealed"


def all_sealed(connection: Connection) -> bool:
    """Whether a whole pass found nothing plain before: looking again would read the whole store."""
    column = tables.facts.c
    query = select(column.value).where(column.name == _FACT)
    return connection.execute(query).scalar() is not None


def seal_some(connection: Connection, key: SiteKey, sealer: Sealer, most: int) -> int:
    """Seal at most so many plain rows; how many that were. None left is remembered."""
    done = _consultations(connection, key, sealer, most)
    done = done or _feedback(connection, key, sealer, most)
    if not done:
        row = {"name": _FACT, "value": "1"}
        statement = insert_for(connection, tables.facts).values(row)
        connection.execute(statement.on_conflict_do_nothing())
    return done


def _consultations(connection: Connection, key: SiteKey, sealer: Sealer, most: int) -> int:
    table = tables.consultations
    rows = connection.execute(_plain(table, most)).all()
    for row in rows:
        record = Record(consultations.KIND, row.id, row.payload_format)
        sealed = sealer.seal(connection, record, row.payload, owner=row.patient_key)
        values = {
            "payload": sealed.payload,
            "sealed_by": sealed.by,
            "content_key": consultations.content_key(key, row.content_key),
        }
        connection.execute(update(table).where(table.c.id == row.id).values(values))
    return len(rows)


def _feedback(connection: Connection, key: SiteKey, sealer: Sealer, most: int) -> int:
    table, of = tables.feedback, tables.consultations.c
    rows = connection.execute(_plain(table, most)).all()
    for row in rows:
        query = select(of.patient_key).where(of.id == row.consultation_id)
        owner = connection.execute(query).scalar() or NO_PATIENT
        record = Record(feedback.KIND, row.id, row.payload_format)
        sealed = sealer.seal(connection, record, row.payload, owner=owner)
        card = row.card if row.consultation_id else key.digest("card", row.card)
        values = {"payload": sealed.payload, "sealed_by": sealed.by, "card": card}
        connection.execute(update(table).where(table.c.id == row.id).values(values))
    return len(rows)


def _plain(table: Table, most: int) -> Select[Any]:
    readable = table.c.payload_format != ERASED
    return select(table).where(table.c.sealed_by.is_(None), readable).limit(most)
