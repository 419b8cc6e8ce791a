"""What an earlier version wrote unencrypted is sealed, some rows at a time, once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, Table, select, update

from cds_hooks.audit import consultations, feedback, tables
from cds_hooks.audit.database import insert_for
from cds_hooks.audit.keys import SiteKey
from cds_hooks.audit.sealing.data_keys import NO_PATIENT
from cds_hooks.audit.sealing.records import ERASED, Record, Sealer

__all__ = ["BEGINNING", "Place", "all_sealed", "seal_some"]

_FACT = "all-sealed"
_TABLES = {consultations.KIND: tables.consultations, feedback.KIND: tables.feedback}

Place = tuple[str, str]
"""A kind of record and an id: what comes before was looked at."""

BEGINNING: Place = (consultations.KIND, "")


def all_sealed(connection: Connection) -> bool:
    """Whether a whole pass found nothing plain before: looking again would read the whole store."""
    column = tables.facts.c
    query = select(column.value).where(column.name == _FACT)
    return connection.execute(query).scalar() is not None


def seal_some(
    connection: Connection, key: SiteKey, sealer: Sealer, most: int, after: Place = BEGINNING
) -> tuple[int, Place | None]:
    """Seal at most so many plain rows behind a place; how many, and where to go on.

    None says that a whole pass is done, which is remembered.
    """
    kind, last = after
    work = _consultations if kind == consultations.KIND else _feedback
    ids = work(connection, key, sealer, _plain(_TABLES[kind], last, most))
    if ids:
        return len(ids), (kind, ids[-1])
    if kind == consultations.KIND:
        return 0, (feedback.KIND, "")
    row = {"name": _FACT, "value": "1"}
    statement = insert_for(connection, tables.facts).values(row)
    connection.execute(statement.on_conflict_do_nothing())
    return 0, None


def _consultations(
    connection: Connection, key: SiteKey, sealer: Sealer, query: Select[Any]
) -> list[str]:
    table = tables.consultations
    rows = connection.execute(query).all()
    for row in rows:
        record = Record(consultations.KIND, row.id, row.payload_format)
        sealed = sealer.seal(connection, record, row.payload, owner=row.patient_key)
        values = {
            "payload": sealed.payload,
            "sealed_by": sealed.by,
            "content_key": consultations.content_key(key, row.content_key),
        }
        connection.execute(update(table).where(table.c.id == row.id).values(values))
    return [row.id for row in rows]


def _feedback(
    connection: Connection, key: SiteKey, sealer: Sealer, query: Select[Any]
) -> list[str]:
    table, of = tables.feedback, tables.consultations.c
    rows = connection.execute(query).all()
    for row in rows:
        whose = select(of.patient_key).where(of.id == row.consultation_id)
        owner = connection.execute(whose).scalar() or NO_PATIENT
        record = Record(feedback.KIND, row.id, row.payload_format)
        sealed = sealer.seal(connection, record, row.payload, owner=owner)
        card = row.card if row.consultation_id else key.digest("card", row.card)
        values = {"payload": sealed.payload, "sealed_by": sealed.by, "card": card}
        connection.execute(update(table).where(table.c.id == row.id).values(values))
    return [row.id for row in rows]


def _plain(table: Table, last: str, most: int) -> Select[Any]:
    readable = table.c.payload_format != ERASED
    query = select(table).where(table.c.id > last, table.c.sealed_by.is_(None), readable)
    return query.order_by(table.c.id).limit(most)
