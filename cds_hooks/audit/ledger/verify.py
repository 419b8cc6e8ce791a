"""Verification: pure, offline, with nothing but records, checkpoints and a public key.

What can be found with what: an edit, a swap, a deletion or an insertion by `seq`, the chain of
`prev_hash` and the signed roots; a history that was rewritten from some point on by the signed
roots; records cut off at the end by a checkpoint that a witness kept; a history signed by somebody
else by the signature.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.audit.ledger import checkpoint, tree
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.errors import CheckpointInvalid
from cds_hooks.audit.ledger.export import record_of
from cds_hooks.audit.ledger.signing import PublicKey

__all__ = ["Finding", "Report", "Verifier", "signed_checkpoints"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong first. `seq` is the first record that is not vouched for; `code` is stable."""

    seq: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """`records` were read, the first `covered` of them vouched for by `checkpoints` signatures;
    `finding` is None when nothing is wrong."""

    records: int
    covered: int
    checkpoints: int
    finding: Finding | None = None
    root: bytes = tree.EMPTY_ROOT

    @property
    def is_whole(self) -> bool:
        return self.finding is None


def signed_checkpoints(
    notes: Iterable[str], keys: Iterable[PublicKey]
) -> tuple[list[Checkpoint], CheckpointInvalid | None]:
    """Those that one of the keys signed, by size, and the first error among the others."""
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


class Verifier:
    """Takes records one by one, as bytes, in order. `report` may be asked for once, at the end."""

    def __init__(self, checkpoints: list[Checkpoint], error: CheckpointInvalid | None) -> None:
        self._waiting: Iterator[Checkpoint] = iter(checkpoints)
        self._next = next(self._waiting, None)
        self._error = error
        self._frontier = tree.Frontier()
        self._last = ""
        self._covered = self._checked = 0
        self._finding: Finding | None = None
        self._doubt: Finding | None = None
        self._pass()

    @property
    def size(self) -> int:
        return self._frontier.size

    def add(self, data: bytes) -> bool:
        """Take the next record; False when something is wrong, and no more is needed."""
        seq = self._frontier.size
        record = record_of(data)
        if record is None:
            return self._fail(seq, "not-canonical", "the line is no record in canonical form")
        if record.seq != seq:
            text = f"record {record.seq} stands where {seq} belongs: moved, removed or inserted"
            return self._fail(seq, "out-of-sequence", text)
        if record.prev_hash != self._last:
            # The record before is not the one that this one was written behind.
            at = max(seq - 1, self._covered)
            return self._fail(at, "chain-broken", f"record {seq} was written behind another record")
        if self._doubt is not None:
            return self._fail(self._doubt.seq, self._doubt.code, self._doubt.text)
        leaf = tree.leaf_hash(data)
        self._last = leaf.hex()
        self._frontier.append(leaf)
        return self._pass()

    def report(self) -> Report:
        """What was found, once all records were taken."""
        self._finding = self._finding or self._doubt
        if self._finding is None and self._next is not None:
            text = f"a signed checkpoint tells of {self._next.size} records, {self.size} are here"
            if self._covered < self.size:
                text += f", of which none from {self._covered} on is signed"
            self._fail(self.size, "truncated", text)
        if self._finding is None and self._error is not None:
            told = f"{self._error.message} ({self._error.where})"
            self._fail(self._covered, "signature", told)
        if self._finding is None and self.size and not self._checked:
            self._fail(0, "unsigned", "no signed checkpoint vouches for any record")
        root = self._frontier.root()
        return Report(self.size, self._covered, self._checked, self._finding, root)

    def _pass(self) -> bool:
        """Hold the root against the checkpoint of this size, if there is one."""
        while self._next is not None and self._next.size == self._frontier.size:
            if self._next.root != self._frontier.root():
                text = f"records {self._covered} to {self.size - 1} are not those that were signed"
                # The record that follows may tell which of them it is.
                self._doubt = Finding(self._covered, "root-differs", text)
                return True
            self._covered = self._next.size
            self._checked += 1
            self._next = next(self._waiting, None)
        return True

    def _fail(self, seq: int, code: str, text: str) -> bool:
        self._finding = self._finding or Finding(seq, code, text)
        return False
