"""`chartside export`: documents for reviewers, one command each."""

from __future__ import annotations

import typer

from cds_hooks.cli import (
    export_compliance,
    export_describe,
    export_documents,
    export_feedback,
    export_ledger,
    export_sbom,
)

__all__ = ["export_app"]

export_app = typer.Typer(
    name="export",
    help="Documents for reviewers, made from the configuration that runs.",
    no_args_is_help=True,
    add_completion=False,
)
export_app.command("describe")(export_describe.describe)
export_app.command("dsi")(export_documents.dsi)
export_app.command("chai")(export_documents.chai)
export_app.command("basis")(export_documents.basis)
export_app.command("sbom")(export_sbom.sbom)
export_app.command("feedback")(export_feedback.feedback)
export_app.command("riskfile")(export_compliance.riskfile)
export_app.command("ai-act")(export_compliance.ai_act)
export_app.command("retention")(export_compliance.retention)
export_app.command("egress")(export_compliance.egress)
export_app.command("auditevents")(export_ledger.audit_events)
export_app.command("provenance")(export_ledger.provenance)
