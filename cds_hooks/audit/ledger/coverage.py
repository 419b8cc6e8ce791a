"""Which checkpoints must hold for a ledger, and which are later than an export of it.

A store must have everything that a witness has seen, except what a restore gave up on record. An
export that states its end must have what was signed up to there: a witness that has moved on since
says nothing against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cds_hooks.audit.ledger import checkpoint
from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.epochs import Epochs
from cds_hooks.audit.ledger.export_end import ExportEnd, read_end
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid, EpochDiffers
from cds_hooks.audit.ledger.verification import (
    VerificationFailure,
    VerificationReport,
    verify_checkpoints,
)

__all__ = ["Coverage", "cover_export", "cover_store"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """`checkpoints` must hold, and `error` is the first of a note that is none.

    `end` is the export's, if it states one. `later` are a witness's checkpoints that were signed
    after it; `unknown` counts those of them that none of the keys signed. `given_up` are a
    witness's that a restore gave up, `misplaced` is what is wrong with the first of those that are
    of no epoch of this ledger and that none gave up.
    """

    checkpoints: list[Checkpoint]
    error: CheckpointInvalid | None
    end: ExportEnd | None = None
    later: tuple[Checkpoint, ...] = ()
    unknown: int = 0
    given_up: tuple[Checkpoint, ...] = ()
    misplaced: VerificationFailure | None = None

    def failure_of_export(
        self, report: VerificationReport, notes: Iterable[str]
    ) -> VerificationFailure | None:
        """What is wrong with an export besides its records and signatures: where it ends."""
        if self.end is None:
            return _unsigned_tail(report)
        if report.records > self.end.last.size:
            text = f"the export ends at {self.end.last.size} records, {report.records} are here"
            return VerificationFailure(self.end.last.size, "beyond-end", text)
        if not self.end.has(notes):
            text = "the export's checkpoints are not those that it was taken with"
            return VerificationFailure(report.covered, "checkpoints-differ", text)
        return None


def cover_store(
    notes: Iterable[str],
    witnessed: Iterable[str],
    keys: Sequence[CheckpointVerifier],
    epochs: Epochs,
) -> Coverage:
    """For a store, or an export that states no end: every checkpoint must hold, except those of a
    witness that a restore gave up."""
    own = list(notes)
    signed, error = verify_checkpoints([*own, *witnessed], keys)
    return _without_given_up(Coverage(signed, error), own, epochs)


def cover_export(
    notes: Sequence[str],
    witnessed: Sequence[str],
    keys: Sequence[CheckpointVerifier],
    statement: str,
    epochs: Epochs,
) -> Coverage:
    """For an export with this statement of its end; empty when it has none."""
    if not statement:
        return cover_store(notes, witnessed, keys, epochs)
    try:
        end = read_end(statement, keys)
    except CheckpointInvalid as refused:
        found = cover_store(notes, witnessed, keys, epochs)
        return replace(found, error=found.error or refused)
    unknown = {note for note in witnessed if _is_unknown(note, end, keys)}
    known = (note for note in witnessed if note not in unknown)
    signed, error = verify_checkpoints([*notes, statement, *known], keys)
    later = tuple(each for each in signed if end.is_later(each))
    kept = [each for each in signed if each not in later]
    found = Coverage(kept, error, end, later, len(unknown))
    return _without_given_up(found, [*notes, statement], epochs)


def _without_given_up(found: Coverage, own: Iterable[str], epochs: Epochs) -> Coverage:
    """The same without the witness's checkpoints that a restore gave up; `own` all must hold."""
    if not epochs.begins and all(each.epoch == 1 for each in found.checkpoints):
        return found
    held: list[Checkpoint] = []
    given_up: list[Checkpoint] = []
    misplaced: VerificationFailure | None = None
    orders = set(_orders(own))
    for each in found.checkpoints:
        try:
            (held if epochs.holds(each) or each.order in orders else given_up).append(each)
        except EpochDiffers as error:
            misplaced = misplaced or _misplaced(each, error, epochs)
    return replace(found, checkpoints=held, given_up=tuple(given_up), misplaced=misplaced)


def _misplaced(each: Checkpoint, error: EpochDiffers, epochs: Epochs) -> VerificationFailure:
    after = epochs.first_after(each.epoch)
    seq = min(each.size, after.kept) if after else each.size
    return VerificationFailure(seq, error.code, f"{error.message} ({error.where})")


def _orders(notes: Iterable[str]) -> Iterator[tuple[int, int]]:
    for note in notes:
        try:
            yield checkpoint.parse(note).order
        except CheckpointInvalid:
            continue


def _is_unknown(note: str, end: ExportEnd, keys: Sequence[CheckpointVerifier]) -> bool:
    """Whether it is of a size beyond the end and of another key, such as one that came later."""
    try:
        if checkpoint.parse(note).order <= end.last.order:
            return False
    except CheckpointInvalid:
        return False
    try:
        checkpoint.verify(note, *keys)
    except CheckpointInvalid:
        return True
    return False


def _unsigned_tail(report: VerificationReport) -> VerificationFailure | None:
    """Without a stated end, records after the last checkpoint may be anybody's."""
    if report.records == report.covered:
        return None
    text = f"no signed checkpoint covers it, and the export of {report.records} states no end"
    return VerificationFailure(report.covered, "beyond-end", text)
