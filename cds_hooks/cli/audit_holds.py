"""`chartside audit hold place | release | list`: legal holds."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from cds_hooks.audit.key_operations import KeyOperations
from cds_hooks.audit.legal_holds import HoldKind
from cds_hooks.cli.audit_options import ConfigOption, JsonOption
from cds_hooks.cli.audit_output import print_result
from cds_hooks.cli.audit_patient import PatientOption, ServerOption, pseudonyms
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import load_settings

__all__ = ["hold_app"]

hold_app = typer.Typer(
    name="hold", help="Keep records from being deleted or erased.", no_args_is_help=True
)


@hold_app.command("place")
def place_hold(
    reference: Annotated[str, typer.Option(help="The case's number; never a name.")],
    consultation: Annotated[str, typer.Option(help="A consultation's id, for that one.")] = "",
    fhir_server: ServerOption = None,
    patient: PatientOption = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Keep a patient's records, or one consultation, until the hold is released."""
    settings = load_settings(config)
    key = site_key(settings)
    subjects: list[tuple[HoldKind, str]] = [("consultation", consultation)]
    if not consultation:
        patient_keys = pseudonyms(settings, key, patient, fhir_server)
        subjects = [("patient", each) for each in patient_keys]
    with KeyOperations(store_config(settings), key) as operations:
        placed = [operations.place_hold(kind, subject, reference) for kind, subject in subjects]
    lines = "\n".join(f"{hold.id}  {hold.kind}  {hold.reference}" for hold in placed)
    print_result({"holds": [asdict(hold) for hold in placed]}, lines, json=json)


@hold_app.command("release")
def release_hold(
    hold: Annotated[str, typer.Argument(help="The hold's id, from `list`.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """End a hold: retention and erasure apply again."""
    settings = load_settings(config)
    with KeyOperations(store_config(settings), site_key(settings)) as operations:
        released = operations.release_hold(hold)
    print_result(asdict(released), f"Released: {released.reference}.", json=json)


@hold_app.command("list")
def list_holds(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Print the holds that are not released, with their references."""
    settings = load_settings(config)
    with KeyOperations(store_config(settings), site_key(settings)) as operations:
        found = operations.active_holds()
    lines = "\n".join(f"{hold.id}  {hold.kind}  {hold.reference}" for hold in found)
    result = {"holds": [asdict(hold) for hold in found]}
    print_result(result, lines or "There are no holds.", json=json)
