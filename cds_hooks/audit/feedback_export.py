"""All feedback of a store, entry by entry, with what the ledger knows of who gave it. Read-only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, and_, or_, select

from cds_hooks.audit import feedback, tables
from cds_hooks.audit.encryption import ERASED, PayloadCipher
from cds_hooks.audit.encryption.site_key import SiteKey
from cds_hooks.audit.store_errors import RecordErased, RecordUnreadable
from cds_hooks.protocol.feedback import FeedbackEntry

__all__ = ["StoredFeedback", "all_feedback"]

Told = Mapping[str, str]

_SHOWN = "hook-answered"
_PAGE = 500
_FIELDS = ("user_ref", "client_iss", "tenant", "encounter_pseudonym")


@dataclass(frozen=True, slots=True)
class StoredFeedback:
    """One entry as it is kept, `received` in UTC seconds since 1970.

    `entry` is None where it was erased or cannot be read, and `problem` says which. `said` are
    fields of the ledger's record of the feedback call, `shown` of the record of the hook:
    user, client, tenant and encounter as the ledger keeps them, as far as it has them.
    """

    service: str
    card: str
    consultation: str
    outcome: str
    outcome_at: str
    received: float
    entry: FeedbackEntry | None
    problem: str
    said: Told
    shown: Told


def all_feedback(
    connection: Connection, key: SiteKey, cipher: PayloadCipher
) -> Iterator[StoredFeedback]:
    """Every entry in the order in which it came, a page at a time.

    The ledger is read through once before; kept of it are four fields for each card or consultation
    that has feedback.
    """
    calls, hooks = _calls(connection), _hooks(connection)
    for row in _rows(connection):
        yield _stored(connection, row, key, cipher, calls, hooks)


def _rows(connection: Connection) -> Iterator[Row[object]]:
    column = tables.feedback.c
    query = select(tables.feedback).order_by(column.received, column.id).limit(_PAGE)
    page = connection.execute(query).all()
    while page:
        yield from page
        last = page[-1]
        later = and_(column.received == last.received, column.id > last.id)
        page = connection.execute(query.where(or_(column.received > last.received, later))).all()


def _stored(
    connection: Connection,
    row: Row[object],
    key: SiteKey,
    cipher: PayloadCipher,
    calls: Mapping[str, Told],
    hooks: Mapping[str, Told],
) -> StoredFeedback:
    entry, problem = _entry(connection, row, cipher)
    consultation = row.consultation_id or ""
    return StoredFeedback(
        service=row.service,
        card=row.card,
        consultation=consultation,
        outcome=row.outcome,
        outcome_at=row.outcome_at,
        received=row.received,
        entry=entry,
        problem=problem,
        said=calls.get(key.digest("ledger-card", row.card), {}),
        shown=hooks.get(row.card) or hooks.get(consultation, {}),
    )


def _entry(
    connection: Connection, row: Row[object], cipher: PayloadCipher
) -> tuple[FeedbackEntry | None, str]:
    if row.payload_format == ERASED:
        return None, "erased"
    try:
        return feedback.decode(connection, row, cipher), ""
    except RecordErased:
        return None, "erased"
    except RecordUnreadable as error:
        return None, error.code


def _calls(connection: Connection) -> Mapping[str, Told]:
    """What the ledger says of feedback calls, by the keyed hash of each of their cards."""
    found: dict[str, Told] = {}
    for fields in _records(connection, feedback.KIND):
        told = _told(fields)
        for card in fields.get("details", {}).get("cards_hmac", ()):
            # The first call is the one that was kept; a repeated one changes nothing.
            found.setdefault(card, told)
    return found


def _hooks(connection: Connection) -> Mapping[str, Told]:
    """What it says of the hooks by which cards with feedback were shown, by card; and of the first
    hook of a consultation, by its id."""
    column = tables.feedback.c
    wanted = {each for row in connection.execute(select(column.card, column.consultation_id))
              for each in row if each}  # fmt: skip
    found: dict[str, Told] = {}
    for fields in _records(connection, _SHOWN) if wanted else ():
        for name in (fields.get("consultation"), *(c["uuid"] for c in fields.get("cards", ()))):
            if name in wanted:
                found.setdefault(name, _told(fields))
    return found


def _records(connection: Connection, type_: str) -> Iterator[Mapping[str, Any]]:
    column = tables.ledger.c
    query = select(column.record).where(column.type == type_).order_by(column.seq)
    for record in connection.execute(query).scalars().yield_per(_PAGE):
        yield orjson.loads(record)


def _told(fields: Mapping[str, Any]) -> Told:
    return {name: str(fields[name]) for name in _FIELDS if fields.get(name)}
