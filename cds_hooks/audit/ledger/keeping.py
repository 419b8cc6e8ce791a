"""Checkpoints in the database: what is signed next, on top of what was signed before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, func, select

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_for
from cds_hooks.audit.ledger import append, checkpoint, tree
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.errors import CheckpointInvalid, LedgerForked, ProofInvalid
from cds_hooks.audit.ledger.signing import PublicKey

__all__ = [
    "last_of_type",
    "newest_note",
    "notes",
    "notes_after",
    "save",
    "size",
    "to_sign",
    "total_bytes",
]


def size(connection: Connection) -> int:
    """How many records there are."""
    return append.head(connection).size


def total_bytes(connection: Connection) -> int:
    """How long all records are, each with a line end."""
    column = tables.ledger.c.record
    return int(connection.execute(select(func.sum(func.length(column) + 1))).scalar() or 0)


def newest_note(connection: Connection) -> str:
    """The checkpoint of the largest size; empty when there is none."""
    column = tables.ledger_checkpoints.c
    query = select(column.note).order_by(column.size.desc()).limit(1)
    return connection.execute(query).scalar() or ""


def notes(connection: Connection) -> list[str]:
    """All checkpoints, the smallest first."""
    column = tables.ledger_checkpoints.c
    return list(connection.execute(select(column.note).order_by(column.size)).scalars())


def notes_after(size: int, most: int) -> Callable[[Connection], list[tuple[int, str]]]:
    """Size and note of the next checkpoints that are larger than this, the smallest first."""

    def run(connection: Connection) -> list[tuple[int, str]]:
        column = tables.ledger_checkpoints.c
        query = select(column.size, column.note).where(column.size > size)
        found = connection.execute(query.order_by(column.size).limit(most))
        return [(row.size, row.note) for row in found]

    return run


def save(note: str, size: int) -> Callable[[Connection], None]:
    """Keep a checkpoint; one of that size that another process made stays."""

    def run(connection: Connection) -> None:
        row = {"size": size, "note": note}
        statement = insert_for(connection, tables.ledger_checkpoints).values(row)
        connection.execute(statement.on_conflict_do_nothing())

    return run


def to_sign(
    origin: str, made: str, keys: Sequence[PublicKey], earlier: Sequence[str] = ()
) -> Callable[[Connection], Checkpoint | None]:
    """The checkpoint to sign next, after the stored ones and those in `earlier` (a witness's).

    None when nothing was added. Raises LedgerForked when the ledger is not a continuation of each
    of them, or one is not signed by any of `keys`: nobody signs two histories. O(log n).
    """

    def run(connection: Connection) -> Checkpoint | None:
        head = append.head(connection)
        signed = 0
        for note in {newest_note(connection), *earlier} - {""}:
            before = _known(note, keys)
            _require_continuation(connection, before, head)
            signed = max(signed, before.size)
        return None if head.size == signed else Checkpoint(origin, head.size, head.root, made)

    return run


def last_of_type(type_: str) -> Callable[[Connection], bytes | None]:
    """The newest record of a type, as written; None when there is none."""

    def run(connection: Connection) -> bytes | None:
        column = tables.ledger.c
        query = select(column.record).where(column.type == type_).order_by(column.seq.desc())
        found: bytes | None = connection.execute(query.limit(1)).scalar()
        return found

    return run


def _known(note: str, keys: Sequence[PublicKey]) -> Checkpoint:
    try:
        return checkpoint.verify(note, *keys)
    except CheckpointInvalid as error:
        hint = "If the signing key was changed, name the old one in ledger.earlier_keys."
        raise LedgerForked(error.message, where=error.where, hint=hint) from None


def _require_continuation(connection: Connection, before: Checkpoint, head: append.Head) -> None:
    where = f"size {before.size}"
    if before.size > head.size:
        hint = "Records were cut off. Restore the store; `chartside audit verify` tells from where."
        raise LedgerForked("the ledger is shorter than it was", where=where, hint=hint)
    read = append.node_reader(connection)
    try:
        path = tree.consistency_proof(before.size, head.size, read)
        tree.verify_consistency(before.size, head.size, path, before.root, head.root)
    except ProofInvalid:
        hint = "Records were changed. `chartside audit verify` tells which; restore the store."
        message = "the ledger is not a continuation of what was signed"
        raise LedgerForked(message, where=where, hint=hint) from None
