"""`chartside health`: whether the service of these settings answers on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer

from cds_hooks.runtime.own_calls import own_http
from cds_hooks.settings import Settings, load_settings

__all__ = ["health"]

_ROUTES = {False: "/healthz", True: "/readyz"}
_FAILED = 1


def health(
    config: Annotated[
        Path | None, typer.Option(help="The running service's settings file (TOML).")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Instead of the settings' port.")] = None,
    ready: Annotated[
        bool, typer.Option("--ready", help="Ask whether it is ready, not only whether it is up.")
    ] = False,
    within: Annotated[float, typer.Option(help="Seconds that it may take.", min=0.1)] = 2.5,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask the service on this machine how it is, for a container's health check.

    It calls as the settings say: over TLS where the service has a certificate, which must be the
    one that it shows, and with `own_calls.certificate` where it asks callers for theirs. Exit code
    0: it answers 200; 1: it does not; 3: the settings cannot be used.
    """
    settings = load_settings(config)
    asked = settings.server.port if port is None else port
    told = asyncio.run(_ask(settings, asked, _ROUTES[ready], within))
    if json:
        typer.echo(orjson.dumps(told).decode())
    else:
        typer.echo(f"{told['route']}: {told['status'] or told['cause']}")
    if told["status"] != httpx.codes.OK:
        raise typer.Exit(_FAILED)


async def _ask(settings: Settings, port: int, route: str, within: float) -> dict[str, Any]:
    """The status, or 0 and the kind of failure: its text may name what a log must not have."""
    told = {"route": route, "status": 0, "cause": ""}
    try:
        async with asyncio.timeout(within), own_http(settings, port, timeout=within) as http:
            told["status"] = (await http.get(route)).status_code
    except (httpx.HTTPError, OSError) as error:
        told["cause"] = type(error).__name__
    return told
