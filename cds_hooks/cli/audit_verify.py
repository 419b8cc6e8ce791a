"""`chartside audit verify`: check a ledger, an export or a proof."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.coverage import Coverage, cover_export, cover_store
from cds_hooks.audit.ledger.epochs import Epochs
from cds_hooks.audit.ledger.ledger_errors import ExportUnreadable
from cds_hooks.audit.ledger.record_integrity import EarlierState, RecordIntegrity
from cds_hooks.audit.ledger.verification import (
    LedgerVerifier,
    VerificationFailure,
    VerificationReport,
)
from cds_hooks.cli.audit_ledger_source import LedgerSource, open_ledger, public_keys
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import record_progress
from cds_hooks.cli.audit_proof import verify_proof
from cds_hooks.cli.audit_verification_report import Told, print_verification
from cds_hooks.cli.audit_witness import witness_notes
from cds_hooks.settings import load_settings

__all__ = ["verify"]

_FAILED = 1

PublicKeys = Annotated[
    list[Path] | None,
    typer.Option("--public-key", help="Key that must have signed; may be given several times."),
]


def verify(
    target: Annotated[
        Path | None, typer.Argument(help="Folder of an export, or a proof; without it the store.")
    ] = None,
    public_key: PublicKeys = None,
    witness: Annotated[
        Path | None,
        typer.Option(help="Folder of the witness's copies, or a FHIR Bundle of them (JSON)."),
    ] = None,
    witness_fhir: Annotated[
        bool, typer.Option("--witness-fhir", help="Ask the FHIR server of the settings as well.")
    ] = False,
    epoch_known: Annotated[
        int | None,
        typer.Option(min=1, help="The last epoch you know of: later ones end it with 1."),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Check that no record was changed, moved, removed, inserted or cut off.

    An export or a proof needs only the public key. Ends with 1 and the first record that is not
    attested when something is wrong, with 3 when it cannot be read. A witness's checkpoints that
    were signed after an export was taken are counted: that export says nothing of them. Each
    restore of the store is told, with its reason and how many records it gave up.
    """
    settings = load_settings(config) if target is None else None
    if target is not None and not public_key:
        hint = "Give --public-key with the key that the site gave you, not the one beside it."
        raise ExportUnreadable("there is no key to verify with", hint=hint)
    keys = public_keys(public_key or [], settings)
    if target is not None and target.is_file():
        verify_proof(target, keys, json=json)
        return
    witnessed = witness_notes(witness, load_settings(config) if witness_fhir else None)
    with open_ledger(target, config) as source:
        report, coverage = _verify(source, keys, witnessed, json=json)
    told = Told(report, coverage, bool(witnessed), epoch_known)
    print_verification(told, source.name, json=json)
    if not report.is_whole or told.unknown_epochs:
        raise typer.Exit(_FAILED)


def _verify(
    source: LedgerSource,
    keys: tuple[CheckpointVerifier, ...],
    witnessed: list[str],
    *,
    json: bool,
) -> tuple[VerificationReport, Coverage]:
    notes, epochs = list(source.notes()), Epochs.of(source.records())
    if source.end is None:
        coverage = cover_store(notes, witnessed, keys, epochs)
    else:
        coverage = cover_export(notes, witnessed, keys, source.end, epochs)
    verifier = LedgerVerifier(coverage.checkpoints, coverage.error)
    integrity = RecordIntegrity(source.stored_digests())
    for seq, data in enumerate(record_progress(source.records(), source.total, json=json)):
        if not verifier.add(data):
            break
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
    root = source.root()
    if root is not None and root != report.root:
        text = "the stored tree is not the one over the stored records"
        return VerificationFailure(report.covered, "tree-differs", text)
    if earlier := source.earlier_states(integrity):
        return VerificationFailure(earlier[0].seq, "earlier-state", _describe(earlier))
    return None


def _describe(earlier: tuple[EarlierState, ...]) -> str:
    others = f", and {len(earlier) - 1} more" if len(earlier) > 1 else ""
    text = f"the store has another state of consultation {earlier[0].consultation} than this record"
    return f"{text} attests{others}; chartside audit check lists them"
