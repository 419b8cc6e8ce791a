"""`chartside replay`: the same request or stored consultation again, and why it differs."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cds_hooks.cds_client.captured import CapturedExchange, read_capture
from cds_hooks.cli import replay_report, show
from cds_hooks.cli.mapping import UsageError
from cds_hooks.cli.stored_consultation import (
    Reading,
    ReasonOption,
    SilentTrialOption,
    is_reference,
    reading,
    require_not_silent,
)
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.errors import ChartsideError
from cds_hooks.inference.prove import unlogged
from cds_hooks.plausibility import Terminology
from cds_hooks.replay import Replayed, Today, Verdict
from cds_hooks.replay import replay as replayed
from cds_hooks.replay.answering import Question, question
from cds_hooks.replay.exchanges import replay_exchange
from cds_hooks.runtime.files import require_files
from cds_hooks.runtime.replaying import running_engine, today_of
from cds_hooks.services import REGISTRY, ServiceDefinition
from cds_hooks.settings import Settings, load_settings

__all__ = ["replay"]

_EXIT = {Verdict.SAME: 0, Verdict.EXPLAINED: 1, Verdict.UNEXPLAINED: 2}
_FAILED = 2

Say = Callable[[str], None]


def replay(
    what: Annotated[
        str, typer.Argument(help="A captured file; or a card's uuid, link, or consultation's id.")
    ],
    diff: Annotated[bool, typer.Option("--diff", help="Print every line that differs.")] = False,
    model: Annotated[bool, typer.Option("--model", help="Ask the settings' model again.")] = False,
    against: Annotated[
        str, typer.Option(help="Compare a file with this card or consultation.")
    ] = "",
    reason: ReasonOption = "",
    silent_trial: SilentTrialOption = False,
    config: Annotated[Path | None, typer.Option(help="Settings file of the service.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Answer a request or a stored consultation again, and name the cause of each difference.

    One thing at a time is exchanged for today's: rules, facts, model, sampling, template. Without
    --model what the model wrote then is judged again. Exit codes: 0 the same, 1 differences with
    causes, 2 without one or failed, 3 what was given cannot be used.
    """
    forbid_dumps()
    with _failing(json=json):
        settings = load_settings(config)
        with _progress(json=json) as say, unlogged():
            wanted = _ReplayRequest(what, against, reason, silent_trial)
            found = asyncio.run(_replayed(settings, wanted, say, model=model))
    if json:
        document = replay_report.document(found)
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        replay_report.write(show.screen(), found, diff=diff)
    raise typer.Exit(_EXIT[found.verdict])


@dataclass(frozen=True, slots=True)
class _ReplayRequest:
    """What is replayed, as the command line says."""

    what: str
    against: str
    reason: str
    silent_trial: bool


async def _replayed(
    settings: Settings, wanted: _ReplayRequest, say: Say, *, model: bool
) -> Replayed:
    if model:
        require_files(settings)
    file = None if is_reference(wanted.what) else _captured(Path(wanted.what))
    if file is None and wanted.against:
        raise UsageError("a stored consultation is compared with itself", where="--against")
    if file is not None:
        require_not_silent(settings, _service_of(file).id, silent_trial=wanted.silent_trial)
    if file is not None and not wanted.against:
        return await _file(settings, file, say, model=model)
    async with reading(
        settings,
        wanted.against or wanted.what,
        command="replay",
        reason=wanted.reason,
        silent_trial=wanted.silent_trial,
    ) as found:
        return await _stored(settings, found, file, say, model=model)


async def _file(settings: Settings, file: CapturedExchange, say: Say, *, model: bool) -> Replayed:
    if file.response is None:
        hint = "Give --against CARD, or capture it again with its response."
        raise UsageError("the file holds no response to compare with", hint=hint)
    async with _today(settings, _service_of(file).id, say, model=model) as today:
        asked = await _question(settings, file, today, say)
        return await replay_exchange(file, asked, today, say)


async def _stored(
    settings: Settings,
    found: Reading,
    file: CapturedExchange | None,
    say: Say,
    *,
    model: bool,
) -> Replayed:
    done = found.consultation
    samples = done.basis.sampling.samples if done.basis.sampling else 0
    async with _today(settings, done.service, say, model=model, samples=samples) as today:
        asked = await _question(settings, file, today, say) if file else None
        chart = asked.asked.chart if asked else None
        return await replayed(done, today, found.tables, chart=chart, progress=say)


async def _question(settings: Settings, file: CapturedExchange, today: Today, say: Say) -> Question:
    say("map")
    return await question(
        file.request,
        _service_of(file),
        today,
        now=file.when or datetime.now(UTC),
        services=settings.services,
        fhir_version=settings.fhir.version,
    )


@contextlib.asynccontextmanager
async def _today(
    settings: Settings, service: str, say: Say, *, model: bool, samples: int = 0
) -> AsyncIterator[Today]:
    with Terminology(settings.terminology.path) as terminology:
        if not model:
            yield today_of(settings, terminology, service=service)
            return
        say("load the model")
        async with running_engine(settings, samples) as engine:
            yield today_of(settings, terminology, service=service, engine=engine)


def _captured(path: Path) -> CapturedExchange:
    found = read_capture(path)
    if found is None:
        hint = "Give a file of `chartside capture`, a card's uuid or link, or a consultation's id."
        raise UsageError("this is no captured request and names no card", hint=hint)
    return found


def _service_of(file: CapturedExchange) -> ServiceDefinition:
    """The service that was called, else the first of the hook. Raises UsageError."""
    hook = file.request["hook"]
    offered = [each for each in REGISTRY if each.hook == hook and not each.checks_new_problems]
    named = [each for each in offered if each.id == file.service]
    if not offered:
        hooks = ", ".join(sorted({each.hook for each in REGISTRY if not each.checks_new_problems}))
        raise UsageError("no service replays this hook", hint=f"Hooks: {hooks}.")
    return (named or offered)[0]


@contextlib.contextmanager
def _failing(*, json: bool) -> Iterator[None]:
    """What fails here ends with 2: 1 is a difference with its cause."""
    try:
        yield
    except ChartsideError as error:
        if error.status < 500:
            raise
        if json:
            told = {"error": {"code": error.code, "diagnostics": error.diagnostics()}}
            typer.echo(orjson.dumps(told).decode())
        else:
            typer.echo(f"chartside: {error.diagnostics()}", err=True)
        raise typer.Exit(_FAILED) from None


@contextlib.contextmanager
def _progress(*, json: bool) -> Iterator[Say]:
    """Tells the step that is being worked on, and for how long, on a terminal."""
    if json or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("read", total=None)
        yield lambda step: bar.update(task, description=step)
