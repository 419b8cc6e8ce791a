"""Verification of a whole ledger, wherever it is: records, checkpoints, stored consultations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.coverage import Coverage, cover_export, cover_store
from cds_hooks.audit.ledger.epochs import Epochs
from cds_hooks.audit.ledger.record_integrity import EarlierState, RecordIntegrity
from cds_hooks.audit.ledger.source import LedgerSource
from cds_hooks.audit.ledger.verification import (
    LedgerVerifier,
    VerificationFailure,
    VerificationReport,
)

__all__ = ["verify_source"]

Watch = Callable[[Iterable[bytes]], Iterable[bytes]]


def verify_source(
    source: LedgerSource,
    keys: Sequence[CheckpointVerifier],
    witnessed: Sequence[str] = (),
    *,
    watch: Watch = iter,
) -> tuple[VerificationReport, Coverage]:
    """What `audit verify` and the reviewer's desk tell of a ledger; `watch` sees records pass."""
    notes, epochs = list(source.notes()), Epochs.of(source.restores())
    if source.end is None:
        coverage = cover_store(notes, witnessed, keys, epochs)
    else:
        coverage = cover_export(notes, witnessed, keys, source.end, epochs)
    verifier = LedgerVerifier(coverage.checkpoints, coverage.error)
    integrity = RecordIntegrity(source.stored_digests())
    for seq, data in enumerate(watch(source.verified(verifier))):
        integrity.add(seq, data)
    report = verifier.report()
    if not report.is_whole:
        return report, coverage
    if (failure := coverage.misplaced) is None:
        if source.end is None:
            failure = _compare_with_store(source, report, integrity)
        else:
            failure = coverage.failure_of_export(report, notes)
    return replace(report, failure=failure), coverage


def _compare_with_store(
    source: LedgerSource, report: VerificationReport, integrity: RecordIntegrity
) -> VerificationFailure | None:
    if earlier := source.earlier_states(integrity):
        return VerificationFailure(earlier[0].seq, "earlier-state", _describe(earlier))
    return source.missing_data_key() or source.database_damage(report.records)


def _describe(earlier: tuple[EarlierState, ...]) -> str:
    others = f", and {len(earlier) - 1} more" if len(earlier) > 1 else ""
    text = f"the store has another state of consultation {earlier[0].consultation} than this record"
    return f"{text} attests{others}; chartside audit check lists them"
