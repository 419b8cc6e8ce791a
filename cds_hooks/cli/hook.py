"""`chartside hook`: the cards that a chart would open with, without a server or from one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from cds_hooks.cds_client.charts import ChartSource
from cds_hooks.cli import show
from cds_hooks.cli.chart_options import file_chart, server_chart
from cds_hooks.cli.fhir_options import (
    ClientId,
    ClientKey,
    ClientKid,
    FhirAuthority,
    FhirServer,
    Patience,
    SandboxName,
    Scope,
    TokenEnv,
    TokenFile,
    TokenUrl,
    fhir_access,
)
from cds_hooks.cli.hook_service import client_of
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.outcomes import not_answered
from cds_hooks.cli.service_options import (
    Audience,
    Authority,
    Certificate,
    Issuer,
    Key,
    Kid,
    PrintToken,
    Wait,
)
from cds_hooks.cli.stored_consultation import SilentTrialOption, require_not_silent
from cds_hooks.consultation import CheckedConsultation, Outcome
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.inference.prove import unlogged
from cds_hooks.protocol.cards import Response
from cds_hooks.protocol.json_output import to_document
from cds_hooks.protocol.request import parse_request
from cds_hooks.runtime import Runtime
from cds_hooks.runtime.files import require_files
from cds_hooks.runtime.operator import user_fields
from cds_hooks.services import REGISTRY, ServiceDefinition
from cds_hooks.settings import Settings, load_settings

__all__ = ["hook"]

_NOT_ANSWERED = 1


def hook(
    name: Annotated[str, typer.Argument(help="patient-view, encounter-start or appointment-book.")],
    bundle: Annotated[
        Path | None, typer.Option(help="A FHIR bundle, NDJSON, folder, or captured hook request.")
    ] = None,
    patient: Annotated[str, typer.Option(help="Which patient, when there are several.")] = "",
    fhir_server: FhirServer = "",
    sandbox: SandboxName = "",
    token_env: TokenEnv = "",
    token_file: TokenFile = None,
    client_id: ClientId = "",
    client_key: ClientKey = None,
    client_kid: ClientKid = "",
    token_url: TokenUrl = "",
    scope: Scope = "",
    fhir_authority: FhirAuthority = None,
    patience: Patience = 30.0,
    config: Annotated[Path | None, typer.Option(help="Settings file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the response as sent.")] = False,
    explain: Annotated[bool, typer.Option(help="Show facts, prompt, output and checks.")] = False,
    silent_trial: SilentTrialOption = False,
    url: Annotated[str, typer.Option(help="Send it to the service at this address.")] = "",
    key: Key = None,
    issuer: Issuer = "",
    kid: Kid = "",
    audience: Audience = "",
    authority: Authority = None,
    certificate: Certificate = None,
    wait: Wait = 0,
    print_token: PrintToken = False,
) -> None:
    """Answer a hook for a chart in a file, or on a FHIR server: map, ask the model, make cards.

    With --url nothing is answered here: the hook goes to that service, as an EHR would send it,
    with a token for each call if there is a key. Exit code 1: no answer of the model; 3: a refusal.
    """
    forbid_dumps()
    service, console = _service(name), show.screen(json=json)
    _require_fitting(served=bool(url), explain=explain, signs=bool(key or issuer or print_token))
    ehr = None if not url else client_of(
        url, key=key, kid=kid, issuer=issuer, audience=audience, authority=authority,
        certificate=certificate, wait_s=wait,
    )  # fmt: skip
    if ehr and print_token:
        return typer.echo(ehr.token_for(service.id))
    _require_one(bundle, fhir_server, sandbox)
    if bundle is not None:
        chart = file_chart(bundle, patient)
    else:
        access = fhir_access(
            fhir_server, sandbox, token_env=token_env, token_file=token_file, client_id=client_id,
            client_key=client_key, client_kid=client_kid, token_url=token_url, scope=scope,
            authority=fhir_authority, patience=patience,
        )  # fmt: skip
        chart = server_chart(access, patient, load_settings(config))
    if ehr is None:
        return _answer_here(service, chart, config, json=json, explain=explain, silent=silent_trial)
    with console.status("the service answers"):
        document = ehr.fire(name, chart.request)
    return _print(document, console, json=json)


def _require_one(bundle: Path | None, server: str, sandbox: str) -> None:
    if sum(map(bool, (bundle, server, sandbox))) != 1:
        hint = "Give one of --bundle FILE, --fhir-server URL and --sandbox NAME."
        raise UsageError("it is not known whose chart is opened", where="hook", hint=hint)


def _answer_here(
    service: ServiceDefinition,
    chart: ChartSource,
    config: Path | None,
    *,
    json: bool,
    explain: bool,
    silent: bool,
) -> None:
    """Answer in this process and print the response. Raises typer.Exit without an answer."""
    console = show.screen(json=json)
    with console.status("the chart is read"):
        body = chart.request(service.hook, service.prefetch)
    # What the engine would log of its end is told below, once.
    with console.status("the model reads the chart"), unlogged():
        done, response, cause = asyncio.run(
            _consult(service, body, config, explain=explain, silent_trial=silent)
        )
    document = to_document(response)
    _print({"response": document, "consultation": done} if json and explain else document,
           console, json=json)  # fmt: skip
    if explain and not json:
        show.consultation(console, done, prompt=True)
    why = None if done.silent else not_answered(done, cause)
    if why is not None and done.outcome is not Outcome.EMPTY:  # no diagnosis is an answer
        # Beside the response, which is printed as it would be sent.
        typer.echo(f"chartside: {why.diagnostics()}", err=True)
        raise typer.Exit(_NOT_ANSWERED)


def _require_fitting(*, served: bool, explain: bool, signs: bool) -> None:
    if served and explain:
        hint = "The consultation stays with the service; its card links to it."
        raise UsageError("--explain is for what is answered here", where="--url", hint=hint)
    if signs and not served:
        raise UsageError("a token is for a service at --url", where="--key")


def _print(document: dict[str, Any], console: Console, *, json: bool) -> None:
    if json:
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        show.cards(console, document)


def _service(hook: str) -> ServiceDefinition:
    # A file does not tell which of its problems was just entered.
    offered = [s for s in REGISTRY if not s.checks_new_problems]
    found = next((s for s in offered if s.hook == hook), None)
    if found is None:
        hooks = ", ".join(s.hook for s in offered)
        raise UsageError("no service answers this hook for a file", hint=f"Hooks: {hooks}.")
    return found


async def _consult(
    service: ServiceDefinition,
    body: dict[str, Any],
    config: Path | None,
    *,
    explain: bool,
    silent_trial: bool,
) -> tuple[CheckedConsultation, Response, str]:
    """The whole pipeline, however long the model takes; with what the engine says is wrong."""
    request = parse_request(orjson.dumps(body), service.on)
    settings = load_settings(config)
    if explain:
        require_not_silent(settings, service.id, silent_trial=silent_trial)
    require_files(settings)
    async with Runtime.running(settings) as runtime:
        await runtime.until_ready()
        consultant = runtime.hooks.consultant_of(service, request)
        asked = await consultant.prepare(service, request)
        done = await consultant.complete(asked)
        if done.silent and explain:
            await runtime.store.record_event("consultation-read", **_read_by(settings, done))
        # Now, as an engine that is started again has forgotten it.
        cause = getattr(runtime.engine, "trouble", "")
        return done, await consultant.make_response(done, request), cause


def _read_by(settings: Settings, done: CheckedConsultation) -> dict[str, Any]:
    """A record's fields of a silent consultation that this command prints."""
    return {
        "consultation": done.id,
        "service_id": done.service,
        "patient_pseudonym": done.patient_key,
        "command": "hook",
        "silent_trial": True,
        **user_fields(settings),
    }
