"""`chartside doctor`, whole or one part: findings as they are made, on a terminal or as JSON."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from cds_hooks.cds_client.server_chart import FhirAccess
from cds_hooks.cli import show
from cds_hooks.cli.chart_options import require_patient
from cds_hooks.cli.fhir_options import (
    ClientId,
    ClientKey,
    ClientKid,
    FhirAuthority,
    Patience,
    Scope,
    TokenEnv,
    TokenFile,
    TokenUrl,
    bearer_token,
    fhir_access,
    fhir_destinations,
)
from cds_hooks.cli.mapping import UsageError
from cds_hooks.doctor.context import Context
from cds_hooks.doctor.findings import Finding, Level
from cds_hooks.doctor.run import PARTS, examined
from cds_hooks.doctor.settings_findings import read
from cds_hooks.settings import Settings

__all__ = ["Config", "Json", "doctor_fhir", "part_command", "whole"]

FAILED = 1
_COLOURS = {
    Level.PASS: "green",
    Level.WARN: "yellow",
    Level.FAIL: "bold red",
    Level.UNCHECKED: "dim",
}

Config = Annotated[Path | None, typer.Option(help="Settings file (TOML).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Patient = Annotated[str, typer.Option(help="Read this patient's chart by each prefetch template.")]
Encounter = Annotated[str, typer.Option(help="And this encounter, for templates that need one.")]
Server = Annotated[str, typer.Option(help="A FHIR server instead of fhir.allowed_bases.")]


@dataclass(frozen=True, slots=True)
class _Extras:
    """What a command line adds to the settings."""

    access: FhirAccess | None = None
    token: str = ""
    patient: str = ""
    encounter: str = ""


def whole(
    config: Path | None,
    skip: Sequence[str],
    patient: str,
    token_env: str,
    token_file: Path | None,
    *,
    json: bool,
) -> None:
    """Every part but those to skip. Raises UsageError, and typer.Exit when something failed."""
    if unknown := set(skip) - set(PARTS):
        hint = f"Parts: {', '.join(PARTS)}."
        raise UsageError(f"there is no part {min(unknown)}", where="--skip", hint=hint)
    token = bearer_token(token_env, token_file)
    extras = _Extras(None, token, require_patient(patient) if patient else "")
    _examine(config, [name for name in PARTS if name not in skip], extras, json=json)


def part_command(name: str, text: str) -> Callable[..., None]:
    """The command of one part that needs nothing but the settings."""

    def command(config: Config = None, json: Json = False) -> None:
        _examine(config, [name], _Extras(), json=json)

    command.__doc__ = f"{text} Exit code 1: something failed."
    return command


def doctor_fhir(
    config: Config = None,
    patient: Patient = "",
    encounter: Encounter = "",
    fhir_server: Server = "",
    token_env: TokenEnv = "",
    token_file: TokenFile = None,
    client_id: ClientId = "",
    client_key: ClientKey = None,
    client_kid: ClientKid = "",
    token_url: TokenUrl = "",
    scope: Scope = "",
    fhir_authority: FhirAuthority = None,
    patience: Patience = 30.0,
    json: Json = False,
) -> None:
    """Ask each FHIR server for its version, and with --patient for all that the services prefetch:
    how many resources each template brings, in which state and time. Exit code 1: something failed.

    Nothing of a chart is printed.
    """
    access = None
    if fhir_server:
        access = fhir_access(
            fhir_server, "", token_env=token_env, token_file=token_file, client_id=client_id,
            client_key=client_key, client_kid=client_kid, token_url=token_url, scope=scope,
            authority=fhir_authority, patience=patience,
        )  # fmt: skip
    elif client_id or client_key:
        raise UsageError("a client is registered at one server", where="--fhir-server")
    token = "" if access else bearer_token(token_env, token_file)
    whose = require_patient(patient) if patient else ""
    _examine(config, ["fhir"], _Extras(access, token, whose, encounter), json=json)


def _examine(config: Path | None, parts: Sequence[str], extras: _Extras, *, json: bool) -> None:
    console = show.screen(json=json)
    settings, found = read(config, os.environ)
    if not json:
        for each in found if settings is None or "settings" in parts else ():
            _print(console, each)
    if settings is not None:
        _require_one_server(settings, extras)
        context = Context(
            settings,
            config,
            access=extras.access,
            token=extras.token,
            patient=extras.patient,
            encounter=extras.encounter,
        )
        told = (lambda _: None) if json else (lambda each: _print(console, each))
        made = asyncio.run(_gathered(context, parts, told, console))
        found = [*(found if "settings" in parts else ()), *made]
    _end(console, found, json=json)


def _require_one_server(settings: Settings, extras: _Extras) -> None:
    """Raise UsageError for a token or a patient's id that would go to every listed server."""
    bases = len(settings.fhir.allowed_bases)
    if extras.access is None and (extras.token or extras.patient) and bases > 1:
        hint = "Name its server: chartside doctor fhir --fhir-server URL."
        message = f"a token and a patient are of one FHIR server; fhir.allowed_bases lists {bases}"
        raise UsageError(message, where="--token-env, --token-file, --patient", hint=hint)


async def _gathered(
    context: Context, parts: Sequence[str], told: Callable[[Finding], None], screen: Console
) -> list[Finding]:
    found = []
    extra = fhir_destinations(context.access) if context.access else []
    with _progress(screen) as progress:
        task = progress.add_task("", total=len(parts))
        begun: list[str] = []

        def begin(name: str) -> None:
            begun.append(name)
            progress.update(task, description=name, completed=len(begun) - 1)

        async for each in examined(context, parts, extra=extra, begin=begin):
            found.append(each)
            told(each)
    return found


def _progress(screen: Console) -> Progress:
    """On a terminal alone, and gone at the end."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    )


def _print(console: Console, found: Finding) -> None:
    """One line, and one to copy: neither is broken where the terminal ends."""
    level = Text(f"{found.level.value:11} ", style=_COLOURS[found.level])
    where = f" at {found.where}" if found.where else ""
    console.print(Text.assemble(level, f"{found.id}{where}: {found.says}"), soft_wrap=True)
    if found.mend:
        console.print(Text(f"{'':11} -> {found.mend}", style="cyan"), soft_wrap=True)


def _end(console: Console, found: Iterable[Finding], *, json: bool) -> None:
    """The counts, or the document; raises typer.Exit when something failed."""
    listed = list(found)
    counts = Counter(each.level for each in listed)
    told = {level.value: counts[level] for level in Level}
    failed = bool(counts[Level.FAIL])
    if json:
        document = {
            "healthy": not failed,
            "counts": told,
            "findings": [each.document() for each in listed],
        }
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        console.print(", ".join(f"{count} {name}" for name, count in told.items()))
    if failed:
        raise typer.Exit(FAILED)
