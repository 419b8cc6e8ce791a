"""Integrity of stored consultations: the ledger has a digest of the last payload of each.

A consultation that is written again (pending, then answered) is encrypted with the same key for the
same row, so an earlier state that is put back still decrypts. Only the ledger tells them apart: it
records a digest of each encrypted payload, in the transaction that writes it.

The digest is a plain SHA-256: it is of ciphertext under a random nonce, from which nothing about a
patient can be guessed. Rotating keys leaves the ciphertext, and so the digest, as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import Connection, ScalarSelect, select

from cds_hooks.audit import tables
from cds_hooks.audit.encryption import ERASED
from cds_hooks.audit.ledger import canonical_json
from cds_hooks.audit.ledger.storage import PreparedEntry

__all__ = [
    "FIELD",
    "EarlierState",
    "RecordIntegrity",
    "attests_state",
    "latest_attestation",
    "payload_digest",
    "stored_digests",
    "with_payload_digest",
]

FIELD = "payload_sha256"
"""The field of a ledger record that has the digest."""

_NEEDLE = b'"payload_sha256":'
_PAGE = 100


def payload_digest(payload: bytes) -> str:
    """The digest of an encrypted payload, as the ledger records it."""
    return hashlib.sha256(payload).hexdigest()


def with_payload_digest(entry: PreparedEntry, consultation: str, digest: str) -> PreparedEntry:
    """The entry with the digest of the payload written with it; unchanged for an empty digest."""
    if not digest:
        return entry
    member = canonical_json.member(FIELD, digest)
    return replace(entry, members=(*entry.members, member), attests_to=consultation)


def latest_attestation(since: int = 0) -> ScalarSelect[bytes]:
    """The ledger's last record, from `since` on, with the payload digest of a consultation.

    A column for a query of `consultations`, so that both are read at one moment. It uses an index
    that is not part of what is signed: `RecordIntegrity` reads the records themselves.
    """
    column = tables.ledger.c
    query = select(column.record).where(
        column.attests_to == tables.consultations.c.id, column.seq >= since
    )
    return query.order_by(column.seq.desc()).limit(1).scalar_subquery()


def attests_state(record: bytes | None, consultation: str, payload: bytes) -> bool:
    """Whether a ledger record has the digest of this payload of the consultation."""
    attested = _parse(record) if isinstance(record, bytes) else None
    return attested == (consultation, payload_digest(payload))


def stored_digests(connection: Connection) -> dict[str, str]:
    """The payload digest of each consultation that is not erased, by id."""
    column, found, last = tables.consultations.c, dict[str, str](), ""
    page = select(column.id, column.payload).where(column.payload_format != ERASED)
    page = page.order_by(column.id).limit(_PAGE)
    while rows := connection.execute(page.where(column.id > last)).all():
        found |= {row.id: payload_digest(row.payload) for row in rows}
        last = rows[-1].id
    return found


@dataclass(frozen=True, slots=True)
class EarlierState:
    """A stored consultation that is in another state than ledger record `seq` says."""

    seq: int
    consultation: str


class RecordIntegrity:
    """Compares stored digests, by id, with the ledger's records, which are added in order."""

    def __init__(self, stored: Mapping[str, str]) -> None:
        self._stored = stored
        self._last: dict[str, tuple[int, str]] = {}

    def add(self, seq: int, record: bytes) -> None:
        """Take the next record."""
        attested = _parse(record)
        if attested is not None and attested[0] in self._stored:
            self._last[attested[0]] = (seq, attested[1])

    @property
    def unrecorded(self) -> tuple[str, ...]:
        """The ids of stored consultations of which no ledger record has a digest."""
        return tuple(sorted(self._stored.keys() - self._last.keys()))

    def earlier_states(self, connection: Connection) -> tuple[EarlierState, ...]:
        """The stored consultations that are in another state than the ledger says, by `seq`.

        Each is read again: a service may have written it while all this was read.
        """
        found = (
            EarlierState(seq, consultation)
            for consultation, (seq, digest) in self._last.items()
            if self._stored[consultation] != digest
        )
        still = (each for each in found if _is_still(connection, each))
        return tuple(sorted(still, key=lambda each: each.seq))


def _is_still(connection: Connection, found: EarlierState) -> bool:
    column = tables.consultations.c
    record = latest_attestation(found.seq).label("record")
    query = select(column.payload, column.payload_format, record)
    row = connection.execute(query.where(column.id == found.consultation)).one_or_none()
    if row is None or row.payload_format == ERASED:
        return False
    return not attests_state(row.record, found.consultation, row.payload)


def _parse(record: bytes) -> tuple[str, str] | None:
    """Consultation and payload digest in a ledger record; None when it has no digest."""
    if _NEEDLE not in record:
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
