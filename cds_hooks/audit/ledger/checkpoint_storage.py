"""Checkpoints in the database, and which one to sign next."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from cds_hooks.audit import tables
from cds_hooks.audit.database import insert_on_conflict
from cds_hooks.audit.ledger import checkpoint, merkle_tree, storage
from cds_hooks.audit.ledger.checkpoint import Checkpoint, epoch_of
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.epochs import RESTORED, Epochs
from cds_hooks.audit.ledger.ledger_errors import (
    CheckpointInvalid,
    EpochDiffers,
    LedgerForked,
    ProofInvalid,
)

__all__ = [
    "latest_note",
    "next_checkpoint",
    "note_of",
    "notes",
    "notes_after",
    "require_continuation",
    "save",
    "total_bytes",
    "verify_own",
]

_RESTORE = (
    "`chartside audit verify --witness` tells what differs. If a backup was put back on purpose, "
    "begin an epoch: `chartside audit restore --reason`."
)


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

    None when no record was added. Raises LedgerForked when the ledger neither continues each of
    them nor has the record of a restore that quotes it, when one is not signed by any of `keys`, or
    when the last restore is not signed: no key signs two histories of an epoch. O(log n).
    """
    head = storage.head(connection)
    epochs = Epochs.of(storage.records_of(connection, RESTORED))
    latest = latest_note(connection)
    _require_signed_epoch(epochs, latest)
    signed = 0
    for note in {latest, *earlier} - {""}:
        before = verify_own(note, keys)
        if _must_hold(epochs, before):
            require_continuation(connection, before, head)
            signed = max(signed, before.size)
    if head.size == signed:
        return None
    return Checkpoint(origin, head.size, head.root, signed_at, epoch=epochs.current)


def verify_own(note: str, keys: Sequence[CheckpointVerifier]) -> Checkpoint:
    """The checkpoint in a note. Raises LedgerForked when none of the keys signed it."""
    try:
        return checkpoint.verify(note, *keys)
    except CheckpointInvalid as error:
        hint = "If the signing key was changed, name the old one in ledger.earlier_keys."
        raise LedgerForked(error.message, where=error.where, hint=hint) from None


def require_continuation(
    connection: Connection, before: Checkpoint, head: storage.LedgerHead
) -> None:
    """Raise LedgerForked unless the stored ledger continues a checkpoint. O(log n)."""
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


def _must_hold(epochs: Epochs, before: Checkpoint) -> bool:
    """Whether the ledger must continue it; False when a restore gave up exactly this one."""
    try:
        if epochs.holds(before) or epochs.quotes(before):
            return epochs.holds(before)
    except EpochDiffers as error:
        raise LedgerForked(error.message, where=error.where, hint=_RESTORE) from None
    message = "the restore gives up another checkpoint than this one"
    raise LedgerForked(message, where=f"size {before.size}", hint=_RESTORE)


def _require_signed_epoch(epochs: Epochs, latest: str) -> None:
    """Only `chartside audit restore` begins an epoch, and it signs that at once."""
    if epochs.begins and (not latest or epoch_of(latest) != epochs.current):
        message = f"the restore that begins epoch {epochs.current} is not signed"
        raise LedgerForked(message, where=f"record {epochs.begins[-1].seq}", hint=_RESTORE)
