"""`chartside capture`: a proxy in front of a CDS service that writes each call as a file."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer
import uvicorn

from cds_hooks.audit import Store
from cds_hooks.capture import CaptureFolder, Recorder, RecordingProxy, require_allowed
from cds_hooks.cli.hook_service import require_private_way, service_tls
from cds_hooks.cli.serve import port_is_free
from cds_hooks.core_dumps import forbid_dumps
from cds_hooks.plausibility import Terminology, TerminologyError
from cds_hooks.runtime.capturing import CAPTURE_STARTED, capture_fields
from cds_hooks.runtime.configs import store_config
from cds_hooks.runtime.egress import guarded
from cds_hooks.runtime.records import site_key
from cds_hooks.settings import Settings, load_settings
from cds_hooks.tls_client import client_context
from cds_hooks.trust.egress import AllowList, Destination, EgressLock, scoped

__all__ = ["capture"]

Say = Callable[[Mapping[str, Any]], None]

_HERE = "127.0.0.1"
_CONNECT_S = 10.0
_VERSION_S = 5.0
_LARGEST_VERSION = 64 * 1024
# What /version of a service of ours tells, and nothing else of what another one may answer there.
_TOLD = ("version", "model", "model_sha256", "engine", "template", "template_sha256",
         "settings_sha256")  # fmt: skip
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class _Upstream:
    """The service behind the proxy."""

    url: str
    destination: Destination
    authority: Path | None
    patience_s: float

    @contextlib.asynccontextmanager
    async def http(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client that asks the installed lock before it sends, and adds nothing to a call."""
        tls = service_tls(self.url, self.authority, None) or client_context()
        transport = guarded(httpx.AsyncHTTPTransport(verify=tls, trust_env=False))
        limits = httpx.Timeout(self.patience_s, connect=min(_CONNECT_S, self.patience_s))
        async with httpx.AsyncClient(
            transport=transport, timeout=limits, trust_env=False, follow_redirects=False
        ) as http:
            yield http


def capture(
    to: Annotated[str, typer.Option(help="Address of the CDS service.")],
    out: Annotated[Path, typer.Option(help="Folder of the files; private, made if missing.")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes any.")] = 8011,
    unredacted: Annotated[
        bool, typer.Option("--unredacted", help="Write charts as they are; needs --reason.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="Why, for the ledger; needed in production and if unredacted.")
    ] = "",
    files: Annotated[int, typer.Option(min=1, help="Files past which none is written.")] = 1000,
    megabytes: Annotated[int, typer.Option(min=1, help="The same in MiB of all files.")] = 500,
    patience: Annotated[float, typer.Option(help="Seconds that the service may take.")] = 120.0,
    authority: Annotated[
        Path | None, typer.Option(help="Certificates that the service's is checked with (PEM).")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Settings file, for the ledger.")] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON, a line at start and end.")
    ] = False,
) -> None:
    """Pass CDS Hooks calls on to a service unchanged, and write each with its answer as one file.

    The files are redacted: names, identifiers, free text and dates are taken out, tokens always.
    `chartside map`, `hook` and `replay` take them. Point the EHR, or what stands for it, at the
    printed address; end with Ctrl-C.
    """
    forbid_dumps()
    # It would tell of each answer that breaks off, with a stack.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)
    settings = load_settings(config)
    upstream = _Upstream(to.rstrip("/"), require_private_way(to, "--to"), authority, patience)
    production = settings.profile == "production"
    require_allowed(production=production, redacted=not unredacted, reason=reason, where="--reason")
    folder = CaptureFolder(out, most_files=files, most_mib=megabytes)
    if production or unredacted:
        asyncio.run(_record_start(settings, reason, redacted=not unredacted))
    say = _json_line if json else _line
    asyncio.run(_run(settings, upstream, folder, port, say, redacted=not unredacted))


async def _record_start(settings: Settings, reason: str, *, redacted: bool) -> None:
    """Durable before the first call is captured. Raises StoreUnavailable, KeyRefused."""
    store = Store(store_config(settings), site_key(settings, create=True))
    await store.open()
    try:
        fields = capture_fields(settings, "proxy", redacted, reason)
        await store.record_event(CAPTURE_STARTED, **fields)
    finally:
        await store.close()


async def _run(
    settings: Settings,
    upstream: _Upstream,
    folder: CaptureFolder,
    port: int,
    say: Say,
    *,
    redacted: bool,
) -> None:
    bound = _listen(port)
    lock = EgressLock(AllowList([upstream.destination], settings.egress.networks))
    with contextlib.closing(bound), _terms(settings) as is_term, scoped(lock):
        async with upstream.http() as http:
            served_by = await _served_by(http, upstream.url)
            recorder = Recorder(
                folder, redacted=redacted, served_by=lambda: served_by, is_term=is_term
            )
            proxy = RecordingProxy(upstream.url, http, recorder.record)
            async with recorder.running():
                address = f"http://{_HERE}:{bound.getsockname()[1]}"
                say({"listening": address, "redacted": redacted})
                await _serve(proxy, bound)
    say({"passed": proxy.passed, "files": dict(sorted(recorder.counts.items()))})


def _json_line(told: Mapping[str, Any]) -> None:
    typer.echo(orjson.dumps(told).decode())


def _line(told: Mapping[str, Any]) -> None:
    """The same for a person, on standard error."""
    if "listening" in told:
        how = "redacted" if told["redacted"] else "NOT redacted"
        typer.echo(f"listening on {told['listening']}; files are {how}", err=True)
        return
    files = ", ".join(f"{name} {count}" for name, count in told["files"].items())
    typer.echo(f"{told['passed']} calls passed on; files: {files or 'none'}", err=True)


async def _serve(proxy: RecordingProxy, bound: socket.socket) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            proxy,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: _stop(server))
    with port_is_free():
        await server.serve(sockets=[bound])


def _stop(server: uvicorn.Server) -> None:
    server.should_exit = True


def _listen(port: int) -> socket.socket:
    with port_is_free(), contextlib.ExitStack() as stack:
        bound = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((_HERE, port))
        stack.pop_all()
    return bound


async def _served_by(http: httpx.AsyncClient, url: str) -> Mapping[str, str]:
    """What a service of ours says that it is; nothing of any other."""
    try:
        async with http.stream("GET", f"{url}/version", timeout=_VERSION_S) as answer:
            body = bytearray()
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _LARGEST_VERSION:
                    return {}
        found: Any = httpx.Response(answer.status_code, content=bytes(body)).json()
    except (httpx.HTTPError, ValueError):
        return {}
    if answer.status_code != httpx.codes.OK or not isinstance(found, dict):
        return {}
    return {name: found[name] for name in _TOLD
            if isinstance(found.get(name), str) and len(found[name]) <= _LONGEST}  # fmt: skip


@contextlib.contextmanager
def _terms(settings: Settings) -> Iterator[Callable[[str], bool]]:
    """Which words are a name of the terminology; without one no uncoded word is kept."""
    with contextlib.ExitStack() as stack:
        try:
            terminology = stack.enter_context(Terminology(settings.terminology.path))
        except TerminologyError:
            yield _nothing
            return
        yield lambda words: terminology.lookup(words).recognised


def _nothing(_: str) -> bool:
    return False
