"""Named counts by day and service, encrypted: how they are added to and read.

Whoever adds holds the lock on how far the ledger is counted, so that of many processes one adds at
a time, and nothing is counted twice.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

import orjson
from sqlalchemy import Connection, Row, delete, insert, select, update

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.encryption import PayloadCipher, PayloadContext, data_keys
from cds_hooks.audit.encryption.data_keys import NO_PATIENT
from cds_hooks.audit.encryption.payloads import open_with
from cds_hooks.audit.schema import COUNTED
from cds_hooks.audit.store_errors import RecordUnreadable

__all__ = [
    "KIND",
    "Counts",
    "Position",
    "add",
    "decode",
    "delete_before",
    "has_before",
    "position",
    "read",
]

KIND = "statistics"
_FORMAT = "counts/1+zlib"

Counts: TypeAlias = Mapping[tuple[str, str], Counter[str]]
"""By UTC day (`2026-11-29`) and id of the CDS service: how often each named thing was so."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far was counted: the number of ledger records, and how often something was added, since
    feedback alone does not move the former."""

    records: int = 0
    times: int = 0

    def __str__(self) -> str:
        return f"{self.records} {self.times}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The position in a stored text."""
        records, _, times = text.partition(" ")
        return cls(int(records or 0), int(times or 0))

    def next(self, records: int) -> Position:
        """The position once this many more records are counted."""
        return Position(self.records + records, self.times + 1)


def position(connection: Connection) -> Position:
    """How far was counted."""
    column = tables.store_metadata.c
    value = connection.execute(select(column.value).where(column.name == COUNTED)).scalar()
    return Position.parse(value or "")


def add(
    connection: Connection,
    counts: Counts,
    *,
    after: Position,
    records: int,
    feedback: Sequence[str],
    cipher: PayloadCipher,
) -> bool:
    """Add what was counted of `records` ledger records after a position and of this feedback.

    False when another process counts, or has counted since; then nothing is written.
    """
    if not _lock(connection, after):
        return False
    for (day, service), more in counts.items():
        _add_to_day(connection, day, service, more, cipher)
    # Retention may have deleted some of it meanwhile.
    there = select(tables.feedback.c.id).where(tables.feedback.c.id.in_(feedback))
    connection.execute(insert(tables.counted_feedback).from_select(["id"], there))
    name = tables.store_metadata.c.name == COUNTED
    value = {"value": str(after.next(records))}
    connection.execute(update(tables.store_metadata).where(name).values(value))
    return True


def read(connection: Connection, first: str, last: str, cipher: PayloadCipher) -> Counts:
    """The counts of the days from `first` to `last`. Raises RecordUnreadable."""
    table = tables.statistics
    query = select(table).where(table.c.day >= first, table.c.day <= last)
    rows = connection.execute(query.order_by(table.c.day, table.c.service)).all()
    # One key for all as a rule: to look it up for each row took most of the time.
    ids = {row.sealed_by for row in rows}
    keys = {each: data_keys.by_id(connection, each, cipher.wrapper, where=KIND) for each in ids}
    return {(row.day, row.service): _decode(row, keys[row.sealed_by]) for row in rows}


def has_before(connection: Connection, day: str) -> bool:
    """Whether there are counts of a day before."""
    column = tables.statistics.c
    return connection.execute(select(column.day).where(column.day < day)).first() is not None


def delete_before(connection: Connection, day: str) -> None:
    """Delete the counts of the days before."""
    table = tables.statistics
    connection.execute(delete(table).where(table.c.day < day))


def decode(connection: Connection, row: Row[Any], cipher: PayloadCipher) -> Counter[str]:
    """The counts in a row. Raises RecordUnreadable."""
    where = _context(row.day, row.service).id
    return _decode(row, data_keys.by_id(connection, row.sealed_by, cipher.wrapper, where=where))


def _decode(row: Row[Any], key: data_keys.DataKey) -> Counter[str]:
    context = _context(row.day, row.service)
    if row.payload_format != _FORMAT:
        hint = "They were written by another version of this service; use that one to read them."
        raise RecordUnreadable("unknown format of counts", where=context.id, hint=hint)
    return Counter(orjson.loads(zlib.decompress(open_with(key, context, row.payload))))


def _lock(connection: Connection, after: Position) -> bool:
    """Lock how far the ledger is counted, without waiting: a hook's record may be behind us."""
    column = tables.store_metadata.c
    query = select(column.value).where(column.name == COUNTED)
    found = connection.execute(query.with_for_update(skip_locked=True)).scalar()
    return found == str(after)


def _add_to_day(
    connection: Connection, day: str, service: str, more: Counter[str], cipher: PayloadCipher
) -> None:
    table, context = tables.statistics, _context(day, service)
    here = (table.c.day == day) & (table.c.service == service)
    row = connection.execute(select(table).where(here)).one_or_none()
    total = more if row is None else decode(connection, row, cipher) + more
    plain = zlib.compress(orjson.dumps(dict(total)))
    encrypted = cipher.seal(connection, context, plain, owner=NO_PATIENT)
    values = {
        "day": day,
        "service": service,
        "payload_format": _FORMAT,
        "payload": encrypted.payload,
        "sealed_by": encrypted.key_id,
    }
    statement = insert_on_conflict(connection, table).values(values)
    later = {name: statement.excluded[name] for name in values}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["day", "service"], set_=later)
    )


def _context(day: str, service: str) -> PayloadContext:
    return PayloadContext(KIND, f"{day} {service}", _FORMAT)
