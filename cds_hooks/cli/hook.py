"""`chartside hook`: the cards that a chart would open with, without a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from cds_hooks.cli import show
from cds_hooks.cli.ehr import current_encounter_id, hook_request
from cds_hooks.cli.mapping import UsageError, choose_patient
from cds_hooks.consultation import Consultation
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.request import parse_request
from cds_hooks.protocol.wire import to_document
from cds_hooks.runtime import Runtime
from cds_hooks.services import REGISTRY, ServiceDefinition
from cds_hooks.settings import load_settings
from fhir_mapping.loading import load_path

__all__ = ["hook"]


def hook(
    name: Annotated[str, typer.Argument(help="patient-view, encounter-start or appointment-book.")],
    bundle: Annotated[Path, typer.Option(help="A FHIR bundle, NDJSON file or folder.")],
    patient: Annotated[str, typer.Option(help="Which patient, when there are several.")] = "",
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the response as sent.")] = False,
    explain: Annotated[bool, typer.Option(help="Show facts, prompt, output and checks.")] = False,
) -> None:
    """Answer a hook for a chart in a file: map, ask the model, check, make cards."""
    # A file does not tell which of its problems was just entered.
    offered = [s for s in REGISTRY if not s.checks_entered]
    service = next((s for s in offered if s.hook == name), None)
    if service is None:
        hooks = ", ".join(s.hook for s in offered)
        raise UsageError("no service answers this hook for a file", hint=f"Hooks: {hooks}.")
    body = _request(service, bundle, patient)
    console = show.screen(json=json)
    with console.status("the model reads the chart"):
        done, response = asyncio.run(_consult(service, body, config))
    document = to_document(response)
    if json:
        shown = {"response": document, "consultation": done} if explain else document
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return
    show.cards(console, document)
    if explain:
        show.consultation(console, done, prompt=True)


def _request(service: ServiceDefinition, bundle: Path, patient: str) -> dict[str, Any]:
    resources = load_path(bundle)
    return hook_request(
        service.hook,
        service.prefetch,
        resources,
        patient_id=choose_patient(resources, patient),
        encounter_id=current_encounter_id(resources),
    )


async def _consult(
    service: ServiceDefinition, body: dict[str, Any], config: Path | None
) -> tuple[Consultation, Response]:
    """The whole way through, however long the model takes."""
    request = parse_request(orjson.dumps(body), service.on)
    async with Runtime.running(load_settings(config)) as runtime:
        await runtime.until_ready()
        asked = await runtime.consultant.ask(service, request)
        done = await runtime.consultant.finish(asked)
        return done, await runtime.consultant.respond(done, request)
