"""Who saw which patient's data, when and why: a filter over ledger records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.record import Record

__all__ = ["LedgerQuery", "matching"]


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Conditions; all that are set must be met.

    `patients` and `users` are pseudonyms, several where an id has more than one (per server and
    client). `since` and `until` are RFC 3339 times, or the beginning of one.
    """

    patients: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    consultation: str = ""
    types: frozenset[str] = frozenset()
    since: str = ""
    until: str = ""

    def matches(self, record: Record) -> bool:
        return (
            (not self.patients or record.text("patient_pseudonym") in self.patients)
            and (not self.users or record.text("user_ref") in self.users)
            and (not self.consultation or record.text("consultation") == self.consultation)
            and (not self.types or record.type in self.types)
            and record.recorded >= self.since
            and (not self.until or record.recorded[: len(self.until)] <= self.until)
        )


def matching(records: Iterable[bytes], query: LedgerQuery) -> Iterator[Record]:
    """The records that match, in order. What is no record is skipped: verification reports it."""
    for data in records:
        record = parse_record(data)
        if record is not None and query.matches(record):
            yield record
