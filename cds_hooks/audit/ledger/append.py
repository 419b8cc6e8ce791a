"""The ledger in the database: records appended at its head, in the caller's transaction.

`ledger_head` is one row. Whoever appends locks it, and lets it go with the commit, so that any
number of processes give one sequence without a gap or a fork. Inner nodes of the tree are stored
as they become complete, one for each record on average: a proof then reads O(log n) rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from cds_hooks.audit import tables
from cds_hooks.audit.errors import StoreUnavailable
from cds_hooks.audit.ledger import canonical, tree
from cds_hooks.audit.ledger.record import Entry

__all__ = ["Head", "Prepared", "append", "head", "node_reader", "prepare", "records"]

_PAGE = 2000


@dataclass(frozen=True, slots=True)
class Prepared:
    """An entry whose fields are bytes already, so that the ledger is locked only shortly.

    `vouches_for` is the consultation whose state in the store it has the digest of, if any.
    """

    type: str
    recorded: str
    members: tuple[canonical.Member, ...]
    vouches_for: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """Where the ledger ends: how many records, the last one's leaf hash, the tree's right edge."""

    size: int
    last: bytes
    frontier: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        return tree.Frontier(self.size, self.frontier).root()


def prepare(entry: Entry) -> Prepared:
    """The entry's canonical fields. Raises RecordRefused."""
    return Prepared(entry.type, entry.recorded, canonical.members(entry.written()))


def append(connection: Connection, entries: Sequence[Prepared]) -> Head:
    """Write records behind the last one; the head as it is then.

    Raises StoreUnavailable("ledger-broken") when what is there does not fit its own head.
    """
    at = head(connection, lock=True)
    if not entries:
        return at
    frontier = tree.Frontier(at.size, at.frontier)
    rows, nodes, last = [], [], at.last
    for seq, entry in enumerate(entries, at.size):
        data = _placed(entry, seq, last)
        last = tree.leaf_hash(data)
        rows.append(_row(entry, seq, data, last))
        nodes += frontier.append(last)
    _insert(connection, rows, nodes)
    new = Head(frontier.size, last, frontier.hashes)
    values = {"size": new.size, "last_hash": last, "frontier": b"".join(new.frontier)}
    connection.execute(update(tables.ledger_head).values(values))
    return new


def _insert(connection: Connection, rows: list[dict[str, object]], nodes: list[tree.Node]) -> None:
    try:
        connection.execute(insert(tables.ledger), rows)
        if nodes:
            made = [{"level": n.level, "position": n.index, "hash": n.hash} for n in nodes]
            connection.execute(insert(tables.ledger_nodes), made)
    except IntegrityError:  # somebody wrote there who did not hold the head
        raise StoreUnavailable("ledger-broken") from None


def head(connection: Connection, *, lock: bool = False) -> Head:
    """Where the ledger ends; with `lock`, nobody else appends before this transaction ends.

    Raises StoreUnavailable("ledger-broken").
    """
    column = tables.ledger_head.c
    query = select(column.size, column.last_hash, column.frontier)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None or len(row.frontier) != tree.HASH_BYTES * int(row.size).bit_count():
        raise StoreUnavailable("ledger-broken")
    found = Head(row.size, row.last_hash, tuple(_pieces(row.frontier)))
    if not _fits(connection, found):
        raise StoreUnavailable("ledger-broken")
    return found


def node_reader(connection: Connection) -> tree.ReadNode:
    """Complete nodes of the stored tree. Raises StoreUnavailable("ledger-broken") without one."""
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


def _fits(connection: Connection, at: Head) -> bool:
    """Whether the last record is the one that the head names, and none is behind it."""
    column = tables.ledger.c
    newest = select(func.max(column.seq)).scalar_subquery()
    row = connection.execute(select(column.seq, column.leaf_hash).where(column.seq == newest))
    last = row.one_or_none()
    if last is None:
        return at.size == 0
    return bool(last.seq == at.size - 1 and last.leaf_hash == at.last)


def _placed(entry: Prepared, seq: int, last: bytes) -> bytes:
    own = (canonical.member("seq", seq), canonical.member("prev_hash", last.hex()))
    return canonical.join((*entry.members, *own))


def _row(entry: Prepared, seq: int, data: bytes, leaf: bytes) -> dict[str, object]:
    return {
        "seq": seq,
        "recorded": entry.recorded,
        "type": entry.type,
        "record": data,
        "leaf_hash": leaf,
        "vouches_for": entry.vouches_for,
    }


def _pieces(joined: bytes) -> Iterator[bytes]:
    for begin in range(0, len(joined), tree.HASH_BYTES):
        yield joined[begin : begin + tree.HASH_BYTES]
