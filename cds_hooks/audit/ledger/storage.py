"""The ledger in the database: records are appended at its head, in the caller's transaction.

`ledger_head` is one row. Whoever appends locks it until the commit, so that any number of processes
write one sequence without a gap or a fork. Inner nodes of the tree are stored as they become
complete, one per record on average: a proof then reads O(log n) rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from cds_hooks.audit import tables
from cds_hooks.audit.ledger import canonical_json, merkle_tree
from cds_hooks.audit.ledger.record import Entry
from cds_hooks.audit.store_errors import StoreUnavailable

__all__ = [
    "LedgerHead",
    "PreparedEntry",
    "append",
    "head",
    "last_record",
    "node_reader",
    "prepare",
    "records",
    "records_of",
]

_PAGE = 2000


@dataclass(frozen=True, slots=True)
class PreparedEntry:
    """An entry whose fields are encoded already, so that the ledger is locked only briefly.

    `attests_to` is the consultation whose payload digest it has, if any.
    """

    type: str
    recorded: str
    members: tuple[canonical_json.Member, ...]
    attests_to: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The end of the ledger: number of records, leaf hash of the last, right edge of the tree."""

    size: int
    last: bytes
    frontier: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        return merkle_tree.Frontier(self.size, self.frontier).root()


def prepare(entry: Entry) -> PreparedEntry:
    """The entry's canonical fields. Raises RecordRefused."""
    return PreparedEntry(entry.type, entry.recorded, canonical_json.members(entry.written()))


def append(connection: Connection, entries: Sequence[PreparedEntry]) -> LedgerHead:
    """Append records; returns the new head.

    Raises StoreUnavailable("ledger-broken") when the stored records do not fit the stored head.
    """
    at = head(connection, lock=True)
    if not entries:
        return at
    frontier = merkle_tree.Frontier(at.size, at.frontier)
    rows, nodes, last = [], [], at.last
    for seq, entry in enumerate(entries, at.size):
        data = _encode(entry, seq, last)
        last = merkle_tree.leaf_hash(data)
        rows.append(_row(entry, seq, data, last))
        nodes += frontier.append(last)
    _insert(connection, rows, nodes)
    new = LedgerHead(frontier.size, last, frontier.hashes)
    values = {"size": new.size, "last_hash": last, "frontier": b"".join(new.frontier)}
    connection.execute(update(tables.ledger_head).values(values))
    return new


def _insert(
    connection: Connection, rows: list[dict[str, object]], nodes: list[merkle_tree.Node]
) -> None:
    try:
        connection.execute(insert(tables.ledger), rows)
        if nodes:
            rows = [{"level": n.level, "position": n.index, "hash": n.hash} for n in nodes]
            connection.execute(insert(tables.ledger_nodes), rows)
    except IntegrityError:  # somebody wrote without locking the head
        raise StoreUnavailable("ledger-broken") from None


def head(connection: Connection, *, lock: bool = False) -> LedgerHead:
    """The end of the ledger; with `lock`, nobody else appends before this transaction ends.

    Raises StoreUnavailable("ledger-broken").
    """
    column = tables.ledger_head.c
    query = select(column.size, column.last_hash, column.frontier)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None or len(row.frontier) != merkle_tree.HASH_BYTES * int(row.size).bit_count():
        raise StoreUnavailable("ledger-broken")
    found = LedgerHead(row.size, row.last_hash, tuple(_hashes(row.frontier)))
    if not _fits(connection, found):
        raise StoreUnavailable("ledger-broken")
    return found


def node_reader(connection: Connection) -> merkle_tree.ReadNode:
    """A reader of complete nodes of the stored tree.

    It raises StoreUnavailable("ledger-broken") for a missing node.
    """
    leaves, nodes = tables.ledger.c, tables.ledger_nodes.c

    def read(level: int, index: int) -> bytes:
        query = select(leaves.leaf_hash).where(leaves.seq == index)
        if level:
            query = select(nodes.hash).where(nodes.level == level, nodes.position == index)
        found: bytes | None = connection.execute(query).scalar()
        if found is None:
            raise StoreUnavailable("ledger-broken")
        return found

    return read


def records(connection: Connection, first: int = 0) -> Iterator[Row[Any, Any, Any]]:
    """`(seq, record, leaf_hash)` in order, a page at a time: a ledger may be larger than memory."""
    column = tables.ledger.c
    query = select(column.seq, column.record, column.leaf_hash).order_by(column.seq).limit(_PAGE)
    while page := connection.execute(query.where(column.seq >= first)).all():
        yield from page
        first = page[-1].seq + 1


def last_record(connection: Connection, type_: str) -> bytes | None:
    """The newest record of a type, as written; None when there is none."""
    column = tables.ledger.c
    query = select(column.record).where(column.type == type_).order_by(column.seq.desc())
    found: bytes | None = connection.execute(query.limit(1)).scalar()
    return found


def records_of(connection: Connection, type_: str) -> list[bytes]:
    """Every record of a type, as written, the oldest first."""
    column = tables.ledger.c
    query = select(column.record).where(column.type == type_).order_by(column.seq)
    return list(connection.execute(query).scalars())


def _fits(connection: Connection, at: LedgerHead) -> bool:
    """Whether the last record is the one that the head names."""
    column = tables.ledger.c
    newest = select(func.max(column.seq)).scalar_subquery()
    row = connection.execute(select(column.seq, column.leaf_hash).where(column.seq == newest))
    last = row.one_or_none()
    if last is None:
        return at.size == 0
    return bool(last.seq == at.size - 1 and last.leaf_hash == at.last)


def _encode(entry: PreparedEntry, seq: int, last: bytes) -> bytes:
    own = (canonical_json.member("seq", seq), canonical_json.member("prev_hash", last.hex()))
    return canonical_json.join((*entry.members, *own))


def _row(entry: PreparedEntry, seq: int, data: bytes, leaf: bytes) -> dict[str, object]:
    return {
        "seq": seq,
        "recorded": entry.recorded,
        "type": entry.type,
        "record": data,
        "leaf_hash": leaf,
        "attests_to": entry.attests_to,
    }


def _hashes(joined: bytes) -> Iterator[bytes]:
    for begin in range(0, len(joined), merkle_tree.HASH_BYTES):
        yield joined[begin : begin + merkle_tree.HASH_BYTES]
