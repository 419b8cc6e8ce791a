"""`chartside doctor model-server`: whether an endpoint does all that the service needs of one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.markup import escape

from cds_hooks.cli import show
from cds_hooks.cli.mapping import UsageError
from cds_hooks.doctor.contract import Clause, as_json, clauses, examined_endpoint
from cds_hooks.doctor.contract_asking import Endpoint
from cds_hooks.doctor.findings import Level
from cds_hooks.errors import ChartsideError
from cds_hooks.inference.model_settings import ModelServerSettings
from cds_hooks.runtime.engines import server_config, server_tls
from cds_hooks.settings import SettingsError, load_settings

__all__ = ["model_server"]

_FAILED = 1
_COLOURS = {Level.PASS: "green", Level.WARN: "yellow", Level.FAIL: "bold red"}


def model_server(
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    url: Annotated[str, typer.Option(help="One endpoint instead of the settings' servers.")] = "",
    model: Annotated[str, typer.Option(help="With --url: the id that it serves.")] = "",
    key_file: Annotated[Path | None, typer.Option(help="With --url: its bearer key.")] = None,
    authority: Annotated[
        Path | None, typer.Option(help="With --url: the authority of its certificate (PEM).")
    ] = None,
    concurrency: Annotated[
        int, typer.Option(help="With --url: requests at one time, as model_server.in_flight.")
    ] = 16,
    clause: Annotated[
        list[str] | None, typer.Option(help="Ask for this alone; may be given again.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask model servers, or the router before them, for each thing that the service needs of one.

    Some thirty small requests without a patient in them, and as many at once as the settings
    allow. Exit code 0: nothing failed; 1: something did; 3: the settings cannot be used.
    """
    if unknown := set(clause or ()) - set(clauses()):
        hint = f"Clauses: {', '.join(clauses())}."
        raise UsageError(f"there is no clause {min(unknown)}", where="--clause", hint=hint)
    if url:
        given = _settings_of(url, model, key_file, authority, concurrency)
        servers = [("--url", given)]
    else:
        settings = load_settings(config)
        servers = [("model_server", settings.model_server)]
        servers += [(f"panel.servers[{n}]", each) for n, each in enumerate(settings.panel.servers)]
    endpoints = list(_endpoints(servers))
    if not endpoints:
        hint = "Give --url and --model, or set model_server.bases."
        raise UsageError("no model server is set", where="model_server.bases", hint=hint)
    said = (lambda _: None) if json else _print
    found = asyncio.run(_examined(endpoints, clause or (), said))
    if json:
        typer.echo(as_json(found).decode())
    if any(each.level is Level.FAIL for each in found):
        raise typer.Exit(_FAILED)


def _settings_of(
    url: str, model: str, key_file: Path | None, authority: Path | None, concurrency: int
) -> ModelServerSettings:
    if not model:
        raise UsageError("--url goes with the id that is served there", where="--model")
    try:
        return ModelServerSettings(
            bases=(url,), model=model, key_file=key_file, authority=authority, in_flight=concurrency
        )
    except ValidationError:
        hint = "Write https://host:port, with a path before /v1 if there is one; 1 or more at once."
        raise UsageError("it cannot be asked", where="--url, --concurrency", hint=hint) from None


def _endpoints(
    servers: list[tuple[str, ModelServerSettings]],
) -> Iterator[tuple[str, Callable[[], Endpoint]]]:
    for where, server in servers:
        for base in server.bases:
            try:
                made, tls = server_config(server, base), server_tls(server)
            except (ChartsideError, ValueError, OSError) as error:
                said = error.message if isinstance(error, ChartsideError) else str(error)
                raise SettingsError(said, where=where) from None
            yield base, partial(Endpoint, made, tls=tls)


async def _examined(
    endpoints: list[tuple[str, Callable[[], Endpoint]]],
    names: Sequence[str],
    said: Callable[[Clause | str], None],
) -> list[Clause]:
    found = []
    for base, make in endpoints:
        said(base)
        endpoint = make()
        try:
            async for each in examined_endpoint(endpoint, names):
                found.append(each)
                said(each)
        finally:
            await endpoint.close()
    return found


def _print(said: Clause | str) -> None:
    console = show.screen()
    if isinstance(said, str):
        console.print(escape(said), soft_wrap=True)
        return
    colour, needs = _COLOURS.get(said.level, "dim"), clauses()[said.id].needs
    line = f"[{colour}]{said.level.value:11}[/] {said.id}: {escape(needs)}: {escape(said.says)}"
    console.print(line, soft_wrap=True)
    if said.mend:
        console.print(f"{'':11} -> {escape(said.mend)}", style="cyan", soft_wrap=True)
