"""Whether a store, or a copy of one, can be read whole: its tables, every payload, its ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from cds_hooks.audit import consultations, feedback, tables
from cds_hooks.audit.errors import RecordErased, RecordUnreadable, StoreRefused, StoreUnavailable
from cds_hooks.audit.ledger import append, keeping
from cds_hooks.audit.ledger.signing import PublicKey
from cds_hooks.audit.ledger.verify import Verifier, signed_checkpoints
from cds_hooks.audit.ledger.vouched import Vouching, digest_of
from cds_hooks.audit.sealing import Sealer
from cds_hooks.audit.sealing.records import ERASED

__all__ = ["Checked", "check"]

_PAGE = 100
_UNSIGNED = "unsigned"

Decode = Callable[[Connection, Row[Any], Sealer], object]


@dataclass(frozen=True, slots=True)
class Checked:
    """How many payloads were opened, were erased, or could not be opened (`unreadable`, ids), how
    many are not encrypted; `damage` is what the database says of itself; `ledger` is the code of
    what is wrong with the ledger, empty when nothing is; `earlier` are the ids of records that are
    not in the state that the ledger says, and of `unvouched` it says nothing, because an earlier
    version wrote them."""

    opened: int = 0
    erased: int = 0
    plain: int = 0
    unreadable: tuple[str, ...] = ()
    records: int = 0
    ledger: str = ""
    damage: tuple[str, ...] = ()
    earlier: tuple[str, ...] = ()
    unvouched: int = 0

    @property
    def is_whole(self) -> bool:
        return not (self.unreadable or self.ledger or self.damage or self.earlier)


def check(
    connection: Connection,
    sealer: Sealer,
    keys: Sequence[PublicKey] = (),
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Checked:
    """Read everything; `progress` hears how many payloads of how many.

    `keys` must have signed the ledger's checkpoints; without any they are not looked at.
    """
    if damage := _damage(connection):
        return Checked(damage=damage)
    opened = erased = plain = 0
    unreadable: list[str] = []
    stored: dict[str, str] = {}
    every = _count(connection, tables.consultations) + _count(connection, tables.feedback)
    for done, (row, decode) in enumerate(_payloads(connection), 1):
        plain += row.sealed_by is None
        if decode is consultations.decode and row.payload_format != ERASED:
            stored[row.id] = digest_of(row.payload)
        try:
            decode(connection, row, sealer)
            opened += 1
        except RecordErased:
            erased += 1
        except (RecordUnreadable, StoreRefused):
            unreadable.append(row.id)
        progress(done, every)
    vouching = Vouching(stored)
    records, ledger = _ledger(connection, keys, vouching)
    earlier = () if ledger else vouching.earlier(connection)
    ids = tuple(each.consultation for each in earlier)
    told = (opened, erased, plain, tuple(unreadable), records, ledger)
    return Checked(*told, earlier=ids, unvouched=vouching.unvouched)


def _damage(connection: Connection) -> tuple[str, ...]:
    if connection.dialect.name != "sqlite":
        return ()
    found = connection.exec_driver_sql("PRAGMA integrity_check(10)").scalars().all()
    return () if list(found) == ["ok"] else ("integrity-check",)


def _payloads(connection: Connection) -> Iterator[tuple[Row[Any], Decode]]:
    """Whole rows, a page at a time."""
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


def _ledger(
    connection: Connection, keys: Sequence[PublicKey], vouching: Vouching
) -> tuple[int, str]:
    notes = keeping.notes(connection) if keys else []
    verifier = Verifier(*signed_checkpoints(notes, keys))
    for row in append.records(connection):
        # SQLite keeps whatever it is given in a column: a text is no record.
        data = row.record if isinstance(row.record, bytes) else b""
        if not verifier.add(data):
            break
        vouching.add(row.seq, data)
    report = verifier.report()
    if report.finding and not (report.finding.code == _UNSIGNED and not notes):
        return report.records, report.finding.code
    try:
        whole = append.head(connection).root == report.root
    except StoreUnavailable as error:
        return report.records, error.reason
    return report.records, "" if whole else "head-differs"
