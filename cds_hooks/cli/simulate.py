"""`chartside simulate`: many charts opened at a service, as a busy morning would.

Exit codes: 0 every hook was answered, 4 some were not, else as of any command.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cds_hooks.cds_client.charts import ChartSource, RemoteChart
from cds_hooks.cds_client.server_chart import FhirAccess
from cds_hooks.cli import show
from cds_hooks.cli.chart_options import charts_in, fhir_transport
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
    fhir_destinations,
)
from cds_hooks.cli.hook_service import CdsClient, client_of
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.service_options import Audience, Authority, Certificate, Issuer, Key, Kid, Wait
from cds_hooks.cli.simulate_report import Opened, Simulated, as_document, summary_table
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.errors import ChartsideError
from cds_hooks.prewarm import read_patients
from cds_hooks.settings import load_settings
from cds_hooks.trust.egress import AllowList, EgressLock, parse, scoped
from fhir_mapping import MappingError

__all__ = ["simulate"]

_SOME_FAILED = 4
_Named = tuple[str, ChartSource]


def simulate(
    url: Annotated[str, typer.Argument(help="The service's base URL.")],
    hook: Annotated[str, typer.Option(help="The hook to fire for each chart.")] = "patient-view",
    bundle: Annotated[
        Path | None, typer.Option(help="Bundles, NDJSON or captured requests: a file or folder.")
    ] = None,
    patients: Annotated[
        Path | None, typer.Option(help="With a FHIR server: a file of patient ids, one a line.")
    ] = None,
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
    key: Key = None,
    issuer: Issuer = "",
    kid: Kid = "",
    audience: Audience = "",
    authority: Authority = None,
    certificate: Certificate = None,
    config: Annotated[Path | None, typer.Option(help="Settings file, for egress.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Charts at one time.")] = 4,
    wait: Wait = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Open many charts at a CDS Hooks service, and count answers, latency and what was flagged.

    A chart is told by its place ("chart 3"), never by a name or an id.
    """
    forbid_dumps()
    ehr = client_of(
        url, key=key, kid=kid, issuer=issuer, audience=audience, authority=authority,
        certificate=certificate, wait_s=wait,
    )  # fmt: skip
    _require_one(bundle, patients, fhir_server or sandbox)
    destinations = [parse(url, "URL")]
    if bundle is not None:
        charts = _numbered(charts_in(bundle))
    else:
        access = fhir_access(
            fhir_server, sandbox, token_env=token_env, token_file=token_file, client_id=client_id,
            client_key=client_key, client_kid=client_kid, token_url=token_url, scope=scope,
            authority=fhir_authority, patience=patience,
        )  # fmt: skip
        destinations += fhir_destinations(access)
        charts = _on_server(access, patients)
    lock = EgressLock(AllowList(destinations, load_settings(config).egress.networks))
    with scoped(lock):
        done = _simulated(ehr, hook, charts, concurrency, quiet=json)
    _tell(done, json=json)
    sys.exit(_SOME_FAILED if done.problems else 0)


def _tell(done: Simulated, *, json: bool) -> None:
    if json:
        typer.echo(orjson.dumps(as_document(done), option=orjson.OPT_INDENT_2).decode())
    else:
        show.screen().print(summary_table(done))


def _require_one(bundle: Path | None, patients: Path | None, server: str) -> None:
    if (bundle is None) == (not server) or (patients is None) != (not server):
        hint = "Give --bundle PATH, or --patients FILE with --fhir-server URL or --sandbox NAME."
        raise UsageError("it is not known whose charts are opened", where="simulate", hint=hint)


def _numbered(charts: Iterable[ChartSource]) -> list[_Named]:
    return [(f"chart {number}", chart) for number, chart in enumerate(charts, 1)]


def _on_server(access: FhirAccess, patients: Path | None) -> list[_Named]:
    listed = read_patients(patients) if patients else None
    transport = partial(fhir_transport, access)
    items = listed.items if listed else ()
    return [(item.label, RemoteChart(access, item.patient_id, transport)) for item in items]


def _simulated(
    ehr: CdsClient, hook: str, charts: Sequence[_Named], concurrency: int, *, quiet: bool
) -> Simulated:
    if not charts:
        raise UsageError("there is no chart to open", where="--bundle, --patients")
    done, console = Simulated(hook=hook), Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    began = time.monotonic()
    with (
        Progress(*columns, TimeRemainingColumn(), console=console, disable=quiet) as bar,
        ThreadPoolExecutor(concurrency) as pool,
    ):
        task = bar.add_task("charts", total=len(charts))
        futures = [pool.submit(_opened, ehr, hook, *named) for named in charts]
        for future in as_completed(futures):
            done.add(future.result())
            bar.advance(task)
    done.seconds = time.monotonic() - began
    return done


def _opened(ehr: CdsClient, hook: str, label: str, chart: ChartSource) -> Opened:
    """One chart: what came, and how long the service took (reading the chart not counted)."""
    made: list[float] = []

    def request(name: str, templates: Any) -> dict[str, Any]:
        body = chart.request(name, templates)
        made.append(time.monotonic())
        return body

    try:
        document = ehr.fire(hook, request)
    except (ChartsideError, MappingError) as error:
        return Opened(label, code=error.code)
    troubles = getattr(chart, "troubles", ())
    return Opened(label, document, time.monotonic() - made[0], not_whole=bool(troubles))
