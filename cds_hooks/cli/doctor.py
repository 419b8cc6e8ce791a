"""`chartside doctor`: what is wrong with an installation, and why a token is refused."""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import orjson
import typer
from rich.markup import escape
from rich.table import Table

from cds_hooks.cli import show
from cds_hooks.cli.doctor_check import Config, Json, doctor_fhir, part_command, whole
from cds_hooks.cli.doctor_engine import engine
from cds_hooks.cli.doctor_model_server import model_server
from cds_hooks.cli.doctor_self_check import self_check
from cds_hooks.cli.fhir_options import TokenEnv, TokenFile
from cds_hooks.errors import ChartsideError
from cds_hooks.runtime.callers import key_sets_of
from cds_hooks.services import REGISTRY
from cds_hooks.settings import Settings, load_settings
from cds_hooks.trust.caller_errors import TokenRefused
from cds_hooks.trust.client import Client
from cds_hooks.trust.explain import Step, explain
from cds_hooks.trust.key_set_cache import KeySets, read_key_set
from cds_hooks.trust.signing import SigningKey
from cds_hooks.trust.token_parsing import ParsedToken, parse_token

__all__ = ["doctor_app"]

_REFUSED = 1
_SHOWN_HEADER = ("alg", "typ", "kid", "jku")
_SHOWN_CLAIMS = ("iss", "aud", "sub", "tenant")
_TIMES = ("iat", "nbf", "exp")
_LONGEST = 200

