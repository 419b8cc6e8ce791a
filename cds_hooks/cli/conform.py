"""`chartside conform`: whether a CDS Hooks service does what the specification asks.

Exit codes: 0 conformant, 1 findings (with `--strict` notes too), 2 the service is not reached.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cds_hooks.cli import show
from cds_hooks.cli.hook_service import service_tls
from cds_hooks.cli.mapping import UsageError
from cds_hooks.conform import (
    ALL_SERVICES,
    Caller,
    Report,
    Result,
    Sender,
    Target,
    as_document,
    as_junit,
    failure_lines,
    plan,
    record,
)
from cds_hooks.errors import ChartsideError
from cds_hooks.trust.egress import AllowList, EgressLock, parse, scoped
from cds_hooks.trust.signing import SigningKey

__all__ = ["conform"]

_FINDINGS, _UNREACHABLE = 1, 2
_ENDPOINTS = "/cds-services"


class ServiceUnreachable(ChartsideError):
    """There was no answer at all from discovery."""

    code = "service-unreachable"
    status = 503


def conform(
    url: Annotated[str, typer.Argument(help="The service's base URL (without /cds-services).")],
    only: Annotated[list[str] | None, typer.Option(help="Ids of services, if not all.")] = None,
    origin: Annotated[str, typer.Option(help="A registered browser client's, to try CORS.")] = "",
    key: Annotated[
        Path | None, typer.Option(help="Private key of a registered client (JWK or PEM).")
    ] = None,
    issuer: Annotated[str, typer.Option(help="`iss` by which the service knows it.")] = "",
    kid: Annotated[str, typer.Option(help="The key's id; default: the JWK's or thumbprint.")] = "",
    audience: Annotated[
        str, typer.Option(help="Base URL for `aud`, where the service has another.")
    ] = "",
    authority: Annotated[
        Path | None, typer.Option(help="Who signed the service's certificate (PEM).")
    ] = None,
    within: Annotated[float, typer.Option(min=0.1, help="Seconds an answer may take.")] = 5.0,
    patience: Annotated[
        float, typer.Option(min=1, help="Seconds after which no answer is one.")
    ] = 30.0,
    strict: Annotated[bool, typer.Option("--strict", help="Count notes as findings.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check any CDS Hooks service against CDS Hooks 2.0.1, from outside.

    Each service of discovery is called with a synthetic patient, whole and in every way wrong; with
    --key the tokens are tried too. Findings are what the specification asks (shall, should), notes
    what good practice asks.
    """
    base = _base(url)
    _require_private_way(base, key)
    target = Target(
        base=base,
        known_as=(audience or base).rstrip("/"),
        caller=_caller(key, issuer, kid),
        origin=origin,
        within_s=within,
    )
    console = show.screen(json=json)
    tls = service_tls(base, authority, None)
    lock = EgressLock(AllowList([parse(base, "URL")]))
    with scoped(lock), Sender(base, tls=tls, patience_s=patience) as send:
        _require_service(send, target)
        with console.status("asking") as status:
            report = record(plan(target, only or ()), send, base, heard=status.update)
    if junit is not None:
        _write(junit, as_junit(report))
    if json:
        typer.echo(orjson.dumps(as_document(report), option=orjson.OPT_INDENT_2).decode())
    else:
        _tell(report, console)
    if report.findings or (strict and report.notes):
        raise typer.Exit(_FINDINGS)


def _base(url: str) -> str:
    """The base, whether or not the discovery path was given with it. Raises UsageError."""
    base = url.rstrip("/").removesuffix(_ENDPOINTS)
    if parse(base, "URL").scheme not in ("http", "https") or "://" not in base:
        hint = "Give the base URL, as https://cds.example.org."
        raise UsageError("the service's address is no http address", where="URL", hint=hint)
    return base


def _require_private_way(base: str, key: Path | None) -> None:
    """Tokens go over TLS, or stay on this machine; without a key there are none."""
    service = parse(base, "URL")
    if key is not None and service.scheme == "http" and not service.here:
        hint = "Use https; http is for a service on this machine, or without --key."
        raise UsageError("a token is not sent in clear", where="URL", hint=hint)


def _caller(key: Path | None, issuer: str, kid: str) -> Caller | None:
    if (key is None) != (not issuer):
        hint = "The service knows a client by the issuer and verifies by the key's public part."
        raise UsageError("--key and --issuer belong together", where="--key", hint=hint)
    return None if key is None else Caller(SigningKey.load(key, kid=kid), issuer)


def _require_service(send: Sender, target: Target) -> None:
    """End with exit code 2 where nobody answers at all."""
    first = send(target.get(_ENDPOINTS, "discovery"))
    if first.answer is not None:
        return
    hint = "See the address, the port, and --authority for a site's own certificates."
    error = ServiceUnreachable(first.came, where=_ENDPOINTS, hint=hint)
    if "--json" in sys.argv:
        told = {"error": {"code": error.code, "diagnostics": error.diagnostics()}}
        typer.echo(orjson.dumps(told).decode())
    else:
        typer.echo(f"chartside: {error.diagnostics()}", err=True)
    raise typer.Exit(_UNREACHABLE)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        message = f"the file cannot be written ({error.strerror})"
        raise UsageError(
            message, where="--junit", hint="Name a file in a folder of yours."
        ) from None


def _tell(report: Report, console: Console) -> None:
    for title, style, results in (
        ("Findings", "red", report.findings),
        ("Notes (good practice; the specification says nothing)", "yellow", report.notes),
    ):
        if results:
            console.print(Text(f"\n{title}", style="bold"))
        for result in results:
            _tell_failure(result, style, console)
    console.print(_skipped(report))
    _tell_times(report, console)
    counts = ", ".join(f"{name} {count}" for name, count in report.counts.items())
    verdict = "not conformant" if report.findings else "conformant"
    console.print(Text(f"{report.base}: {verdict} ({counts})", style="bold"))


def _tell_failure(result: Result, style: str, console: Console) -> None:
    name = Text(result.check.id, style=style)
    console.print(name.append(f"  {result.service or ALL_SERVICES}", style="default"))
    for line in failure_lines(result):
        console.print(Text(f"    {line}"))


def _skipped(report: Report) -> Table:
    table = Table(title="Not checked, and why", title_justify="left", box=None)
    for heading in ("reason", "services", "checks"):
        table.add_column(heading, overflow="fold")
    reasons: dict[str, list[Result]] = {}
    for result in report.results:
        if result.status == "skipped":
            reasons.setdefault(result.reason, []).append(result)
    for reason, results in reasons.items():
        services = dict.fromkeys(r.service or ALL_SERVICES for r in results)
        checks = dict.fromkeys(r.check.id for r in results)
        table.add_row(*(Text(t) for t in (reason, "\n".join(services), ", ".join(checks))))
    return table


def _tell_times(report: Report, console: Console) -> None:
    for service, count, mid, longest in report.times():
        told = f"{service}: {count} answers, median {mid * 1000:.0f} ms, longest {longest:.2f} s"
        console.print(Text(told))
