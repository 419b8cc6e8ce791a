"""`chartside export auditevents | provenance`: the ledger as FHIR, one resource a line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.cli.audit_export import export_ledger
from cds_hooks.cli.audit_options import ConfigOption, ExportOption, JsonOption

__all__ = ["audit_events", "provenance"]

FolderArgument = Annotated[Path, typer.Argument(help="The folder that the file is written to.")]


def audit_events(
    folder: FolderArgument,
    export: ExportOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write the ledger as FHIR AuditEvents (IHE BALP), one a line.

    The same as `chartside audit export FOLDER --format auditevents`.
    """
    export_ledger(folder, "auditevents", export, config, json=json)


def provenance(
    folder: FolderArgument,
    export: ExportOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Write a FHIR Provenance (HL7 AI Transparency) for each answer of a model, one a line.

    The same as `chartside audit export FOLDER --format provenance`.
    """
    export_ledger(folder, "provenance", export, config, json=json)
