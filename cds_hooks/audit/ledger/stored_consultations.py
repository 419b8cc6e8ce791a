"""Stored consultations compared with what the ledger attests, without decrypting any.

That the bytes are those that were written is what the ledger's digest says; whether they decrypt is
the cipher's business, and needs the site key for each.
"""

from __future__ import annotations

from sqlalchemy import Connection, select

from cds_hooks.audit import tables
from cds_hooks.audit.encryption import ERASED
from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.record_integrity import attests_state, latest_attestation
from cds_hooks.audit.ledger.verification import VerificationFailure

__all__ = ["check_consultations", "missing_data_key"]

_AT_ONCE = 20


def check_consultations(
    connection: Connection, after: str
) -> tuple[str, VerificationFailure | None]:
    """Compare the next stored consultations, by id, with the last state that the ledger attests.

    Returns the id of the last one (empty at the end), and what is wrong. One that the ledger does
    not have is left out: no page opens it.
    """
    column = tables.consultations.c
    record = latest_attestation().label("record")
    query = select(column.id, column.payload, record).where(column.payload_format != ERASED)
    query = query.where(column.id > after).order_by(column.id).limit(_AT_ONCE)
    rows = connection.execute(query).all()
    for row in rows:
        if row.record is not None and not attests_state(row.record, row.id, row.payload):
            text = f"the store has another state of consultation {row.id} than this record attests"
            return row.id, VerificationFailure(_seq_of(row.record), "earlier-state", text)
    return (rows[-1].id if len(rows) == _AT_ONCE else ""), None


def missing_data_key(connection: Connection) -> VerificationFailure | None:
    """The first stored consultation whose data key is not there, so that nobody can read it."""
    stored, keys = tables.consultations.c, tables.data_keys.c
    known = select(keys.id).where(keys.id == stored.sealed_by).exists()
    record = latest_attestation().label("record")
    query = select(stored.id, record).where(~known, stored.payload_format != ERASED)
    row = connection.execute(query.order_by(stored.id).limit(1)).one_or_none()
    if row is None:
        return None
    text = f"the data key of consultation {row.id}, which this record names, is not here"
    return VerificationFailure(_seq_of(row.record), "data-key-missing", text)


def _seq_of(record: object) -> int:
    found = parse_record(record) if isinstance(record, bytes) else None
    return found.seq if found else 0
