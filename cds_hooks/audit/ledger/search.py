"""A search of the ledger in the database, the newest records first, a bounded step at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from cds_hooks.audit import tables
from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.query import LedgerQuery
from cds_hooks.audit.ledger.record import Record

__all__ = ["SearchStep", "search_step"]


@dataclass(frozen=True, slots=True)
class SearchStep:
    """`records` were found, the newest first. Everything from `below` on has been looked at; what
    is older has not, and nothing is when `below` is 0."""

    records: tuple[Record, ...]
    below: int


def search_step(
    connection: Connection, query: LedgerQuery, *, below: int | None, most: int, look_at: int
) -> SearchStep:
    """Look at up to `look_at` records before record `below` (None: from the newest one on), until
    `most` are found."""
    if below is None:
        below = _size(connection)
    first = max(below - look_at, 0)
    found: list[Record] = []
    for row in _rows(connection, query, first, below):
        # SQLite keeps whatever it is given in a column: text is no record, as verification tells.
        data = row.record if isinstance(row.record, bytes) else b""
        record = parse_record(data) if query.may_match(data) else None
        if record is not None and query.matches(record):
            found.append(record)
            if len(found) == most:
                return SearchStep(tuple(found), row.seq)
    return SearchStep(tuple(found), first)


def _size(connection: Connection) -> int:
    newest = connection.execute(select(func.max(tables.ledger.c.seq))).scalar()
    return 0 if newest is None else int(newest) + 1


def _rows(
    connection: Connection, query: LedgerQuery, first: int, below: int
) -> list[Row[Any, Any]]:
    """What the columns to search by leave; the records themselves are compared after."""
    column = tables.ledger.c
    wanted = select(column.seq, column.record).where(column.seq >= first, column.seq < below)
    if query.types:
        wanted = wanted.where(column.type.in_(sorted(query.types)))
    if query.since:
        wanted = wanted.where(column.recorded >= query.since)
    if query.until:
        begins = func.substr(column.recorded, 1, len(query.until))
        wanted = wanted.where(begins <= query.until)
    return list(connection.execute(wanted.order_by(column.seq.desc())))
