"""Witnesses' checkpoints for `chartside audit verify`: a folder, a file, the FHIR server."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cds_hooks.audit.ledger.fhir_witness import notes_of
from cds_hooks.audit.ledger.ledger_errors import ExportUnreadable
from cds_hooks.audit.ledger.witness import FolderWitness
from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.json_body import BodyLimits, read_object
from cds_hooks.runtime.witnessing import fhir_notes
from cds_hooks.settings import Settings, SettingsError

__all__ = ["notes_in_file", "witness_notes"]

_MAX_BYTES = 256 * 2**20


def witness_notes(place: Path | None, settings: Settings | None) -> list[str]:
    """The notes in a folder or file, and with settings those of their FHIR server.

    Raises WitnessFailed, ExportUnreadable, SettingsError.
    """
    found: list[str] = []
    if place is not None:
        found += notes_in_file(place) if place.is_file() else FolderWitness(place).notes()
    if settings is not None:
        if settings.witness.fhir_server is None:
            hint = "Set it, or save what the server finds to a file and give --witness FILE."
            raise SettingsError("no FHIR server is named", where="witness.fhir_server", hint=hint)
        found += asyncio.run(fhir_notes(settings))
    return found


def notes_in_file(place: Path) -> list[str]:
    """The notes in a file with a FHIR Bundle or DocumentReference (JSON).

    Raises ExportUnreadable for anything else.
    """
    try:
        with place.open("rb") as file:
            document = read_object(file.read(_MAX_BYTES + 1), BodyLimits(max_bytes=_MAX_BYTES))
    except (OSError, ChartsideError):
        document = {}
    if document.get("resourceType") not in ("Bundle", "DocumentReference"):
        hint = "Give the witness's folder, or the Bundle that its FHIR server found (JSON)."
        raise ExportUnreadable("the file is not a FHIR resource", where=str(place), hint=hint)
    return list(notes_of(document))
