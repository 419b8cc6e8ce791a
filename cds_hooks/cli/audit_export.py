"""`chartside audit export`: the ledger for a reviewer, or as FHIR."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from cds_hooks.audit.ledger.checkpoint import Checkpoint
from cds_hooks.audit.ledger.checkpoint_keys import CheckpointVerifier
from cds_hooks.audit.ledger.enrichment import format_utc
from cds_hooks.audit.ledger.export import write_export
from cds_hooks.audit.ledger.export_end import last_checkpoint, sign_end
from cds_hooks.audit.ledger.export_page import ExportPage
from cds_hooks.audit.ledger.ledger_errors import CheckpointInvalid
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
    key, keys = signing_key(settings), public_keys([], settings)
    line, page = key.public.line(), ExportPage()
    exported_at = format_utc(time.time())
    with open_ledger(None, config) as source:
        notes = list(source.notes())
        last = _last(notes, keys)
        end = sign_end(last, notes, exported_at, key) if last else ""
        found = islice(source.records(), last.size if last else None)
        records = record_progress(page.watching(found), source.total, json=json)
        count = write_export(folder, records, notes, line, end)
    _write_page(folder, page.html(len(notes), line, last.signed_at if last else "", exported_at))
    result = {"folder": str(folder), "records": count, "checkpoints": len(notes)}
    times = {"signed_at": last.signed_at if last else None, "exported_at": exported_at}
    print_result({**result, **times, "public_key": line}, _told(result, last), json=json)


def _last(notes: list[str], keys: tuple[CheckpointVerifier, ...]) -> Checkpoint | None:
    """Where the export ends. None when nobody of ours signed that: it shows all then, unstated."""
    try:
        return last_checkpoint(notes, keys)
    except CheckpointInvalid:
        return None


def _told(result: dict[str, Any], last: Checkpoint | None) -> str:
    text = f"{result['records']} records and {result['checkpoints']} checkpoints in "
    text += str(result["folder"])
    if last is None:
        return f"{text}. No checkpoint of this key is the last one: the export states no end."
    return f"{text}. It ends on the checkpoint of {last.signed_at}."


def _write_page(folder: Path, html: str) -> None:
    place = folder / "index.html"
    place.touch(mode=0o600)
    place.write_text(html, encoding="utf-8")
