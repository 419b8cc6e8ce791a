"""`chartside audit query`: who saw which patient's data, when and why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table
from rich.text import Text

from cds_hooks.audit.ledger.entries import user_ref
from cds_hooks.audit.ledger.query import LedgerQuery, matching
from cds_hooks.audit.ledger.record import Record
from cds_hooks.cli import show
from cds_hooks.cli.audit_ledger_source import open_ledger
from cds_hooks.cli.audit_options import ConfigOption, ExportOption, JsonOption
from cds_hooks.runtime.patient_keys import patient_keys
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import load_settings
from prompts import visible

__all__ = ["query"]

_ALWAYS = ("seq", "when (UTC)", "type", "user")
_LONGEST, _MANY = 300, 8


def query(
    patient: Annotated[str, typer.Option(help="A patient's id, as on its FHIR server.")] = "",
    server: Annotated[str, typer.Option(help="That FHIR server, as the EHR names it.")] = "",
    user: Annotated[str, typer.Option(help="A user, like Practitioner/123.")] = "",
    consultation: Annotated[str, typer.Option(help="A consultation's id.")] = "",
    type_: Annotated[list[str] | None, typer.Option("--type", help="Types of records.")] = None,
    service: Annotated[str, typer.Option(help="A CDS service's id.")] = "",
    outcome: Annotated[str, typer.Option(help="An outcome, like answered.")] = "",
    client: Annotated[str, typer.Option(help="A client, as its tokens name the issuer.")] = "",
    since: Annotated[str, typer.Option(help="UTC, like 2026-11-22 or 2026-11-22T14:30.")] = "",
    until: Annotated[str, typer.Option(help="The same; a day includes all of it.")] = "",
    export: ExportOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Print who saw which patient's data, when and why.

    The site key finds a patient or a user, so that needs the service's settings, also for an
    export. With --json, one record per line.
    """
    patients, users = _pseudonyms(config, patient, server, user)
    types = frozenset(type_ or ())
    conditions = LedgerQuery(
        patients, users, consultation, types, since, until, service, outcome, client
    )
    with open_ledger(export, config) as source:
        found = matching(source.records(), conditions)
        if json:
            for record in found:
                typer.echo(record.data.decode())
        else:
            _print_table(found)


def _pseudonyms(
    config: Path | None, patient: str, server: str, user: str
) -> tuple[frozenset[str], frozenset[str]]:
    """The pseudonyms of a patient and of a user; empty where none is named."""
    if not (patient or user):
        return frozenset(), frozenset()
    settings = load_settings(config)
    key = site_key(settings)
    patients = patient_keys(settings, key, patient, server) if patient else ()
    users = (user_ref(key, user), user) if user else ()
    return frozenset(patients), frozenset(users)


def _access(record: Record) -> str:
    """For which organization and to what purpose, as far as somebody said so."""
    organization = record.text("organization") or record.text("organization_hmac")[:18]
    if organization and record.text("organization_from") == "settings":
        organization += " (settings)"
    told = record.fields.get("purposes_of_use", [])
    purposes = told if isinstance(told, list) else []
    codes = [str(each).rpartition("|")[2] for each in purposes]
    return ", ".join(filter(None, [organization, *codes]))


def _details(record: Record) -> str:
    """What a record says beside its columns, cut to a few lines."""
    told = record.fields.get("details", {})
    if not isinstance(told, dict):
        return ""
    parts = [f"{key}: {_short(value)}" for key, value in told.items()]
    text = visible("; ".join(parts))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... (all of it: --json)"


def _short(value: object) -> str:
    """A value as text; of many only how many there are."""
    if isinstance(value, dict | list) and len(value) > _MANY:
        return f"{len(value)} values"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _cells(record: Record) -> dict[str, str]:
    cards = record.fields.get("cards", [])
    return {
        "seq": str(record.seq),
        "when (UTC)": record.recorded,
        "type": record.type,
        "hook or service": record.text("hook") or record.text("service_id"),
        "client": record.text("client_iss"),
        "for, why": _access(record),
        "user": record.text("user_ref")[:18],
        "outcome": record.text("outcome"),
        "cards": str(len(cards)) if cards else "",
        "details": _details(record),
    }


def _print_table(found: Iterable[Record]) -> None:
    """Columns that no record fills are left out."""
    rows = [_cells(record) for record in found]
    filled = [
        heading
        for heading in (rows[0] if rows else ())
        if heading in _ALWAYS or any(row[heading] for row in rows)
    ]
    table = Table()
    for heading in filled:
        # A time that is cut off is of no use.
        width = len("2026-11-28T19:34:22Z") if heading == "when (UTC)" else None
        table.add_column(
            heading, overflow="fold", no_wrap=width is not None, min_width=width,
            justify="right" if heading == "cards" else "left",
        )  # fmt: skip
    for row in rows:
        table.add_row(*(Text(row[heading]) for heading in filled))
    console = show.screen()
    if rows:
        console.print(table)
    console.print("1 record" if len(rows) == 1 else f"{len(rows)} records")
