"""The options of commands that read a FHIR server, and what they come to together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cds_hooks.cds_client.sandboxes import Sandbox, sandboxes
from cds_hooks.cds_client.server_chart import FhirAccess
from cds_hooks.cli.mapping import UsageError
from cds_hooks.gather.fhir_client import usable_token
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.prewarm import BackendClient
from cds_hooks.private_files import read_private
from cds_hooks.services import REGISTRY
from cds_hooks.tls_client import client_context
from cds_hooks.trust.egress import Destination, parse
from cds_hooks.trust.signing import SigningKey

__all__ = [
    "ClientId", "ClientKey", "ClientKid", "FhirAuthority", "FhirServer", "Patience", "SandboxName",
    "Scope", "TokenEnv", "TokenFile", "TokenUrl", "bearer_token", "fhir_access",
    "fhir_destinations",
]  # fmt: skip

FhirServer = Annotated[str, typer.Option(help="Read the chart from the FHIR server at this base.")]
SandboxName = Annotated[
    str, typer.Option(help=f"Or from a public sandbox: {', '.join(sandboxes())}.")
]
TokenEnv = Annotated[str, typer.Option(help="Environment variable that holds a bearer token.")]
TokenFile = Annotated[Path | None, typer.Option(help="File (0600) that holds a bearer token.")]
ClientId = Annotated[str, typer.Option(help="SMART Backend Services: our id at the server.")]
ClientKey = Annotated[
    Path | None, typer.Option(help="SMART Backend Services: private key (JWK or PEM, 0600).")
]
ClientKid = Annotated[str, typer.Option(help="Its id; default: the JWK's or thumbprint.")]
TokenUrl = Annotated[
    str, typer.Option(help="Token endpoint, where the server's discovery names none of its own.")
]
Scope = Annotated[str, typer.Option(help="Scopes to ask for; default: what is read, and no more.")]
FhirAuthority = Annotated[
    Path | None, typer.Option(help="Who signed the FHIR server's certificate (PEM).")
]
Patience = Annotated[float, typer.Option(min=1, help="Seconds that one read may take.")]


def fhir_access(
    server: str,
    sandbox: str,
    *,
    token_env: str = "",
    token_file: Path | None = None,
    client_id: str = "",
    client_key: Path | None = None,
    client_kid: str = "",
    token_url: str = "",
    scope: str = "",
    authority: Path | None = None,
    patience: float = 30.0,
) -> FhirAccess:
    """The server and the credentials that a command line names. Raises UsageError, KeyUnusable."""
    preset = _preset(sandbox) if sandbox else None
    if preset and server:
        raise UsageError("--sandbox names a FHIR server itself", where="--fhir-server")
    base = _base(preset.fhir_server if preset else server)
    token = bearer_token(token_env, token_file)
    client = None
    if client_id or client_key:
        client = _client(client_id, client_key, client_kid, scope,
                         token_url or (preset.token_url if preset else ""))  # fmt: skip
    if token and client:
        raise UsageError("name one of them: a token or a client", where="--client-id")
    if preset and preset.access == "backend" and not (token or client):
        hint = "Register at its developer page; then --client-id and --client-key, or --token-env."
        raise UsageError("this sandbox wants a registered client", where="--sandbox", hint=hint)
    tls = client_context(authority) if base.scheme == "https" else None
    return FhirAccess(base, token, client, tls, patience)


def fhir_destinations(access: FhirAccess) -> list[Destination]:
    """What this process may speak to while it reads: the server of the command line, its token
    endpoint if that was named, and nothing else."""
    listed = [parse(str(access.base), "--fhir-server")]
    if access.client is not None and access.client.token_url:
        listed.append(parse(access.client.token_url, "--token-url"))
    return listed


def _preset(name: str) -> Sandbox:
    found = sandboxes().get(name)
    if found is None:
        hint = f"Known are {', '.join(sandboxes())}; --fhir-server takes any address."
        raise UsageError("the sandbox is not known", where="--sandbox", hint=hint)
    return found


def _base(text: str) -> ServerBase:
    base = ServerBase.parse(text)
    if base is None:
        hint = "Give the FHIR base URL, as https://fhir.example.org/r4."
        raise UsageError("this is no FHIR base URL", where="--fhir-server", hint=hint)
    if base.scheme == "http" and not parse(str(base), "--fhir-server").here:
        hint = "Use https; http is for a server on this machine."
        raise UsageError("a chart is not read in clear", where="--fhir-server", hint=hint)
    return base


def bearer_token(variable: str, file: Path | None) -> str:
    """The token of a variable or of a private file: never of the command line, which others see.

    Empty where neither is named. Raises UsageError.
    """
    if variable and file:
        raise UsageError("one token is enough", where="--token-env, --token-file")
    token, where = "", "--token-env"
    if variable:
        token = os.environ.get(variable, "").strip()
    elif file:
        hint = "Name a text file that you may read."
        raw = read_private(file, what="the token's file", hint=hint, error=UsageError)
        token, where = raw.decode("ascii", "replace").strip(), "--token-file"
    if (variable or file) and not usable_token(token):
        hint = "It holds the token alone, without `Bearer`."
        raise UsageError("there is no bearer token", where=where, hint=hint)
    return token


def _client(
    client_id: str, key: Path | None, kid: str, scope: str, token_url: str
) -> BackendClient:
    if not client_id or key is None:
        hint = "The server knows a client by its id and verifies by the key's public part."
        message = "--client-id and --client-key belong together"
        raise UsageError(message, where="--client-id", hint=hint)
    return BackendClient(client_id, SigningKey.load(key, kid=kid), scope or _scope(), token_url)


def _scope() -> str:
    """What our templates read (SMART App Launch 2.2, scopes: `r` read, `s` search)."""
    queries = [query for service in REGISTRY for query in service.prefetch.values()]
    kinds = {query.partition("?")[0].partition("/")[0] for query in queries}
    return " ".join(f"system/{kind}.rs" for kind in sorted(kinds | {"Medication"}))
