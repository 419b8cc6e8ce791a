"""Who saw which patient's data, when and why: a filter over records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.audit.ledger.export import record_of
from cds_hooks.audit.ledger.record import Record

__all__ = ["Question", "matching"]


@dataclass(frozen=True, slots=True)
class Question:
    """All that is set must hold. `patients` and `users` are pseudonyms, each several where an id
    has more than one (per server and client); `since` and `until` are RFC 3339, or their beginning.
    """

    patients: frozenset[str] = frozenset()
    users: frozenset[str] = frozenset()
    consultation: str = ""
    types: frozenset[str] = frozenset()
    since: str = ""
    until: str = ""

    def is_met_by(self, record: Record) -> bool:
        return (
            (not self.patients or record.text("patient_pseudonym") in self.patients)
            and (not self.users or record.text("user_ref") in self.users)
            and (not self.consultation or record.text("consultation") == self.consultation)
            and (not self.types or record.type in self.types)
            and record.recorded >= self.since
            and (not self.until or record.recorded[: len(self.until)] <= self.until)
        )


def matching(records: Iterable[bytes], question: Question) -> Iterator[Record]:
    """The records that meet the question, in their order; what is no record is passed over, for
    verification is what tells of it."""
    for data in records:
        record = record_of(data)
        if record is not None and question.is_met_by(record):
            yield record
