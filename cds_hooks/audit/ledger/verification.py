"""Verification of a ledger: pure and offline, of records, checkpoints and a public key alone.

`seq`, the chain of `prev_hash` and the signed roots reveal an edit, a swap, a deletion or an
insertion; the signed roots a history that was rewritten from some point on; a witness's checkpoint
records cut off at the end; the signature a history signed by somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.audit.ledger import checkpoint, merkle_tree
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.export import parse_record
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid

__all__ = ["LedgerVerifier", "VerificationFailure", "VerificationReport", "verify_checkpoints"]


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
    is None when nothing is wrong.
    """

    records: int
    covered: int
    checkpoints: int
    failure: VerificationFailure | None = None
    root: bytes = merkle_tree.EMPTY_ROOT
    signed_at: str = ""

    @property
    def is_whole(self) -> bool:
        return self.failure is None


def verify_checkpoints(
    notes: Iterable[str], keys: Iterable[CheckpointVerifier]
) -> tuple[list[Checkpoint], CheckpointInvalid | None]:
    """The checkpoints that one of the keys signed, by size, and the first error of the others."""
    found: dict[int, Checkpoint] = {}
    error: CheckpointInvalid | None = None
    known = tuple(keys)
    for note in notes:
        try:
            each = checkpoint.verify(note, *known)
            if (other := found.setdefault(each.size, each)).root != each.root:
                raise CheckpointInvalid(
                    "two signed checkpoints of one size differ", where=f"size {other.size}"
                )
        except CheckpointInvalid as refused:
            error = error or refused
    return [found[size] for size in sorted(found)], error


class LedgerVerifier:
    """Takes records one by one, as bytes, in order; `report` is called once, at the end."""

    def __init__(self, checkpoints: list[Checkpoint], error: CheckpointInvalid | None) -> None:
        self._waiting: Iterator[Checkpoint] = iter(checkpoints)
        self._next = next(self._waiting, None)
        self._error = error
        self._frontier = merkle_tree.Frontier()
        self._last = self._signed_at = ""
        self._covered = self._checked = 0
        self._failure: VerificationFailure | None = None
        self._suspected: VerificationFailure | None = None
        self._check_root()

    @property
    def size(self) -> int:
        return self._frontier.size

    def add(self, data: bytes) -> bool:
        """Take the next record; False when something is wrong, and no more are needed."""
        seq = self._frontier.size
        record = parse_record(data)
        if record is None:
            return self._fail(seq, "not-canonical", "the line is not a record in canonical form")
        if record.seq != seq:
            text = f"record {record.seq} is where {seq} belongs: moved, removed or inserted"
            return self._fail(seq, "out-of-sequence", text)
        if record.prev_hash != self._last:
            # The record before is not the one that this one was written after.
            at = max(seq - 1, self._covered)
            return self._fail(at, "chain-broken", f"record {seq} was written after another record")
        if self._suspected is not None:
            return self._fail(self._suspected.seq, self._suspected.code, self._suspected.text)
        leaf = merkle_tree.leaf_hash(data)
        self._last = leaf.hex()
        self._frontier.append(leaf)
        return self._check_root()

    def report(self) -> VerificationReport:
        """The result, once all records were taken."""
        self._failure = self._failure or self._suspected
        if self._failure is None and self._next is not None:
            text = f"a signed checkpoint covers {self._next.size} records, {self.size} are here"
            if self._covered < self.size:
                text += f", of which none from {self._covered} on is signed"
            self._fail(self.size, "truncated", text)
        if self._failure is None and self._error is not None:
            text = f"{self._error.message} ({self._error.where})"
            self._fail(self._covered, "signature", text)
        if self._failure is None and self.size and not self._checked:
            self._fail(0, "unsigned", "no signed checkpoint covers any record")
        root = self._frontier.root()
        counts = (self.size, self._covered, self._checked)
        return VerificationReport(*counts, self._failure, root, self._signed_at)

    def _check_root(self) -> bool:
        """Compare the root with the checkpoint of this size, if there is one."""
        while self._next is not None and self._next.size == self._frontier.size:
            if self._next.root != self._frontier.root():
                text = f"records {self._covered} to {self.size - 1} are not those that were signed"
                # The next record may show which of them it is.
                self._suspected = VerificationFailure(self._covered, "root-differs", text)
                return True
            self._covered, self._signed_at = self._next.size, self._next.signed_at
            self._checked += 1
            self._next = next(self._waiting, None)
        return True

    def _fail(self, seq: int, code: str, text: str) -> bool:
        self._failure = self._failure or VerificationFailure(seq, code, text)
        return False
