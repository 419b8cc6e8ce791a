"""`chartside prewarm`: read the charts of tomorrow's patients and have them consulted.

Exit codes: 0 every patient has an answer, 4 some have none, 130 stopped, else as of any command.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.prewarm_report import Report, exit_code, tell
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.errors import ChartsideError
from cds_hooks.gather import GatherConfig, open_http
from cds_hooks.gather.fhir_client import FhirClient
from cds_hooks.gather.server_base import ServerBase, allowed_base
from cds_hooks.prewarm import (
    BackendClient,
    ChartReader,
    Item,
    PatientList,
    RateLimitedTransport,
    RunningService,
    Schedule,
    SigningKey,
    TokenSource,
    patients_on,
    read_patients,
)
from cds_hooks.prewarm import prewarm as run
from cds_hooks.runtime.configs import gather_config
from cds_hooks.runtime.egress import guarded, lock_prewarm
from cds_hooks.runtime.own_calls import own_http
from cds_hooks.runtime.silent_services import silent_state
from cds_hooks.services import ServiceDefinition, find
from cds_hooks.settings import Settings, SettingsError, load_settings
from cds_hooks.tls_client import client_context

__all__ = ["prewarm"]

OPENED, BOOKED = "chartside-patient-view", "chartside-appointment-book"

_SCHEDULE_PAGES = 500


def prewarm(
    date: Annotated[str, typer.Option(help="today, tomorrow or YYYY-MM-DD.")] = "",
    patients: Annotated[Path | None, typer.Option(help="A file of patient ids.")] = None,
    jwks: Annotated[bool, typer.Option("--jwks", help="Print the public key and end.")] = False,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    port: Annotated[int, typer.Option(help="The running service's, if not the settings'.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Have answers ready when charts are opened: a day's appointments, or a list of patients."""
    forbid_dumps()
    settings = load_settings(config)
    key = _key(settings)
    if jwks:
        typer.echo(orjson.dumps({"keys": [key.public_jwk()]}, option=orjson.OPT_INDENT_2).decode())
        return
    if (not date) == (patients is None):
        raise UsageError("one of --date and --patients is needed", where="prewarm")
    whom = read_patients(patients) if patients else _day(date)
    lock_prewarm(settings, port or settings.server.port)
    report, console = Report(), Console(stderr=True)
    began = time.monotonic()
    try:
        asyncio.run(_run(settings, key, whom, port or settings.server.port, report, console, json))
    except (KeyboardInterrupt, asyncio.CancelledError):
        report.stopped = "interrupted"
    except ChartsideError as error:
        # Before the first patient it is an error like any command's.
        if not report.summary.patients:
            raise
        report.stopped = error.code
        console.print(f"chartside: {error.diagnostics()}", markup=False)
    report.seconds = round(time.monotonic() - began, 1)
    tell(report, json, console)
    sys.exit(exit_code(report))


async def _run(
    settings: Settings,
    key: SigningKey,
    whom: PatientList | dt.date,
    port: int,
    report: Report,
    console: Console,
    quiet: bool,
) -> None:
    """Everything between the settings and the report, which is written as it goes."""
    _stop_on_signals()
    async with _edges(settings, key, port) as edges:
        await edges.service.require()
        items = await _items(edges, whom, settings, report)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeRemainingColumn(), console=console, disable=quiet) as bar:
            task = bar.add_task("charts", total=len(items))
            await run(
                items,
                edges.read,
                edges.service.consult,
                report.summary,
                concurrency=settings.prewarm.concurrency,
                advance=lambda: bar.advance(task),
            )


@dataclass(frozen=True, slots=True)
class _Edges:
    """The FHIR server and the running service."""

    fhir: httpx.AsyncClient
    transport: RateLimitedTransport
    base: ServerBase
    tokens: TokenSource
    reader: ChartReader
    service: RunningService
    bounds: GatherConfig

    async def read(self, patient_id: str) -> Mapping[str, Any]:
        self.transport.require_patience()
        return await self.reader.read(patient_id)


