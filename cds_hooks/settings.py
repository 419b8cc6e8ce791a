"""Settings: one TOML file and the environment (`CHARTSIDE_SERVER__PORT=8010`), frozen and complete.

A key that is not known is an error that names it and the nearest one that is. Nothing else of the
service reads settings: rooms are handed plain values made from them.
"""

from __future__ import annotations

import difflib
import hashlib
import ipaddress
import os
import socket
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cds_hooks.consultation import Outcome
from cds_hooks.errors import ChartsideError

__all__ = ["Settings", "SettingsError", "load_settings", "settings_digest"]

PREFIX = "CHARTSIDE_"


class SettingsError(ChartsideError):
    """The settings cannot be used; `where` is the key."""

    code = "settings-invalid"
    status = 400


class BindNotLoopback(SettingsError):
    """The service would be reachable from elsewhere, and it cannot yet tell who calls."""

    code = "bind-not-loopback"


class ProfileNotAvailable(SettingsError):
    """The production profile lacks what production needs."""

    code = "profile-not-available"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(_Section):
    host: str = Field("127.0.0.1", description="Address to listen on; loopback only for now.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8010, description="Port; 0 takes any.")
    public_url: str = Field("", description="The service's address as EHRs see it, if another.")
    max_body_bytes: int = Field(16 * 2**20, gt=0, description="Largest body that is read.")
    max_in_flight: int = Field(64, gt=0, description="Calls answered at one time; past it 503.")
    cors_origins: tuple[str, ...] = Field((), description="Browser origins that may call.")


class Fhir(_Section):
    allowed_bases: tuple[str, ...] = Field((), description="FHIR servers that may be read.")
    same_server_hosts: tuple[str, ...] = Field((), description="Other names of those servers.")
    gather_within_s: float = Field(1.2, gt=0, description="Seconds for all reads of one hook.")
    connect_s: float = Field(1.0, gt=0, description="Seconds to connect.")
    read_s: float = Field(2.5, gt=0, description="Seconds for one read.")
    max_bytes: int = Field(8 * 2**20, gt=0, description="Largest answer that is read.")
    max_pages: int = Field(20, gt=0, description="Pages followed for one prefetch key.")
    max_resources: int = Field(5000, gt=0, description="Resources taken for one prefetch key.")


class Services(_Section):
    enabled: tuple[str, ...] = Field(
        ("chartside-patient-view", "chartside-encounter-start"),
        description="Ids of the services that are offered.",
    )
    answer_within_s: float = Field(
        1.5, gt=0, description="Seconds within which a hook is answered."
    )
    deadline_s: float = Field(120.0, gt=0, description="Seconds for the work behind an answer.")
    fresh_for_s: float = Field(3600.0, ge=0, description="Seconds for which an answer is reused.")
    samples: int = Field(0, ge=0, le=16, description="Samples a consultation; 0: the template's.")
    silent: tuple[Outcome, ...] = Field(
        (), description="Outcomes that give no card (`pending` ...)."
    )


class Model(_Section):
    path: Path = Field(
        Path("build/models/SmolLM2-135M-Instruct.Q4_1.gguf"), description="The GGUF file."
    )
    sha256: str = Field("", description="Its digest; a file with another is refused.")
    catalogue: Path | None = Field(None, description="The site's own model catalogue.")
    names: Path | None = Field(
        Path("build/names.txt"), description="Disease names that decoding may follow."
    )
    names_by_construction: bool | None = Field(
        None, description="Whether diagnoses are written along those names; unset: demo models."
    )
    cache: Path | None = Field(Path("build/cache"), description="What can be computed again.")
    threads: int = Field(0, ge=0, description="Threads; 0: one a core.")
    gpu_layers: int = Field(0, ge=-1, description="Layers on the GPU; -1: all.")
    queue: int = Field(16, ge=0, description="Requests that may wait.")
    parallel: int = Field(2, gt=0, description="Requests that run at one time.")
    temperature: float | None = Field(None, ge=0, le=2, description="Unset: the catalogue's.")
    seed: int = Field(0, ge=0, description="Seed of the samples.")


class TerminologyFile(_Section):
    path: Path = Field(Path("build/terminology.sqlite"), description="The compiled terminology.")


class StorePlace(_Section):
    path: str = Field("build/records/records.sqlite", description="File, or SQLAlchemy URL.")
    site_key: Path = Field(Path("build/records/site.key"), description="Key of keyed hashes.")
    retention_days: float = Field(30.0, gt=0, description="Days after which records are deleted.")


class Cards(_Section):
    profile: str = Field("generic", description="generic, epic, oracle or sandbox.")


class Log(_Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    format: Literal["json", "console"] = Field("console", description="json for a collector.")


class Settings(_Section):
    """Everything a site can set. Frozen; every field has a default for the demo profile."""

    profile: Literal["demo", "production"] = Field("demo", description="demo or production.")
    server: Server = Server()
    fhir: Fhir = Fhir()
    services: Services = Services()
    model: Model = Model()
    terminology: TerminologyFile = TerminologyFile()
    store: StorePlace = StorePlace()
    cards: Cards = Cards()
    log: Log = Log()


def load_settings(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a TOML file (none: defaults) with the environment on top.

    Raises SettingsError with every key that is wrong, BindNotLoopback, ProfileNotAvailable.
    """
    given = _merged(_read(path) if path else {}, dict(_environment(environ)))
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        raise _explained(error) from None
    if settings.profile == "production":
        raise ProfileNotAvailable(
            "the production profile needs client tokens, encryption at rest and an egress lock, "
            "which this release does not have",
            where="profile",
            hint="Use the demo profile on loopback.",
        )
    _require_loopback(settings.server.host)
    return settings


def settings_digest(settings: Settings) -> str:
    """SHA-256 over the settings as canonical JSON: they hold paths to secrets, never secrets."""
    whole = settings.model_dump(mode="json")
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        message = f"the settings file cannot be read ({error.strerror})"
        raise SettingsError(message, where=str(path), hint="Check --config.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = "the settings file is not TOML"
        raise SettingsError(message, where=str(path), hint=f"{error}.") from None


def _environment(environ: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """`CHARTSIDE_SERVER__PORT` is server.port; a value is JSON where it can be, else text."""
    sections: dict[str, Any] = {}
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX):
            section, _, key = name.removeprefix(PREFIX).lower().partition("__")
            read = _value(value)
            if key:
                sections.setdefault(section, {})[key] = read
            else:
                sections[section] = read
    yield from sections.items()


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            merged[key] = {**known, **value}
        else:
            merged[key] = value
    return merged


def _explained(error: ValidationError) -> SettingsError:
    problems = []
    for problem in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in problem["loc"])
        said = "is not known" if problem["type"] == "extra_forbidden" else problem["msg"].lower()
        nearest = difflib.get_close_matches(where, list(known_keys()), n=1)
        hint = f" (did you mean {nearest[0]}?)" if nearest and "not known" in said else ""
        problems.append(f"{where} {said}{hint}")
    first = ".".join(str(part) for part in error.errors()[0]["loc"])
    return SettingsError("; ".join(problems), where=first, hint="docs/settings.md lists all keys.")


def known_keys() -> Iterator[str]:
    """Every key, as `section.key`."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, _Section):
            yield from (f"{name}.{key}" for key in type(field.default).model_fields)
        else:
            yield name


def _require_loopback(host: str) -> None:
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(host, None)}
    except OSError:
        raise SettingsError("the host has no address", where="server.host") from None
    if not found or not all(ipaddress.ip_address(address).is_loopback for address in found):
        raise BindNotLoopback(
            "the service binds to loopback only until client tokens exist",
            where="server.host",
            hint="Use 127.0.0.1 or ::1.",
        )
