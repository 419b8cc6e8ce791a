"""`chartside serve`: the service itself."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import prompts
from cds_hooks.addresses import is_loopback
from cds_hooks.cli.reading import uncollected
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.egress import lock_egress
from cds_hooks.runtime.engines import started_engine
from cds_hooks.runtime.files import require_files
from cds_hooks.settings import BindNotLoopback, Settings, load_settings
from cds_hooks.settings.client_requirements import secured
from cds_hooks.settings.sandbox import SandboxRefused, load_sandbox_settings, told_of_sandbox

if TYPE_CHECKING:
    from uvicorn import Server

    from cds_hooks.app.connections import Connections
    from cds_hooks.runtime import Runtime

__all__ = ["port_is_free", "serve"]

_BACKLOG = 2048
_SANDBOX = "cds_hooks.settings.sandbox"
"""The logger of what `--sandbox` changed; its lines are of the settings alone."""


def serve(
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    port: Annotated[int | None, typer.Option(help="Instead of the settings'; 0 takes any.")] = None,
    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", help="Be called by the CDS Hooks Sandbox; never production."),
    ] = False,
    origin: Annotated[
        list[str] | None, typer.Option(help="With --sandbox: the origin of a Sandbox of one's own.")
    ] = None,
    fhir_server: Annotated[
        list[str] | None, typer.Option(help="With --sandbox: a FHIR server that may be read.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Log JSON, whatever the settings.")] = False,
) -> None:
    """Run the service until it is told to stop (SIGINT or SIGTERM).

    With --sandbox it is set up for the CDS Hooks Sandbox on this machine, and the log has a line
    for each setting that this changes and what it switches off.
    """
    forbid_dumps()
    if sandbox:
        settings = load_sandbox_settings(
            config, origins=origin or (), fhir_servers=fhir_server or (), port=port
        )
    else:
        _require_no_sandbox(origin, fhir_server)
        settings = load_settings(config)
    require_files(settings)
    port = settings.server.port if port is None else port
    lock_egress(settings, port)
    told = tuple(told_of_sandbox(settings)) if sandbox else ()
    asyncio.run(_serve(settings, port, told, json=json or settings.log.format == "json"))


def _require_no_sandbox(*options: object) -> None:
    if any(options):
        hint = "Add --sandbox, or set server.cors_origins and fhir.allowed_bases."
        raise SandboxRefused("it goes with --sandbox", where="--origin, --fhir-server", hint=hint)


async def _serve(settings: Settings, port: int, told: Sequence[str], *, json: bool) -> None:
    """The engine's process is told to load before most of the service's own code is read.

    `told` are lines for the log, before anybody may call.
    """
    template = prompts.load("differential")
    with _listen(settings, port) as listening:
        async with started_engine(settings, template) as engine:
            with uncollected():
                from cds_hooks.operation import configure_logging
                from cds_hooks.runtime.service import Runtime

            configure_logging(level=settings.log.level, json=json)
            for line in told:
                logging.getLogger(_SANDBOX).warning(line)
            port = listening.getsockname()[1]
            await _answer(Runtime(settings, port, template=template, engine=engine), listening)


async def _answer(runtime: Runtime, listening: socket.socket) -> None:
    import uvicorn

    from cds_hooks.app.http_connection import connection_factory
    from cds_hooks.operation import get_logger
    from cds_hooks.runtime.connections import (
        connections_of,
        kept_in_bounds,
        raised_file_limit,
        told_in,
    )
    from cds_hooks.runtime.console_access import links_offered
    from cds_hooks.runtime.tls import certificates_of, kept_fresh

    certificates = certificates_of(runtime.settings)
    connections = connections_of(runtime.settings, raised_file_limit())
    told_in(runtime.metrics.registry, connections)
    server = uvicorn.Server(
        uvicorn.Config(
            runtime.app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            timeout_graceful_shutdown=5,
            lifespan="off",
            # Only a proxy of the settings is believed: the application sees to that.
            proxy_headers=False,
            # TLS begins in each connection, once it has been counted.
            http=connection_factory(connections, certificates.context if certificates else None),
        )
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: _stop(server, connections))
    # Not by uvicorn's lifespan: an error at start should end as one line that says what to do.
    runtime.libraries.on_failure = lambda: _stop(server, connections)
    async with (
        runtime.lifespan(),
        kept_fresh(certificates, runtime.settings.tls.look_every_s),
        kept_in_bounds(connections),
    ):
        # Some kernels let two sockets be bound, and only one of them listen. From here on callers
        # are kept waiting instead of refused.
        with port_is_free():
            listening.listen(_BACKLOG)
        host, port = runtime.settings.server.host, listening.getsockname()[1]
        get_logger().info("listening", host=host, port=port)
        with links_offered(runtime.access, runtime.settings, port) as link:
            get_logger().info("next-step", page=link or next_page(runtime.settings, port))
            with port_is_free():
                await server.serve(sockets=[listening])
    runtime.libraries.require()


def next_page(settings: Settings, port: int) -> str:
    """The page to open first: how to try the service, or in production whether it is ready."""
    scheme = "https" if settings.tls.certificate else "http"
    url = settings.server.public_url.rstrip("/") or f"{scheme}://127.0.0.1:{port}"
    return f"{url}/" if settings.profile == "demo" else f"{url}/readyz"


class PortNotFree(ChartsideError):
    """Another program has the port, or this user may not have it."""

    code = "port-not-free"
    status = 400


@contextlib.contextmanager
def port_is_free() -> Iterator[None]:
    """Raises PortNotFree in place of the errors of a port that cannot be had."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise
        hint = "End what has it, or set another (--port; 0 takes any)."
        message = f"the port cannot be listened on ({error.strerror})"
        raise PortNotFree(message, where="server.port", hint=hint) from None


def _listen(settings: Settings, port: int) -> socket.socket:
    """A bound socket, so that the port is known before anybody is told of it."""
    host = settings.server.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with port_is_free(), contextlib.ExitStack() as stack:
        stack.callback(bound.close)
        bound.bind((host, port))
        stack.pop_all()
    # The name was resolved when the settings were read; it may mean another address by now.
    loopback = is_loopback(bound.getsockname()[0])
    if not loopback and not secured(settings):
        bound.close()
        raise BindNotLoopback("the host is not loopback any more", where="server.host")
    return bound


def _stop(server: Server, connections: Connections) -> None:
    # The server waits for handshakes as well, and knows of none.
    connections.end_waiting()
    server.should_exit = True
