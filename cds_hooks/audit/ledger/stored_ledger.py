"""Verification of a ledger in its database: each record with what is stored beside it.

An export has records and checkpoints only. A store also has their leaf hashes, copies of some
fields to search by, the inner nodes of the tree and its head: what does not fit the records is
damage, or somebody wrote into it. Whoever verifies takes some records at a time, each time in a
transaction of its own.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from cds_hooks.audit import tables
from cds_hooks.audit.ledger import checkpoint, checkpoint_storage, merkle_tree, storage
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.epochs import RESTORED
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid
from cds_hooks.audit.ledger.record import Record
from cds_hooks.audit.ledger.record_integrity import FIELD
from cds_hooks.audit.ledger.verification import (
    LedgerVerifier,
    VerificationFailure,
    VerifiedPrefix,
)
from cds_hooks.audit.store_errors import StoreUnavailable, reason_of

__all__ = [
    "AT_ONCE",
    "DATABASE_DAMAGED",
    "damaged_file",
    "database_damage",
    "restores",
    "resume",
    "take_records",
    "verified_records",
    "verify_head",
]

DATABASE_DAMAGED = "database-damaged"

AT_ONCE = 200
"""Records of one slice: some milliseconds of work."""

_ledger = tables.ledger.c
_COLUMNS = (_ledger.seq, _ledger.recorded, _ledger.type,
            _ledger.record, _ledger.leaf_hash, _ledger.attests_to)  # fmt: skip

StoredRow = Row[Any, Any, Any, Any, Any, Any]


def verified_records(connection: Connection, verifier: LedgerVerifier) -> Iterator[bytes]:
    """All records, as the verifier takes them, and the stored end last.

    It ends where something is wrong: the verifier's report says what.
    """
    while taken := take_records(connection, verifier):
        yield from taken
        if verifier.has_failed:
            return
    if not verifier.has_failed:
        verify_head(connection, verifier)


def take_records(connection: Connection, verifier: LedgerVerifier) -> list[bytes]:
    """Take the next records, `AT_ONCE` at most; none at the end, or when something is wrong."""
    taken: list[bytes] = []
    nodes: list[merkle_tree.Node] = []
    for row in _read(connection, verifier, AT_ONCE):
        if not _add(verifier, row):
            return taken
        taken.append(row.record)
        nodes += verifier.completed
    _compare_nodes(connection, verifier, nodes)
    return taken


def verify_head(connection: Connection, verifier: LedgerVerifier) -> bool:
    """Compare the stored end of the ledger with all of its records; whether it fits."""
    head = connection.execute(select(tables.ledger_head)).one_or_none()
    size, prefix = verifier.size, verifier.prefix
    if head is None:
        return verifier.fail(
            size, "head-missing", "the row that says where the ledger ends is gone"
        )
    if head.size > size:
        text = f"the ledger's head counts {head.size} records, {size} are here"
        return verifier.fail(size, "truncated", text)
    if head.size < size:
        text = f"the ledger's head counts {head.size} records, {size} are here"
        return verifier.fail(head.size, "beyond-head", text)
    if head.frontier != b"".join(prefix.hashes) or _hex(head.last_hash) != prefix.last:
        text = "the stored tree is not the one over the stored records"
        return verifier.fail(prefix.covered, "tree-differs", text)
    return True


def resume(connection: Connection, size: int, keys: Sequence[CheckpointVerifier]) -> VerifiedPrefix:
    """Where a verification of so many records ended, proved by the signed checkpoint of that size.

    The beginning where there is none, or the stored tree does not lead to it.
    """
    try:
        signed = checkpoint.verify(checkpoint_storage.note_of(connection, size), *keys)
        read = storage.node_reader(connection)
        hashes = tuple(read(*node) for node in merkle_tree.frontier_nodes(size))
        last = next(storage.records(connection, size - 1))
    except (CheckpointInvalid, StoreUnavailable, StopIteration):
        return VerifiedPrefix()
    fits = merkle_tree.Frontier(size, hashes).root() == signed.root and last.seq == size - 1
    if not fits or not isinstance(last.record, bytes):
        return VerifiedPrefix()
    leaf = merkle_tree.leaf_hash(last.record).hex()
    return VerifiedPrefix(size, hashes, leaf, size, signed.epoch, signed.epoch)


def restores(connection: Connection) -> list[bytes]:
    """The records of restores; none where the database cannot read them."""
    try:
        with connection.begin_nested():
            found = storage.records_of(connection, RESTORED)
    except SQLAlchemyError as error:
        if not _is_damage(error):
            raise
        connection.rollback()
        return []
    return [data for data in found if isinstance(data, bytes)]


def database_damage(connection: Connection, seq: int = 0) -> VerificationFailure | None:
    """What the database itself finds damaged; `seq` is how far all records were read before.

    PostgreSQL has no such check to ask for.
    """
    if connection.dialect.name != "sqlite":
        return None
    try:
        found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalars().all()
    except SQLAlchemyError as error:
        if not _is_damage(error):
            raise
        found = []
    return None if list(found) == ["ok"] else damaged_file(seq)


def damaged_file(seq: int) -> VerificationFailure:
    """Damage that is in no record before `seq`."""
    text = "the database's own check finds its file damaged"
    return VerificationFailure(seq, DATABASE_DAMAGED, text)


def _add(verifier: LedgerVerifier, row: StoredRow) -> bool:
    # SQLite keeps whatever type it is given in a column: text is not a record.
    data = row.record if isinstance(row.record, bytes) else b""
    if row.seq == verifier.size and merkle_tree.leaf_hash(data) != row.leaf_hash:
        text = "the record is not the one that its stored hash was made of"
        return verifier.fail(row.seq, "hash-differs", text)
    if row.seq != verifier.size:
        text = f"record {row.seq} is where {verifier.size} belongs: moved, removed or inserted"
        return verifier.fail(verifier.size, "out-of-sequence", text)
    if not verifier.add(data):
        return False
    if verifier.record is None or _copies(verifier.record) != (
        row.recorded,
        row.type,
        row.attests_to,
    ):
        text = "what the record is searched by is not what the record says"
        return verifier.fail(row.seq, "copy-differs", text)
    return True


def _copies(record: Record) -> tuple[str, str, str | None]:
    """What the columns beside a record hold: when, which type, whose state it attests to."""
    attests = record.text("consultation") if record.text(FIELD) else None
    return record.recorded, record.type, attests


def _compare_nodes(
    connection: Connection, verifier: LedgerVerifier, nodes: Sequence[merkle_tree.Node]
) -> None:
    """Compare these nodes with the stored ones."""
    column, levels = tables.ledger_nodes.c, defaultdict[int, list[merkle_tree.Node]](list)
    for node in nodes:
        levels[node.level].append(node)
    for level, wanted in sorted(levels.items()):
        between = column.position.between(wanted[0].index, wanted[-1].index)
        found = connection.execute(
            select(column.position, column.hash).where(column.level == level, between)
        )
        stored = {row.position: row.hash for row in found}
        for node in wanted:
            if stored.get(node.index) != node.hash:
                first, last = node.index << level, (node.index + 1 << level) - 1
                text = f"the stored tree is not the one over records {first} to {last}"
                verifier.fail(first, "node-differs", text)
                return


def _read(connection: Connection, verifier: LedgerVerifier, count: int) -> Sequence[StoredRow]:
    """The next rows; none where the database cannot read one of them."""
    query, first = select(*_COLUMNS).order_by(_ledger.seq), verifier.size
    try:
        with connection.begin_nested():
            return connection.execute(query.where(_ledger.seq >= first).limit(count)).all()
    except SQLAlchemyError as error:
        if not _is_damage(error):
            raise
    seq = next((s for s in range(first, first + count) if not _readable(connection, s)), first)
    verifier.fail(seq, "unreadable", "the database cannot read the record: its file is damaged")
    connection.rollback()  # SQLite commits no transaction that met a damaged page
    return ()


def _readable(connection: Connection, seq: int) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(select(*_COLUMNS).where(_ledger.seq == seq)).all()
    except SQLAlchemyError as error:
        if not _is_damage(error):
            raise
        return False
    return True


def _is_damage(error: SQLAlchemyError) -> bool:
    """Whether a page cannot be read, or holds what is no text where a text belongs."""
    cause = error.orig if isinstance(error, DBAPIError) else None
    no_text = isinstance(cause, sqlite3.Error) and not getattr(cause, "sqlite_errorcode", None)
    return no_text or reason_of(error) == "corrupt"


def _hex(data: object) -> str:
    return data.hex() if isinstance(data, bytes) else ""