@contextlib.asynccontextmanager
async def _edges(settings: Settings, key: SigningKey, port: int) -> AsyncIterator[_Edges]:
    wanted, base = settings.prewarm, _base(settings)
    bounds = gather_config(settings).model_copy(update={"connect_s": 10.0, "read_s": 60.0})
    transport = RateLimitedTransport(
        guarded(httpx.AsyncHTTPTransport(verify=client_context(), trust_env=False)),
        per_minute=wanted.reads_per_minute,
        longest_pause_s=wanted.longest_pause_s,
    )
    # A read waits for its turn and for a busy server, so its own bound is that of the transport.
    patient = bounds.model_copy(update={"read_s": 4 * wanted.longest_pause_s + 600})
    async with (
        open_http(bounds, transport=transport) as fhir,
        own_http(settings, port, timeout=10) as service,
    ):
        tokens = TokenSource(fhir, base, _client(settings, key))
        yield _Edges(
            fhir=fhir,
            transport=transport,
            base=base,
            tokens=tokens,
            reader=ChartReader(fhir, base, tokens, _service(OPENED).prefetch, patient),
            service=RunningService(
                service,
                _service(BOOKED),
                fhir_server=str(base),
                wait_s=settings.services.deadline_s,
                silent=bool(silent_state(settings, BOOKED)),
            ),
            bounds=patient,
        )


async def _items(
    edges: _Edges, whom: PatientList | dt.date, settings: Settings, report: Report
) -> tuple[Item, ...]:
    if isinstance(whom, PatientList):
        report.bad_lines = whom.bad_lines
        return whom.items
    found = await _schedule(edges, whom)
    report.passed_over, report.cut = found.passed_over, found.cut
    ends = dt.datetime.combine(whom + dt.timedelta(days=1), dt.time.min)
    left = ends - dt.datetime.now()  # noqa: DTZ005 - the site's own day
    if settings.services.fresh_for_s < left.total_seconds():
        report.warnings.append("answers-expire-first")
    return found.items


async def _schedule(edges: _Edges, day: dt.date) -> Schedule:
    ends = asyncio.get_running_loop().time() + 3600
    bounds = edges.bounds.model_copy(update={"max_pages": _SCHEDULE_PAGES})
    client = FhirClient(edges.fhir, edges.base, await edges.tokens.token(), bounds, ends)
    return await patients_on(client, day)


def _stop_on_signals() -> None:
    """Ctrl-C ends the run at once: what the service works on goes on there."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None  # noqa: S101 - a coroutine that runs is in a task
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)


def _day(text: str) -> dt.date:
    today = dt.datetime.now().date()  # noqa: DTZ005 - the site's own day
    known = {"today": today, "tomorrow": today + dt.timedelta(days=1)}
    if text in known:
        return known[text]
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError("--date is not today, tomorrow or YYYY-MM-DD", where="--date") from None


def _base(settings: Settings) -> ServerBase:
    """The FHIR server to read: named, or the only one. Raises SettingsError."""
    allowed = settings.fhir.allowed_bases
    named = settings.prewarm.fhir_server or (allowed[0] if len(allowed) == 1 else "")
    base = allowed_base(named, allowed)
    if base is None:
        hint = "Set it to one of fhir.allowed_bases."
        raise SettingsError("it is not known which FHIR server to read",
                            where="prewarm.fhir_server", hint=hint)  # fmt: skip
    return base


def _key(settings: Settings) -> SigningKey:
    wanted = settings.prewarm
    if wanted.key is None:
        hint = "docs/operators/prewarm.md tells how to make one."
        raise SettingsError("there is no private key", where="prewarm.key", hint=hint)
    return SigningKey.load(wanted.key, wanted.algorithm, wanted.key_id, setting="prewarm.key")


def _client(settings: Settings, key: SigningKey) -> BackendClient:
    wanted = settings.prewarm
    if not wanted.client_id:
        raise SettingsError("the client has no id", where="prewarm.client_id")
    scope = wanted.scope or _scope(_service(OPENED))
    return BackendClient(wanted.client_id, key, scope, wanted.token_url or "")


def _scope(service: ServiceDefinition) -> str:
    """What is read and no more (SMART App Launch 2.2, scopes: `r` read, `s` search)."""
    kinds = {query.partition("?")[0].partition("/")[0] for query in service.prefetch.values()}
    return " ".join(f"system/{kind}.rs" for kind in sorted(kinds | {"Appointment", "Medication"}))


def _service(service_id: str) -> ServiceDefinition:
    found = find(service_id)
    if found is None:
        raise UsageError("the service is not known", where=service_id)
    return found
