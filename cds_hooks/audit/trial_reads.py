"""What the ledger says of the hooks of a trial: how many there were, and of which encounters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Select, select

from cds_hooks.audit import tables
from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.record import Record

__all__ = ["count_hooks", "encounters_of"]

_ANSWERED = ("hook-answered", "silent-hook-answered")
_BATCH = 500

_column = tables.ledger.c


def count_hooks(
    connection: Connection, since: float, until: float, *, service: str, without: Collection[str]
) -> int:
    """How many hooks of a service ("": of all) were answered, with cards or silently, from `since`
    up to before `until` (UTC seconds), but those of the issuers `without`: our own pages."""
    query = (
        select(_column.record)
        .where(_column.type.in_(_ANSWERED))
        .where(_column.recorded >= format_utc(since), _column.recorded < format_utc(until))
    )
    return sum(
        record.text("client_iss") not in without and service in ("", record.text("service_id"))
        for record in _records(connection, query)
    )


def encounters_of(connection: Connection, consultations: Iterable[str]) -> dict[str, str]:
    """The keyed hash of the encounter by consultation, as its first record that names one has it;
    none where no hook named one."""
    wanted, found = tuple(consultations), dict[str, str]()
    for begin in range(0, len(wanted), _BATCH):
        some = _column.attests_to.in_(wanted[begin : begin + _BATCH])
        query = select(_column.record).where(some).order_by(_column.seq)
        for record in _records(connection, query):
            if encounter := record.text("encounter_pseudonym"):
                found.setdefault(record.text("consultation"), encounter)
    return found


def _records(connection: Connection, query: Select[Any]) -> Iterator[Record]:
    """The records of a query; verification tells of those that cannot be read."""
    for data in connection.execute(query).scalars():
        record = parse_record(data)
        if record is not None:
            yield record
