"""Verification of a ledger: pure and offline, of records, checkpoints and a public key alone.

`seq`, the chain of `prev_hash` and the signed roots reveal an edit, a swap, a deletion or an
insertion; the signed roots a history that was rewritten from some point on; a witness's checkpoint
records cut off at the end; the signature a history signed by somebody else. Each epoch must begin
with a record that tells of its restore, and be signed as that epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.audit.ledger import checkpoint, merkle_tree
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.epochs import RESTORED, EpochBegin
from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid, EpochInvalid
from cds_hooks.audit.ledger.record import Record

__all__ = [
    "LedgerVerifier",
    "VerificationFailure",
    "VerificationReport",
    "VerifiedPrefix",
    "verify_checkpoints",
]


@dataclass(frozen=True, slots=True)
class VerificationFailure:
    """The first thing wrong. `seq` is the first record that is not attested; `code` is stable."""

    seq: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """`records` were read; `checkpoints` signed roots cover the first `covered` of them.

    `signed_at` is when the last of these was signed (UTC, RFC 3339; empty without any). `failure`
    is None when nothing is wrong. `epochs` are those that a restore began.
    """

    records: int
    covered: int
    checkpoints: int
    failure: VerificationFailure | None = None
    root: bytes = merkle_tree.EMPTY_ROOT
    signed_at: str = ""
    epochs: tuple[EpochBegin, ...] = ()

    @property
    def is_whole(self) -> bool:
        return self.failure is None


@dataclass(frozen=True, slots=True)
class VerifiedPrefix:
    """Where a verification goes on: the tree (`merkle_tree.Frontier`) over the records so far, the
    leaf hash of the last (hexadecimal), how many of them signed checkpoints cover, and the epochs
    of the last record and of the last of these checkpoints."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()
    last: str = ""
    covered: int = 0
    epoch: int = 1
    signed_epoch: int = 1


def verify_checkpoints(
    notes: Iterable[str], keys: Iterable[CheckpointVerifier]
) -> tuple[list[Checkpoint], CheckpointInvalid | None]:
    """The checkpoints that one of the keys signed, by size, and the first error of the others."""
    found: dict[tuple[int, int], Checkpoint] = {}
    error: CheckpointInvalid | None = None
    known = tuple(keys)
    for note in notes:
        try:
            each = checkpoint.verify(note, *known)
            if found.setdefault(each.order, each).root != each.root:
                raise CheckpointInvalid(
                    "two signed checkpoints of one size differ", where=f"size {each.size}"
                )
        except CheckpointInvalid as refused:
            error = error or refused
    return sorted(found.values(), key=lambda each: each.size), error


_BEGIN = VerifiedPrefix()