doctor_app = typer.Typer(
    name="doctor",
    help="Find out what is wrong with an installation, part by part or as a whole.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class TokenFileUnusable(ChartsideError):
    """The file with the token cannot be read."""

    code = "token-file-unusable"
    status = 400


_PARTS = {
    "settings": "Check every setting, what the profile asks for, data files and known values.",
    "keys": "Check the site key, its mode and age, files closed to others, and the certificate.",
    "memory": "Reckon what the models take, as `models check` does, beside what this machine has.",
    "ports": "Check whether the service's port is free, and who has it if not.",
    "egress": "Connect once to each destination that the settings list.",
    "key-sets": "Read and parse the key set of each registered client.",
    "clock": "Compare this machine's time with that of the FHIR servers.",
    "clients": "Check each registered client by what its EHR, or the CDS Hooks Sandbox, asks for.",
}


@doctor_app.callback()
def _doctor(
    context: typer.Context,
    config: Config = None,
    patient: Annotated[
        str, typer.Option(help="Read this patient's chart by each prefetch template.")
    ] = "",
    token_env: TokenEnv = "",
    token_file: TokenFile = None,
    skip: Annotated[
        list[str] | None, typer.Option(help="A part to leave out, such as engine.")
    ] = None,
    json: Json = False,
) -> None:
    """Find out what is wrong with an installation, part by part or as a whole.

    Each finding has a stable id, PASS, WARN, FAIL or NOT CHECKED, and the line that mends it. Exit
    code 0: nothing failed; 1: something did. Options go after a part's name, if there is one.
    """
    if context.invoked_subcommand is None:
        whole(config, skip or (), patient, token_env, token_file, json=json)


for _name, _text in _PARTS.items():
    doctor_app.command(_name)(part_command(_name, _text))
doctor_app.command("engine")(engine)
doctor_app.command("model-server")(model_server)
doctor_app.command("fhir")(doctor_fhir)
doctor_app.command("self-check")(self_check)


@doctor_app.command()
def token(
    file: Annotated[
        Path, typer.Argument(help="The token or its Authorization header; - is standard input.")
    ],
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    path: Annotated[str, typer.Option(help="The path that was called.")] = "",
    at: Annotated[str, typer.Option(help="When it was called (ISO 8601); default: now.")] = "",
    certificate: Annotated[
        Path | None, typer.Option(help="The certificate (PEM) that was shown with it.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a CDS client's token by the settings, and tell each step: PASS, FAIL or SKIP.

    Without --path it is checked against the endpoint of this service that its `aud` names. Whether
    it was used before is not looked at; nor, without --certificate, what a bound client has to
    show. Nothing of the signature is printed. Exit code 0: it would be let in; 1: refused; 3: the
    file or the settings cannot be used.
    """
    settings = load_settings(config)
    text = _read(file)
    shown = _certificate(certificate) if certificate else b""
    steps, told = asyncio.run(_examine(settings, text, path, _moment(at), shown))
    refused = any(step.result == "FAIL" for step in steps)
    if json:
        document = {
            "accepted": not refused,
            "token": told,
            "steps": [{"step": s.step, "result": s.result, "says": s.says} for s in steps],
        }
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
    else:
        _print(steps, told, refused)
    sys.exit(_REFUSED if refused else 0)


@doctor_app.command()
def jwks(
    key: Annotated[Path, typer.Argument(help="A private key: PEM or JWK, mode 0600.")],
    kid: Annotated[str, typer.Option(help="Its id; default: the JWK's or thumbprint.")] = "",
    json: Annotated[bool, typer.Option("--json", help="The same, on one line.")] = False,
) -> None:
    """Print the JWK Set that registers a private key: what `jwks_file` of a client wants.

    Nothing private is printed. Exit code 3: the key cannot be used.
    """
    document = {"keys": [SigningKey.load(key, kid=kid).public_jwk()]}
    typer.echo(orjson.dumps(document, option=0 if json else orjson.OPT_INDENT_2).decode())


async def _examine(
    settings: Settings, text: str, path: str, now: float, shown: bytes
) -> tuple[tuple[Step, ...], dict[str, Any]]:
    clients = settings.clients
    by_issuer = {client.issuer: client for client in clients}
    found = _parsed(text)
    async with httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=5) as http:
        sets = key_sets_of(settings, clients, lambda url: read_key_set(http, url))
        await _fetch(sets, by_issuer, found)
        url = _url(settings, path, found)
        return explain(text, by_issuer, sets.of, url, now, shown), _told(found, url, now)


async def _fetch(sets: KeySets, clients: Mapping[str, Client], found: ParsedToken | None) -> None:
    """Read the key set of the client that the token says it is of, if that is at a URL."""
    issuer = found.claims.get("iss") if found else None
    client = clients.get(issuer) if isinstance(issuer, str) else None
    if client is not None and client.fetches:
        await sets.refresh(client)


def _parsed(text: str) -> ParsedToken | None:
    try:
        return parse_token(text)
    except TokenRefused:
        return None


def _url(settings: Settings, path: str, found: ParsedToken | None) -> str:
    """The URL that was called: as told, else the one of ours that `aud` names, else discovery's."""
    server = settings.server
    base = server.public_url.rstrip("/") or f"http://127.0.0.1:{server.port}"
    if path:
        return f"{base}{path}"
    own = [f"{base}/cds-services"]
    own += [f"{own[0]}/{service.id}{end}" for service in REGISTRY for end in ("", "/feedback")]
    audience = found.claims.get("aud") if found else None
    named = audience if isinstance(audience, list) else [audience]
    return next((url for url in own if url in named), own[0])


def _told(found: ParsedToken | None, url: str, now: float) -> dict[str, Any]:
    """What a person may look at of a token: no signature, no jti, no other claims."""
    told: dict[str, Any] = {"checked_against": url, "at": _time(now)}
    if found is None:
        return told
    header = {name: _short(found.header[name]) for name in _SHOWN_HEADER if name in found.header}
    claims = {name: _short(found.claims[name]) for name in _SHOWN_CLAIMS if name in found.claims}
    times = {name: _time(found.claims[name]) for name in _TIMES if name in found.claims}
    return {**told, "header": header, "claims": {**claims, **times}}


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    # A token comes from outside: it must not steer the terminal.
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _time(value: Any) -> str:
    try:
        return datetime.fromtimestamp(float(value), UTC).isoformat(timespec="seconds")
    except (TypeError, ValueError, OverflowError, OSError):
        return "no time"


def _moment(at: str) -> float:
    if not at:
        return time.time()
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        hint = "Write it like 2026-11-22T21:48:31Z."
        raise TokenFileUnusable("--at is no time", where="--at", hint=hint) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _certificate(file: Path) -> bytes:
    """The certificate (DER) in a PEM file."""
    try:
        return ssl.PEM_cert_to_DER_cert(file.read_text("ascii").strip())
    except (OSError, ValueError):
        hint = "Give one certificate as PEM, without its chain."
        message = "the certificate cannot be read"
        raise TokenFileUnusable(message, where=str(file), hint=hint) from None


def _read(file: Path) -> str:
    """The token in a file, or on standard input for `-`; with or without header and scheme."""
    try:
        text = sys.stdin.read(65536) if str(file) == "-" else file.read_text("utf-8")[:65536]
    except (OSError, UnicodeDecodeError):
        hint = "Give a text file with the token alone, or its Authorization header."
        raise TokenFileUnusable("the file cannot be read", where=str(file), hint=hint) from None
    text = text.strip()
    for prefix in ("authorization:", "bearer "):
        if text.lower().startswith(prefix):
            text = text[len(prefix) :].strip()
    return text


def _print(steps: tuple[Step, ...], told: dict[str, Any], refused: bool) -> None:
    console = show.screen(json=False)
    for part in ("header", "claims"):
        for name, value in told.get(part, {}).items():
            console.print(f"{name}: {escape(str(value))}")
    console.print(f"checked against: {escape(told['checked_against'])} at {told['at']}")
    grid = Table("step", "result", "")
    colours = {"PASS": "green", "FAIL": "red", "SKIP": "dim"}
    for step in steps:
        colour = colours[step.result]
        grid.add_row(step.step, f"[{colour}]{step.result}[/]", escape(step.says))
    console.print(grid)
    console.print("This token would be refused." if refused else "This token would be let in once.")
