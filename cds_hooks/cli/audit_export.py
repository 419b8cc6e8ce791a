"""`chartside audit export`: the ledger for a reviewer, or as FHIR."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.taking_export import TakenExport, take_export
from cds_hooks.cli.audit_fhir import write_fhir
from cds_hooks.cli.audit_ledger_source import open_ledger, public_keys
from cds_hooks.cli.audit_options import ConfigOption, ExportOption, JsonOption
from cds_hooks.cli.audit_output import print_result, record_progress
from cds_hooks.runtime.ledger import signing_key
from cds_hooks.settings import load_settings

__all__ = ["export_ledger"]


def export_ledger(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    format_: Annotated[
        str, typer.Option("--format", help="ledger; or FHIR lines: auditevents, provenance.")
    ] = "ledger",
    export: ExportOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write records, checkpoints, public key and a page to read, for a reviewer to verify.

    It ends on the last signed checkpoint, and states that and its time under the signing key.
    As `auditevents` (IHE BALP) or `provenance` (HL7 AI Transparency) it writes FHIR R4 instead, one
    resource per line; of an export with --export.
    """
    if format_ == "ledger":
        _export_ledger(folder, config, json=json)
        return
    settings = load_settings(config)
    with open_ledger(export, config) as source:
        place, count = write_fhir(folder, source.records(), format_, settings)
    result = {"file": str(place), "resources": count}
    print_result(result, f"{count} resources in {place}", json=json)


def _export_ledger(folder: Path, config: Path | None, *, json: bool) -> None:
    settings = load_settings(config)
    key, keys, now = signing_key(settings), public_keys([], settings), format_utc(time.time())
    with open_ledger(None, config) as source:
        watch = partial(record_progress, total_bytes=source.total, json=json)
        taken = take_export(folder, source, key, keys, now, watch=watch)
    counts = {"records": taken.records, "checkpoints": taken.checkpoints, "newer": taken.newer}
    signed_at = taken.last.signed_at if taken.last else None
    times = {"signed_at": signed_at, "exported_at": taken.exported_at}
    key_line = {"public_key": taken.public_key}
    text = _told(folder, taken, settings.ledger.every_s)
    print_result({"folder": str(folder), **counts, **times, **key_line}, text, json=json)


def _told(folder: Path, taken: TakenExport, every_s: float) -> str:
    text = f"{_count(taken.records, 'record')} and {_count(taken.checkpoints, 'checkpoint')}"
    text += f" in {folder}"
    if taken.last is None:
        return f"{text}. No checkpoint of this key is the last one: the export states no end."
    text += f". It ends on the checkpoint of {taken.last.signed_at}."
    if not taken.newer:
        return text
    newer = f"Not in it: {_count(taken.newer, 'newer record')}, under no checkpoint yet"
    return f"{text}\n{newer}. A running service signs one within {every_s:g} s: export again then."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