class LedgerVerifier:
    """Takes records one by one, as bytes, in order; `report` is called once, at the end.

    `begin` is the `prefix` of an earlier verification, which this one continues. `record` is the
    last record taken, `completed` are the inner nodes of the tree that it completed.
    """

    def __init__(
        self,
        checkpoints: list[Checkpoint],
        error: CheckpointInvalid | None,
        begin: VerifiedPrefix = _BEGIN,
    ) -> None:
        self._waiting: Iterator[Checkpoint] = iter(checkpoints)
        self._next = next(self._waiting, None)
        self._error = error
        self._frontier = merkle_tree.Frontier(begin.size, begin.hashes)
        self._last, self._signed_at = begin.last, ""
        self._covered, self._checked = begin.covered, 0
        self.record: Record | None = None
        self.completed: list[merkle_tree.Node] = []
        self._epoch, self._signed_epoch = begin.epoch, begin.signed_epoch
        self._begins: list[EpochBegin] = []
        self._failure: VerificationFailure | None = None
        self._suspected: VerificationFailure | None = None
        self._check_root()

    @property
    def size(self) -> int:
        return self._frontier.size

    @property
    def has_failed(self) -> bool:
        """Whether something is wrong, or may be: then no more records are needed."""
        return self._failure is not None or self._suspected is not None

    @property
    def prefix(self) -> VerifiedPrefix:
        """Where a later verification may go on."""
        epochs = self._epoch, self._signed_epoch
        return VerifiedPrefix(self.size, self._frontier.hashes, self._last, self._covered, *epochs)

    def add(self, data: bytes) -> bool:
        """Take the next record; False when something is wrong, and no more are needed."""
        seq = self._frontier.size
        record = parse_record(data)
        if record is None:
            return self.fail(seq, "not-canonical", "the line is not a record in canonical form")
        if record.seq != seq:
            text = f"record {record.seq} is where {seq} belongs: moved, removed or inserted"
            return self.fail(seq, "out-of-sequence", text)
        if record.prev_hash != self._last:
            # The record before is not the one that this one was written after.
            at = max(seq - 1, self._covered)
            return self.fail(at, "chain-broken", f"record {seq} was written after another record")
        if self._suspected is not None:
            return self.fail(self._suspected.seq, self._suspected.code, self._suspected.text)
        if record.type == RESTORED and not self._begin_epoch(record):
            return False
        leaf = merkle_tree.leaf_hash(data)
        self.record, self._last = record, leaf.hex()
        self.completed = self._frontier.append(leaf)
        return self._check_root()

    def report(self) -> VerificationReport:
        """The result, once all records were taken."""
        self._failure = self._failure or self._suspected
        if self._failure is None and self._next is not None:
            text = f"a signed checkpoint covers {self._next.size} records, {self.size} are here"
            if self._covered < self.size:
                text += f", of which none from {self._covered} on is signed"
            self.fail(self.size, "truncated", text)
        if self._failure is None and self._error is not None:
            text = f"{self._error.message} ({self._error.where})"
            self.fail(self._covered, "signature", text)
        if self._failure is None and self.size and not self._checked:
            self.fail(0, "unsigned", "no signed checkpoint covers any record")
        if self._failure is None and self._checked:
            self._require_signed_epoch()
        root = self._frontier.root()
        counts = (self.size, self._covered, self._checked)
        epochs = tuple(self._begins)
        return VerificationReport(*counts, self._failure, root, self._signed_at, epochs)

    def _check_root(self) -> bool:
        """Compare the root with the checkpoint of this size, if there is one."""
        while self._next is not None and self._next.size == self._frontier.size:
            if self._next.epoch != self._epoch:
                text = f"the checkpoint of {self.size} records is of epoch {self._next.epoch}, "
                text += f"and these end in epoch {self._epoch}"
                return self.fail(self._covered, "epoch-differs", text)
            if self._next.root != self._frontier.root():
                text = f"records {self._covered} to {self.size - 1} are not those that were signed"
                # The next record may show which of them it is.
                self._suspected = VerificationFailure(self._covered, "root-differs", text)
                return True
            self._covered, self._signed_at = self._next.size, self._next.signed_at
            self._checked += 1
            self._signed_epoch = self._epoch
            self._next = next(self._waiting, None)
        return True

    def _begin_epoch(self, record: Record) -> bool:
        """Take the record of a restore; an older version's begins no epoch."""
        try:
            begin = EpochBegin.of(record)
        except EpochInvalid as error:
            return self.fail(record.seq, error.code, f"{error.message} ({error.where})")
        if begin is None:
            return True
        if begin.epoch <= self._epoch:
            text = f"a restore begins epoch {begin.epoch} after epoch {self._epoch}"
            return self.fail(record.seq, EpochInvalid.code, text)
        if begin.restored_root != self._frontier.root():
            text = "the record of a restore names another ledger than the one before it"
            return self.fail(record.seq, EpochInvalid.code, text)
        if self._checked and not self._require_signed_epoch():
            return False
        self._epoch = begin.epoch
        self._begins.append(begin)
        return True

    def _require_signed_epoch(self) -> bool:
        """Nobody begins an epoch without the signing key."""
        if self._signed_epoch == self._epoch:
            return True
        text = f"no checkpoint of epoch {self._epoch} is signed, which a restore began"
        at = self._begins[-1].seq if self._begins else self._covered
        return self.fail(at, "epoch-unsigned", text)

    def fail(self, seq: int, code: str, text: str) -> bool:
        """Say what is wrong, unless something was before; always False."""
        self._failure = self._failure or VerificationFailure(seq, code, text)
        return False
