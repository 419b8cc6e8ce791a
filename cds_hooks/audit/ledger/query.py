"""Who saw which patient's data, when and why: a filter over ledger records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.record import Record

__all__ = ["ALSO", "LedgerQuery", "matching"]

ALSO = "patient_pseudonyms"
"""The detail of a record that is about more than one pseudonym: the others."""


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
    service: str = ""
    outcome: str = ""
    client: str = ""

    def matches(self, record: Record) -> bool:
        return (
            (not self.patients or not self.patients.isdisjoint(_patients(record)))
            and (not self.users or record.text("user_ref") in self.users)
            and (not self.consultation or record.text("consultation") == self.consultation)
            and (not self.types or record.type in self.types)
            and record.recorded >= self.since
            and (not self.until or record.recorded[: len(self.until)] <= self.until)
            and (not self.service or record.text("service_id") == self.service)
            and (not self.outcome or record.text("outcome") == self.outcome)
            and (not self.client or record.text("client_iss") == self.client)
        )

    def may_match(self, data: bytes) -> bool:
        """Whether a record with these bytes could match: cheaper than reading it."""
        single = (self.consultation, self.service, self.outcome, self.client)
        wanted = (self.patients, self.users, *((each,) for each in single))
        return all(any(_plain(each) in data for each in some or ("",)) for some in wanted)


def _patients(record: Record) -> Iterator[str]:
    yield record.text("patient_pseudonym")
    details = record.fields.get("details")
    others = details.get(ALSO) if isinstance(details, dict) else None
    yield from (each for each in others or () if isinstance(each, str))


def _plain(text: str) -> bytes:
    """What stands in a record of a text; nothing where JSON would write it otherwise."""
    return text.encode() if text.isascii() and not {'"', "\\"} & set(text) else b""


def matching(records: Iterable[bytes], query: LedgerQuery) -> Iterator[Record]:
    """The records that match, in order. What is no record is skipped: verification reports it."""
    for data in records:
        record = parse_record(data) if query.may_match(data) else None
        if record is not None and query.matches(record):
            yield record
