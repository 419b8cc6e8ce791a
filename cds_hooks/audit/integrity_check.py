"""Whether a store, or a copy of one, can be read whole: its tables, every payload, its ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Table, func, inspect, select

from cds_hooks.audit import consultations, day_counts, feedback, reviews, tables, trial_outcomes
from cds_hooks.audit.encryption import ERASED, PayloadCipher
from cds_hooks.audit.ledger import checkpoint_storage, storage
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.record_integrity import RecordIntegrity, payload_digest
from cds_hooks.audit.ledger.verification import LedgerVerifier, verify_checkpoints
from cds_hooks.audit.store_errors import (
    RecordErased,
    RecordUnreadable,
    StoreRefused,
    StoreUnavailable,
)

__all__ = ["IntegrityReport", "check_integrity"]

_PAGE = 100
_UNSIGNED = "unsigned"

Decode = Callable[[Connection, Row[Any], PayloadCipher], object]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class IntegrityReport:
    """What was read, and what is wrong.

    `opened` and `erased` count payloads, `records` those of the ledger. `unreadable` are the ids
    of payloads that cannot be decrypted, `earlier` those of consultations in another state than
    the ledger says, `unrecorded` those of which it says nothing. `damage` is what the database
    reports of itself, `ledger` the code of what is wrong with the ledger; empty when nothing is.
    """

    opened: int = 0
    erased: int = 0
    unreadable: tuple[str, ...] = ()
    records: int = 0
    ledger: str = ""
    damage: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    unrecorded: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        faults = (self.unreadable, self.ledger, self.damage, self.earlier, self.unrecorded)
        return not any(faults)


@dataclass(slots=True)
class _Payloads:
    """What reading the payloads found; `digests` are those of consultations, by id."""

    opened: int = 0
    erased: int = 0
    unreadable: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)


def check_integrity(
    connection: Connection,
    cipher: PayloadCipher,
    keys: Sequence[CheckpointVerifier] = (),
    progress: Progress = lambda _done, _all: None,
) -> IntegrityReport:
    """Read everything; `progress` is called with the number of payloads read, and of how many.

    `keys` must have signed the ledger's checkpoints; without any they are not verified.
    """
    if damage := _damage(connection):
        return IntegrityReport(damage=damage)
    read = _read_payloads(connection, cipher, progress)
    integrity = RecordIntegrity(read.digests)
    records, ledger = _check_ledger(connection, keys, integrity)
    # A broken ledger attests to nothing reliably: its own fault is what is reported.
    earlier = () if ledger else integrity.earlier_states(connection)
    return IntegrityReport(
        read.opened,
        read.erased,
        tuple(read.unreadable),
        records,
        ledger,
        earlier=tuple(each.consultation for each in earlier),
        unrecorded=() if ledger else integrity.unrecorded,
    )


def _damage(connection: Connection) -> tuple[str, ...]:
    if connection.dialect.name != "sqlite":
        return ()
    found = connection.exec_driver_sql("PRAGMA integrity_check(10)").scalars().all()
    return () if list(found) == ["ok"] else ("integrity-check",)


def _read_payloads(connection: Connection, cipher: PayloadCipher, progress: Progress) -> _Payloads:
    found = _Payloads()
    total = _count(connection, tables.consultations) + _count(connection, tables.feedback)
    for done, (row, decode) in enumerate(_rows(connection), 1):
        if decode is consultations.decode and row.payload_format != ERASED:
            found.digests[row.id] = payload_digest(row.payload)
        try:
            decode(connection, row, cipher)
            found.opened += 1
        except RecordErased:
            found.erased += 1
        except (RecordUnreadable, StoreRefused):
            found.unreadable.append(row.id)
        progress(done, total)
    _read_counts(connection, cipher, found)
    _read_reviews(connection, cipher, found)
    _read_outcomes(connection, cipher, found)
    return found


def _read_counts(connection: Connection, cipher: PayloadCipher, found: _Payloads) -> None:
    """Read the statistics, which a copy of an older store has none of. They are of no patient, and
    are not counted."""
    if not inspect(connection).has_table(tables.statistics.name):
        return
    for row in connection.execute(select(tables.statistics)).all():
        try:
            day_counts.decode(connection, row, cipher)
        except (RecordUnreadable, StoreRefused):
            found.unreadable.append(f"{row.day} {row.service}")


def _read_reviews(connection: Connection, cipher: PayloadCipher, found: _Payloads) -> None:
    """Read what reviewers wrote, which a copy of an older store has none of."""
    if not inspect(connection).has_table(tables.reviews.name):
        return
    written = select(tables.reviews).where(tables.reviews.c.payload_format != "")
    for row in connection.execute(written).all():
        try:
            reviews.decode(connection, row, cipher)
            found.opened += 1
        except RecordErased:
            found.erased += 1
        except (RecordUnreadable, StoreRefused):
            found.unreadable.append(row.id)


def _read_outcomes(connection: Connection, cipher: PayloadCipher, found: _Payloads) -> None:
    """Read what a trial found patients to have, which a copy of an older store has none of."""
    if not inspect(connection).has_table(tables.trial_outcomes.name):
        return
    for row in connection.execute(select(tables.trial_outcomes)).all():
        try:
            trial_outcomes.decode(connection, row, cipher)
            found.opened += 1
        except RecordErased:
            found.erased += 1
        except (RecordUnreadable, StoreRefused):
            found.unreadable.append(row.consultation_id)


def _rows(connection: Connection) -> Iterator[tuple[Row[Any], Decode]]:
    """Whole rows with their decoder, read a page at a time."""
    both: tuple[tuple[Table, Decode], ...] = (
        (tables.consultations, consultations.decode),
        (tables.feedback, feedback.decode),
    )
    for table, decode in both:
        last, page = "", select(table).order_by(table.c.id).limit(_PAGE)
        while rows := connection.execute(page.where(table.c.id > last)).all():
            yield from ((row, decode) for row in rows)
            last = rows[-1].id


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _check_ledger(
    connection: Connection, keys: Sequence[CheckpointVerifier], integrity: RecordIntegrity
) -> tuple[int, str]:
    """How many records the ledger has, and the code of what is wrong with it."""
    notes = checkpoint_storage.notes(connection) if keys else []
    verifier = LedgerVerifier(*verify_checkpoints(notes, keys))
    for row in storage.records(connection):
        # SQLite keeps whatever type it is given in a column: text is not a record.
        data = row.record if isinstance(row.record, bytes) else b""
        if not verifier.add(data):
            break
        integrity.add(row.seq, data)
    report = verifier.report()
    if report.failure and not (report.failure.code == _UNSIGNED and not notes):
        return report.records, report.failure.code
    try:
        matches = storage.head(connection).root == report.root
    except StoreUnavailable as error:
        return report.records, error.reason
    return report.records, "" if matches else "head-differs"
