"""`chartside audit export`: the ledger for a reviewer, or as FHIR."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.audit.ledger.export import write_export
from cds_hooks.audit.ledger.export_page import ExportPage
from cds_hooks.cli.audit_fhir import write_fhir
from cds_hooks.cli.audit_ledger_source import open_ledger, public_keys
from cds_hooks.cli.audit_options import ConfigOption, ExportOption, JsonOption
from cds_hooks.cli.audit_output import print_result, record_progress
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
    key = public_keys([], load_settings(config))[0].line()
    page = ExportPage()
    with open_ledger(None, config) as source:
        notes = list(source.notes())
        records = record_progress(page.watching(source.records()), source.total, json=json)
        count = write_export(folder, records, notes, key)
    _write_page(folder, page.html(len(notes), key))
    result = {"folder": str(folder), "records": count, "checkpoints": len(notes), "public_key": key}
    print_result(result, f"{count} records and {len(notes)} checkpoints in {folder}", json=json)


def _write_page(folder: Path, html: str) -> None:
    place = folder / "index.html"
    place.touch(mode=0o600)
    place.write_text(html, encoding="utf-8")
