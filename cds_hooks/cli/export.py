"""`chartside export`: documents for reviewers, one command each."""

from __future__ import annotations

import typer

from cds_hooks.cli import export_documents, export_ledger

__all__ = ["export_app"]

export_app = typer.Typer(
    name="export",
    help="Documents for reviewers, made from the configuration that runs.",
    no_args_is_help=True,
    add_completion=False,
)
export_app.command("dsi")(export_documents.dsi)
export_app.command("chai")(export_documents.chai)
export_app.command("auditevents")(export_ledger.audit_events)
export_app.command("provenance")(export_ledger.provenance)
