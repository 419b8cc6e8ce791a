"""A restore begins an epoch: its record, and the first checkpoint, in one transaction.

What any source (the store that is replaced, each witness) signed last and the restored ledger does
not continue is quoted in the record, so that a verifier who has it knows that it was given up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection

from cds_hooks.audit.ledger import checkpoint, checkpoint_storage, storage
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointSigner, CheckpointVerifier
from cds_hooks.audit.ledger.epochs import RESTORED, EpochBegin, Epochs, Superseded
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid, EpochDiffers, LedgerForked

__all__ = ["NewEpoch", "describe_epoch", "sign_epoch"]

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """Why an epoch begins, who begins it (fields of a record), and what signs it.

    `known` has the notes of each source that may have more than the restored store; `keys` are
    those that may have signed them. `replaced_records` is the size of the replaced ledger, if
    it could be read.
    """

    reason: str
    signer: CheckpointSigner
    keys: Sequence[CheckpointVerifier]
    user: Mapping[str, str] = field(default_factory=dict)
    known: Sequence[Sequence[str]] = ()
    replaced_records: int | None = None


def describe_epoch(connection: Connection, new: NewEpoch) -> EpochBegin:
    """The epoch that the next record begins. Raises StoreUnavailable, LedgerForked."""
    restored = _Restored(connection, new.keys)
    sources = [_by_epoch(notes) for notes in new.known]
    newest = [each for source in sources for each in _newest(source, new.keys)]
    signed = [*newest, *restored.latest]
    given_up = {(*each.order, each.root): each for each in newest if not restored.knows(each)}
    kept = restored.kept(sources)
    for each in given_up.values():
        restored.require_other_records(each, kept)
    return EpochBegin(
        seq=restored.head.size,
        epoch=1 + max([restored.epochs.current, *(each.epoch for each in signed)]),
        recorded="",
        kept=kept,
        restored_root=restored.head.root,
        superseded=tuple(
            Superseded(each.epoch, each.size, each.root, each.signed_at)
            for _, each in sorted(given_up.items())
        ),
        reason=new.reason,
        last_signed=_last([each.signed_at for each in signed]),
        replaced_records=new.replaced_records,
    )


def sign_epoch(connection: Connection, new: NewEpoch, epoch: int, signed_at: str) -> str:
    """Sign and store the first checkpoint of an epoch whose record was appended; its note."""
    head = storage.head(connection)
    name = new.signer.public.name
    first = Checkpoint(name, head.size, head.root, signed_at, epoch=epoch)
    note = checkpoint.sign(first, new.signer)
    checkpoint_storage.save(connection, head.size, note)
    return note


_Notes = dict[int, list[tuple[int, str]]]
"""Size and note of a source's checkpoints, by epoch, the largest first."""


class _Restored:
    """The ledger of a restored store. `latest` is its last checkpoint, if it has one."""

    def __init__(self, connection: Connection, keys: Sequence[CheckpointVerifier]) -> None:
        self._connection, self._keys = connection, keys
        self.head = storage.head(connection)
        self.epochs = Epochs.of(storage.records_of(connection, RESTORED))
        note = checkpoint_storage.latest_note(connection)
        self.latest = [checkpoint_storage.verify_own(note, keys)] if note else []

    def knows(self, each: Checkpoint) -> bool:
        """Whether it continues a checkpoint, or has a restore that gave it up."""
        try:
            return self.epochs.quotes(each) or (self.epochs.holds(each) and self._continues(each))
        except EpochDiffers:
            return False

    def kept(self, sources: Sequence[_Notes]) -> int:
        """How many of its records are those of its epoch, as far as any checkpoint tells.

        All, unless it went on by itself, unsigned, from where it was put back by other means.
        """
        own = self.latest[0].size if self.latest else 0
        beyond = [
            each
            for source in sources
            for size, note in source.get(self.epochs.current, ())
            if own < size <= self.head.size and (each := _verified(note, self._keys))
        ]
        held = [each.size for each in beyond if self._continues(each)]
        return self.head.size if len(held) == len(beyond) else max([own, *held])

    def require_other_records(self, each: Checkpoint, kept: int) -> None:
        """Raise LedgerForked when a checkpoint that is given up is of records that are kept."""
        try:
            held = self.epochs.holds(each)
        except EpochDiffers:
            return
        if held and (each.epoch < self.epochs.current or each.size <= kept):
            hint = "Restore a copy of this ledger, or begin with an empty witness of its own."
            message = "the copy is of another history than the one that was witnessed"
            where = f"epoch {each.epoch}, size {each.size}"
            raise LedgerForked(message, where=where, hint=hint)

    def _continues(self, each: Checkpoint) -> bool:
        try:
            checkpoint_storage.require_continuation(self._connection, each, self.head)
        except LedgerForked:
            return False
        return True


def _by_epoch(notes: Iterable[str]) -> _Notes:
    found: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for note in notes:
        try:
            each = checkpoint.parse(note)
        except CheckpointInvalid:  # verification tells of it
            continue
        found[each.epoch].append((each.size, note))
    return {epoch: sorted(of_epoch, reverse=True) for epoch, of_epoch in found.items()}


def _newest(source: _Notes, keys: Sequence[CheckpointVerifier]) -> Iterator[Checkpoint]:
    """The largest of each epoch that one of the keys signed: anybody may write others there."""
    for of_epoch in source.values():
        signed = (each for _, note in of_epoch if (each := _verified(note, keys)))
        if (newest := next(signed, None)) is not None:
            yield newest


def _verified(note: str, keys: Sequence[CheckpointVerifier]) -> Checkpoint | None:
    try:
        return checkpoint.verify(note, *keys)
    except CheckpointInvalid:
        return None


def _last(times: Sequence[str]) -> str:
    return max(times, key=lambda text: checkpoint.time_of(text) or _LONG_AGO, default="")
