"""`chartside audit prove`: the proof of one record, and its verification."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.audit.ledger import checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.ledger_errors import ProofInvalid
from cds_hooks.audit.ledger.proof import RecordProof, prove
from cds_hooks.audit.ledger.source import LedgerSource
from cds_hooks.cli.audit_ledger_source import open_ledger
from cds_hooks.cli.audit_options import ConfigOption, ExportOption, JsonOption
from cds_hooks.cli.audit_output import print_result

__all__ = ["prove_record", "verify_proof"]


def prove_record(
    seq: Annotated[int, typer.Argument(help="The record's number, from 0.", min=0)],
    output: Annotated[Path | None, typer.Option(help="File for the proof; else printed.")] = None,
    since: Annotated[
        Path | None, typer.Option(help="An earlier checkpoint: prove that the ledger continues it.")
    ] = None,
    export: ExportOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write a proof of one record that `verify` checks with the public key alone."""
    with open_ledger(export, config) as source:
        note = _latest_note(source)
        earlier = since.read_text("utf-8") if since else ""
        proof = prove(seq, source.get(seq), note, source.reader(), earlier)
    if output is None:
        typer.echo(proof.to_json().decode(), nl=False)
        return
    output.write_bytes(proof.to_json())
    result = {"seq": seq, "proof": str(output), "hashes": len(proof.path)}
    text = f"record {seq}: {len(proof.path)} hashes, written to {output}"
    print_result(result, text, json=json)


def verify_proof(file: Path, keys: tuple[CheckpointVerifier, ...], *, json: bool) -> None:
    """Verify a proof's file and print its record. Raises ProofInvalid, CheckpointInvalid."""
    record, signed = RecordProof.parse(file.read_bytes()).verify(*keys)
    result = {"whole": True, "seq": record.seq, "size": signed.size, "record": dict(record.fields)}
    text = (
        f"record {record.seq} ({record.type}, {record.recorded}) is in the ledger of "
        f"{signed.size} records (epoch {signed.epoch}) that {signed.origin} signed "
        f"{signed.signed_at}"
    )
    print_result(result, text, json=json)


def _latest_note(source: LedgerSource) -> str:
    notes = list(source.notes())
    if not notes:
        hint = "A running service signs at an interval (ledger.every_s), and when it stops."
        raise ProofInvalid("no checkpoint was signed yet", hint=hint)
    return max(notes, key=lambda note: checkpoint.parse(note).size)
