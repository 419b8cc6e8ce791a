"""Options that name a patient, and how `chartside audit` commands ask for one."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cds_hooks.audit import SiteKey
from cds_hooks.cli.mapping import UsageError
from cds_hooks.runtime.patient_keys import patient_keys
from cds_hooks.settings import Settings

__all__ = ["PatientOption", "ServerOption", "pseudonyms"]

ServerOption = Annotated[
    str | None,
    typer.Option(help="The FHIR server that the id is of, as EHRs name it; '' if they name none."),
]
PatientOption = Annotated[
    str, typer.Option(help="The patient's id; better left out and typed when asked, or piped in.")
]


def pseudonyms(
    settings: Settings, key: SiteKey, patient: str, server: str | None
) -> tuple[str, ...]:
    """The pseudonyms of a patient, whose id is asked for if it was not given. Raises UsageError."""
    return patient_keys(settings, key, _read_id(patient), _server(settings, server))


def _read_id(given: str) -> str:
    """The id as given, typed at a prompt that does not show it, or piped in."""
    if not given and sys.stdin.isatty():
        given = str(typer.prompt("Patient id", hide_input=True, err=True))
    given = (given or sys.stdin.readline()).strip().removeprefix("Patient/")
    if not given:
        raise UsageError("no patient id was given", where="patient", hint="Type it or pipe it in.")
    return given


def _server(settings: Settings, given: str | None) -> str:
    """The server that was named, or the only one of the settings."""
    bases = settings.fhir.allowed_bases
    if given is None and len(bases) == 1:
        return bases[0]
    if given is None:
        hint = "Give --fhir-server URL: ids are of one server; '' if EHRs name none."
        raise UsageError(
            "it is not clear which server's id this is", where="fhir-server", hint=hint
        )
    return given
