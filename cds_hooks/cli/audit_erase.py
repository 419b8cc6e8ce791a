"""`chartside audit erase`: make one patient's records unreadable."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from cds_hooks.audit.key_operations import Erasure, KeyOperations
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import print_result
from cds_hooks.cli.audit_patient import PatientOption, ServerOption, pseudonyms
from cds_hooks.cli.mapping import UsageError
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import load_settings

__all__ = ["erase"]

_INTERRUPTED = 130


def erase(
    fhir_server: ServerOption = None,
    patient: PatientOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether to go on.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Erase the keys of one patient's records: nobody can read them any more.

    May be done while the service runs. What it has in memory it forgets within
    `services.recall_s` seconds; a consultation in progress may still be recorded.
    """
    settings = load_settings(config)
    key = site_key(settings)
    patient_keys = pseudonyms(settings, key, patient, fhir_server)
    with KeyOperations(store_config(settings), key) as operations:
        count = sum(operations.count_readable(each) for each in patient_keys)
        if not yes:
            _confirm(f"{count} consultations will be unreadable for ever. Go on?")
        erased = [operations.erase(each) for each in patient_keys]
    result = _sum(erased)
    print_result(result, _describe(result), json=json)


def _sum(erased: Sequence[Erasure]) -> dict[str, Any]:
    return {
        "keys": sum(len(each.records.keys) for each in erased),
        "consultations": sum(each.records.consultations for each in erased),
        "cards": sum(each.records.cards for each in erased),
        "feedback": sum(each.records.feedback for each in erased),
        "scrubbed": all(each.scrubbed for each in erased),
    }


def _describe(result: dict[str, Any]) -> str:
    text = "Erased: {keys} keys, {consultations} consultations, {cards} cards, {feedback} feedback."
    if not result["scrubbed"]:
        text += " The database clears its files of the old key once nobody reads; do it again then."
    if not result["keys"]:
        text += " Nothing is kept under this id on this server: look at both."
    return text.format(**result)


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask", where="yes", hint="Give --yes to go on.")
    if not typer.confirm(question, err=True):
        raise typer.Exit(_INTERRUPTED)
