"""Checkpoints in the database, and which one to sign next."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.ledger import checkpoint, merkle_tree, storage
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid, LedgerForked, ProofInvalid

__all__ = [
    "latest_note",
    "next_checkpoint",
    "note_of",
    "notes",
    "notes_after",
    "save",
    "total_bytes",
]


def total_bytes(connection: Connection) -> int:
    """How long all records are, each with a line end."""
    column = tables.ledger.c.record
    return int(connection.execute(select(func.sum(func.length(column) + 1))).scalar() or 0)


def latest_note(connection: Connection) -> str:
    """The checkpoint of the largest size; empty when there is none."""
    column = tables.ledger_checkpoints.c
    query = select(column.note).order_by(column.size.desc()).limit(1)
    return connection.execute(query).scalar() or ""


def note_of(connection: Connection, size: int) -> str:
    """The checkpoint of this size; empty when there is none."""
    column = tables.ledger_checkpoints.c
    return connection.execute(select(column.note).where(column.size == size)).scalar() or ""


def notes(connection: Connection) -> list[str]:
    """All checkpoints, the smallest first."""
    column = tables.ledger_checkpoints.c
    return list(connection.execute(select(column.note).order_by(column.size)).scalars())


def notes_after(connection: Connection, size: int, limit: int) -> list[tuple[int, str]]:
    """Size and note of the next checkpoints larger than `size`, the smallest first."""
    column = tables.ledger_checkpoints.c
    query = select(column.size, column.note).where(column.size > size)
    found = connection.execute(query.order_by(column.size).limit(limit))
    return [(row.size, row.note) for row in found]


def save(connection: Connection, size: int, note: str) -> None:
    """Store a checkpoint; one of that size that another process stored stays."""
    row = {"size": size, "note": note}
    statement = insert_on_conflict(connection, tables.ledger_checkpoints).values(row)
    connection.execute(statement.on_conflict_do_nothing())


def next_checkpoint(
    connection: Connection,
    origin: str,
    signed_at: str,
    keys: Sequence[CheckpointVerifier],
    earlier: Sequence[str] = (),
) -> Checkpoint | None:
    """The checkpoint to sign next, after the stored ones and those in `earlier` (a witness's).

    None when no record was added. Raises LedgerForked when the ledger does not continue each of
    them, or one is not signed by any of `keys`: no key signs two histories. O(log n).
    """
    head = storage.head(connection)
    signed = 0
    for note in {latest_note(connection), *earlier} - {""}:
        before = _verify(note, keys)
        _require_continuation(connection, before, head)
        signed = max(signed, before.size)
    return None if head.size == signed else Checkpoint(origin, head.size, head.root, signed_at)


def _verify(note: str, keys: Sequence[CheckpointVerifier]) -> Checkpoint:
    try:
        return checkpoint.verify(note, *keys)
    except CheckpointInvalid as error:
        hint = "If the signing key was changed, name the old one in ledger.earlier_keys."
        raise LedgerForked(error.message, where=error.where, hint=hint) from None


def _require_continuation(
    connection: Connection, before: Checkpoint, head: storage.LedgerHead
) -> None:
    where = f"size {before.size}"
    if before.size > head.size:
        hint = "Records were cut off. Restore the store; `chartside audit verify` tells from where."
        raise LedgerForked("the ledger is shorter than it was", where=where, hint=hint)
    read = storage.node_reader(connection)
    try:
        path = merkle_tree.consistency_proof(before.size, head.size, read)
        merkle_tree.verify_consistency(before.size, head.size, path, before.root, head.root)
    except ProofInvalid:
        hint = "Records were changed. `chartside audit verify` tells which; restore the store."
        message = "the ledger is not a continuation of what was signed"
        raise LedgerForked(message, where=where, hint=hint) from None
