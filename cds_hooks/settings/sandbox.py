"""Settings for the CDS Hooks Sandbox, on top of a site's own: `chartside serve --sandbox`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from cds_hooks.services import REGISTRY
from cds_hooks.settings.errors import SettingsError
from cds_hooks.settings.loading import load_settings
from cds_hooks.settings.schema import Settings
from cds_hooks.trust.egress.destinations import parse
from cds_hooks.trust.egress.egress_errors import DestinationInvalid

__all__ = ["SandboxRefused", "load_sandbox_settings", "told_of_sandbox"]

_HERE = ("127.0.0.1", "localhost")


class SandboxRefused(SettingsError):
    """The Sandbox's published key may not be let in with these settings."""

    code = "sandbox-refused"


class _Sandbox(BaseModel):
    """`sandbox.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    source: str
    origin: str
    fhir_servers: tuple[str, ...]
    card_profile: str
    client: dict[str, Any]
    told: dict[str, str]


def load_sandbox_settings(
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    origins: Sequence[str] = (),
    fhir_servers: Sequence[str] = (),
    port: int | None = None,
) -> Settings:
    """The settings of a file and the environment with what the Sandbox needs.

    `origins` and `fhir_servers` come on top of the Sandbox's own; `port` is where the service will
    listen, if it is not the settings' one. Raises SandboxRefused in production and beyond this
    machine, and what `load_settings` raises.
    """

    def change(given: dict[str, Any]) -> dict[str, Any]:
        return _with_sandbox(given, origins, fhir_servers, port)

    settings = load_settings(path, environ, change)
    _require_this_machine(settings)
    return settings


def told_of_sandbox(settings: Settings) -> Iterator[str]:
    """A line for each setting that the Sandbox changed, with what that switches off."""
    values = {
        "profile": settings.profile,
        "clients": _data().client["name"],
        "server.cors_origins": ", ".join(settings.server.cors_origins),
        "fhir.allowed_bases": ", ".join(settings.fhir.allowed_bases),
        "cards.profile": settings.cards.profile,
        "server.host": settings.server.host,
    }
    return (text.format(values=values[key]) for key, text in _data().told.items())


def _with_sandbox(
    given: dict[str, Any], origins: Sequence[str], fhir_servers: Sequence[str], port: int | None
) -> dict[str, Any]:
    if given.get("profile", "demo") != "demo":
        hint = "Leave --sandbox away, or use a settings file of the demo profile."
        message = "the Sandbox's private key is published: it is never let in in production"
        raise SandboxRefused(message, where="profile", hint=hint)
    data, server = _data(), _table(given, "server")
    given = {**given, "profile": "demo", "clients": _clients(given, _audiences(server, port))}
    given["server"] = _more(server, "cors_origins", (data.origin, *origins))
    given["fhir"] = _more(
        _table(given, "fhir"), "allowed_bases", (*data.fhir_servers, *fhir_servers)
    )
    given["cards"] = {**_table(given, "cards"), "profile": data.card_profile}
    return given


def _clients(given: Mapping[str, Any], audiences: Sequence[str]) -> Any:
    clients, own = given.get("clients", []), _data().client
    if not isinstance(clients, list):  # told by the validation that follows
        return clients
    others = [each for each in clients if _issuer(each) != own["issuer"]]
    return [*others, {**own, "card_profile": _data().card_profile, "audiences": audiences}]


def _issuer(client: object) -> object:
    return client.get("issuer") if isinstance(client, dict) else None


def _audiences(server: Mapping[str, Any], port: int | None) -> list[str]:
    """Every URL that a user of this machine may type for the service, with a slash at its end too,
    which the Sandbox keeps; none for a port that is not known yet, which leaves the address that
    the log prints."""
    port = server.get("port", 8010) if port is None else port
    if server.get("public_url") or str(port) == "0":
        return []
    bases = [f"http://{host}:{port}/cds-services" for host in _HERE]
    paths = [f"/{service.id}{end}" for service in REGISTRY for end in ("", "/feedback")]
    return [
        f"{base}{slash}{path}" for base in bases for slash in ("", "/") for path in ("", *paths)
    ]


def _table(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = given.get(name, {})
    return dict(table) if isinstance(table, dict) else {}


def _more(table: dict[str, Any], key: str, values: Sequence[str]) -> dict[str, Any]:
    known = table.get(key, ())
    listed = list(known) if isinstance(known, list | tuple) else []
    return {**table, key: list(dict.fromkeys([*listed, *values]))}


def _require_this_machine(settings: Settings) -> None:
    """A service that listens elsewhere has clients and TLS, and here a client proves nothing."""
    public = settings.server.public_url
    if not _is_here(settings.server.host) or (public and not _is_here(urlsplit(public).hostname)):
        hint = "Use server.host 127.0.0.1 and no server.public_url with --sandbox."
        message = "the Sandbox's key is published, so it is let in on this machine alone"
        raise SandboxRefused(message, where="server.host", hint=hint)


def _is_here(host: str | None) -> bool:
    written = f"[{host}]" if host and ":" in host else host
    try:
        return parse(f"{written}:1").here
    except DestinationInvalid:
        return False


@cache
def _data() -> _Sandbox:
    raw = files("cds_hooks.settings").joinpath("sandbox.toml").read_text("utf-8")
    return _Sandbox.model_validate(tomllib.loads(raw))
