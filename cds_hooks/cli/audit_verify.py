"""`chartside audit verify`: check a ledger, an export or a proof."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.audit.ledger.ledger_errors import ExportUnreadable
from cds_hooks.audit.ledger.source_verification import verify_source
from cds_hooks.cli.audit_ledger_source import open_ledger, public_keys
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import record_progress
from cds_hooks.cli.audit_proof import verify_proof
from cds_hooks.cli.audit_verification_report import print_verification, unknown_epochs
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
        typer.Option(
            help="Folder of the witness's copies, or a Bundle; of a store the one that is set."
        ),
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
    if witness is None and settings is not None:
        witness = settings.ledger.witness_folder  # the store's own: an export names its witness
    witnessed = witness_notes(witness, load_settings(config) if witness_fhir else None)
    with open_ledger(target, config) as source:
        watch = partial(record_progress, total_bytes=source.total, json=json)
        report, coverage = verify_source(source, keys, witnessed, watch=watch)
    print_verification(
        report,
        coverage,
        source.name,
        witnessed=bool(witnessed),
        epoch_known=epoch_known,
        json=json,
    )
    if not report.is_whole or unknown_epochs(report, coverage, epoch_known):
        raise typer.Exit(_FAILED)
