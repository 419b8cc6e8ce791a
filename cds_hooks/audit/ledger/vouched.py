"""Which state of a stored record the ledger vouches for: the last one whose digest it recorded.

A record that is written again (pending, then answered) is sealed with the same key for the same
place, so an earlier state put back in its place still opens. Only the ledger tells them apart: it
holds a digest of the sealed bytes of each state, in the transaction that wrote them.

The digest is a plain SHA-256: it is of ciphertext under a random nonce, in which nothing of a
patient can be guessed. Erasing and rotating keys leave sealed bytes, and so digests, as they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import Connection, ScalarSelect, select

from cds_hooks.audit import tables
from cds_hooks.audit.ledger import canonical
from cds_hooks.audit.ledger.append import Prepared
from cds_hooks.audit.sealing.records import ERASED

__all__ = [
    "FIELD",
    "Earlier",
    "Vouching",
    "digest_of",
    "is_state_of",
    "last_record",
    "stored_digests",
    "vouching",
]

FIELD = "payload_sha256"
"""The field of a record that has the digest."""

_MARK = b'"payload_sha256":'
_PAGE = 100


def digest_of(payload: bytes) -> str:
    """The digest of a record's sealed bytes."""
    return hashlib.sha256(payload).hexdigest()


def vouching(entry: Prepared, consultation: str, digest: str) -> Prepared:
    """The entry with the digest of the state that was written with it; itself without one."""
    if not digest:
        return entry
    told = canonical.member(FIELD, digest)
    return replace(entry, members=(*entry.members, told), vouches_for=consultation)


def last_record(since: int = 0) -> ScalarSelect[bytes]:
    """The ledger's last record, from `since` on, that vouches for a row of `consultations`.

    A column for a query of that table, so that both are of one moment. Found by an index that is
    no part of what is signed: `Vouching` reads the records themselves.
    """
    column = tables.ledger.c
    query = select(column.record).where(
        column.vouches_for == tables.consultations.c.id, column.seq >= since
    )
    return query.order_by(column.seq.desc()).limit(1).scalar_subquery()


def is_state_of(record: bytes | None, consultation: str, payload: bytes) -> bool:
    """Whether a ledger record vouches for this state of a consultation."""
    told = _told(record) if isinstance(record, bytes) else None
    return told == (consultation, digest_of(payload))


def stored_digests(connection: Connection) -> dict[str, str]:
    """The digest of each consultation that is not erased, by id."""
    of, found, last = tables.consultations.c, dict[str, str](), ""
    page = select(of.id, of.payload).where(of.payload_format != ERASED).order_by(of.id)
    while rows := connection.execute(page.where(of.id > last).limit(_PAGE)).all():
        found |= {row.id: digest_of(row.payload) for row in rows}
        last = rows[-1].id
    return found


@dataclass(frozen=True, slots=True)
class Earlier:
    """A stored record that is not in the state which ledger record `seq` vouches for."""

    seq: int
    consultation: str


class Vouching:
    """Holds stored digests by id against the ledger's records, which are handed in in order."""

    def __init__(self, stored: Mapping[str, str]) -> None:
        self._stored = stored
        self._last: dict[str, tuple[int, str]] = {}

    def add(self, seq: int, record: bytes) -> None:
        """Take the next record."""
        told = _told(record)
        if told is not None and told[0] in self._stored:
            self._last[told[0]] = (seq, told[1])

    @property
    def unvouched(self) -> int:
        """How many stored records no ledger record vouches for: an earlier version wrote them."""
        return len(self._stored) - len(self._last)

    def earlier(self, connection: Connection) -> tuple[Earlier, ...]:
        """The stored records that are in another state than the ledger says, by `seq`.

        Each is looked at once more: a service may have written it while all this was read.
        """
        found = (
            Earlier(seq, consultation)
            for consultation, (seq, digest) in self._last.items()
            if self._stored[consultation] != digest
        )
        still = (each for each in found if _is_still(connection, each))
        return tuple(sorted(still, key=lambda each: each.seq))


def _is_still(connection: Connection, found: Earlier) -> bool:
    of = tables.consultations.c
    query = select(of.payload, of.payload_format, last_record(found.seq).label("record"))
    row = connection.execute(query.where(of.id == found.consultation)).one_or_none()
    if row is None or row.payload_format == ERASED:
        return False
    return not is_state_of(row.record, found.consultation, row.payload)


def _told(record: bytes) -> tuple[str, str] | None:
    """Consultation and digest in a record; None when it has no digest."""
    if _MARK not in record:
        return None
    try:
        fields = orjson.loads(record)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    consultation, digest = fields.get("consultation"), fields.get(FIELD)
    if isinstance(consultation, str) and isinstance(digest, str):
        return consultation, digest
    return None
