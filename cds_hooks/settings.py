"""Settings: one TOML file and the environment (`CHARTSIDE_SERVER__PORT=8010`), frozen and complete.

A key that is not known is an error that names it and the nearest one that is. Nothing else of the
service reads settings: rooms are handed plain values made from them. No setting is a secret: the
ones that need one name its file.
"""

from __future__ import annotations

import difflib
import hashlib
import ipaddress
import os
import socket
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin
from urllib.parse import urlsplit

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from cds_hooks.cards import profiles
from cds_hooks.consultation import Outcome
from cds_hooks.errors import ChartsideError
from cds_hooks.gather.base import Base
from cds_hooks.services import REGISTRY

__all__ = [
    "BindNotLoopback",
    "ProfileNotAvailable",
    "Settings",
    "SettingsError",
    "environment_name",
    "known_keys",
    "load_settings",
    "settings_digest",
]

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


def _one_of(known: Iterable[str]) -> Callable[[str], str]:
    words = sorted(known)

    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return check


def _base(value: str) -> str:
    if Base.parse(value) is None:
        raise ValueError("must be a plain http or https URL")
    return value


def _without_password(value: str) -> str:
    if "://" in value and urlsplit(value).password is not None:
        raise ValueError("must not hold a password; use the database's own password file")
    return value


def _or_unset(value: object) -> object:
    """TOML has no null: an empty text is one."""
    return None if value == "" else value


_Unset = BeforeValidator(_or_unset)
_Origin = Annotated[str, Field(pattern=r"^https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:\d+)?$")]
_FhirBase = Annotated[str, AfterValidator(_base)]
_ServiceId = Annotated[str, AfterValidator(_one_of(service.id for service in REGISTRY))]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(_Section):
    host: str = Field(
        "127.0.0.1", min_length=1, description="Address to listen on; loopback only for now."
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8010, description="Port; 0 takes any.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s?#@]+)?$",
        description="The service's address as EHRs see it, if another.",
    )
    max_body_bytes: int = Field(16 * 2**20, gt=0, description="Largest body that is read.")
    max_in_flight: int = Field(64, gt=0, description="Calls answered at one time; past it 503.")
    cors_origins: tuple[_Origin, ...] = Field((), description="Browser origins that may call.")


class Fhir(_Section):
    allowed_bases: tuple[_FhirBase, ...] = Field((), description="FHIR servers that may be read.")
    same_server_hosts: tuple[str, ...] = Field((), description="Other names of those servers.")
    gather_within_s: float = Field(1.2, gt=0, description="Seconds for all reads of one hook.")
    connect_s: float = Field(1.0, gt=0, description="Seconds to connect.")
    read_s: float = Field(2.5, gt=0, description="Seconds for one read.")
    max_bytes: int = Field(8 * 2**20, gt=0, description="Largest answer that is read.")
    max_pages: int = Field(20, gt=0, description="Pages followed for one prefetch key.")
    max_resources: int = Field(5000, gt=0, description="Resources taken for one prefetch key.")


class Services(_Section):
    enabled: tuple[_ServiceId, ...] = Field(
        tuple(service.id for service in REGISTRY),
        min_length=1,
        description="Ids of the services that are offered.",
    )
    answer_within_s: float = Field(
        1.5, gt=0, description="Seconds within which a hook is answered."
    )
    answer_within: Mapping[_ServiceId, Annotated[float, Field(gt=0)]] = Field(
        {}, description="The same by service id, where a service has its own."
    )
    only_start: tuple[_ServiceId, ...] = Field(
        (),
        description="Ids of services that only start work and show no card; "
        "`chartside-appointment-book` always does.",
    )
    deadline_s: float = Field(120.0, gt=0, description="Seconds for the work behind an answer.")
    fresh_for_s: float = Field(3600.0, ge=0, description="Seconds for which an answer is reused.")
    samples: int = Field(0, ge=0, le=16, description="Samples a consultation; 0: the template's.")
    silent: tuple[Outcome, ...] = Field(
        (), description="Outcomes that give no card (`pending` ...)."
    )

    @model_validator(mode="after")
    def _an_answer_comes_before_the_deadline(self) -> Self:
        if max(self.answer_within_s, *self.answer_within.values(), 0) > self.deadline_s:
            raise ValueError("answer_within_s and answer_within must not be above deadline_s")
        return self


class Model(_Section):
    path: Path = Field(
        Path("build/models/SmolLM2-135M-Instruct.Q4_1.gguf"), description="The GGUF file."
    )
    sha256: str = Field(
        "", pattern="^([0-9a-f]{64})?$", description="Its digest; a file with another is refused."
    )
    catalogue: Annotated[Path | None, _Unset] = Field(
        None, description="The site's own model catalogue."
    )
    names: Annotated[Path | None, _Unset] = Field(
        Path("build/names.txt"), description="Disease names that decoding may follow."
    )
    names_by_construction: Annotated[bool | None, _Unset] = Field(
        None, description="Whether diagnoses are written along those names; unset: demo models."
    )
    cache: Annotated[Path | None, _Unset] = Field(
        Path("build/cache"), description="Folder of what can be computed again."
    )
    threads: int = Field(0, ge=0, description="Threads; 0: one a core.")
    gpu_layers: int = Field(0, ge=-1, description="Layers on the GPU; -1: all.")
    queue: int = Field(16, ge=0, description="Requests that may wait.")
    parallel: int = Field(2, gt=0, description="Requests that run at one time.")
    temperature: Annotated[Annotated[float, Field(ge=0, le=2)] | None, _Unset] = Field(
        None, description="Of the sampling, 0 to 2; unset: the catalogue's."
    )
    seed: int = Field(0, ge=0, description="Seed of the samples.")


class TerminologyFile(_Section):
    path: Path = Field(Path("build/terminology.sqlite"), description="The compiled terminology.")


class StorePlace(_Section):
    path: Annotated[str, AfterValidator(_without_password)] = Field(
        "build/records/records.sqlite",
        min_length=1,
        description="File, or SQLAlchemy URL of a database.",
    )
    site_key: Path = Field(Path("build/records/site.key"), description="Key of keyed hashes.")
    retention_days: float = Field(30.0, gt=0, description="Days after which records are deleted.")


class Prewarm(_Section):
    fhir_server: Annotated[_FhirBase | None, _Unset] = Field(
        None,
        description="Base of the FHIR server, one of `fhir.allowed_bases`, as EHRs name it; "
        "unset: the only one there is.",
    )
    client_id: str = Field("", description="The id under which that server knows the command.")
    key: Annotated[Path | None, _Unset] = Field(
        None, description="The private key's file (PEM, readable by its owner alone)."
    )
    key_id: str = Field("", description="The key's `kid`; empty: its thumbprint.")
    algorithm: Literal["ES384", "RS384"] = Field("ES384", description="Of the signature.")
    token_url: Annotated[_FhirBase | None, _Unset] = Field(
        None, description="The token endpoint; unset: the one that the FHIR server names."
    )
    scope: str = Field("", description="Scopes; empty: reading and searching what is read.")
    reads_per_minute: float = Field(300.0, gt=0, description="Requests to the FHIR server.")
    at_once: int = Field(2, gt=0, le=8, description="Patients at one time.")
    longest_pause_s: float = Field(
        300.0, ge=0, description="Longest pause that a busy server is granted; past it a run ends."
    )


class Cards(_Section):
    profile: Annotated[str, AfterValidator(_one_of(profiles()))] = Field(
        "generic", description=f"Family of CDS clients: {', '.join(sorted(profiles()))}."
    )


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
    prewarm: Prewarm = Prewarm()
    cards: Cards = Cards()
    log: Log = Log()


def load_settings(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a TOML file (none: defaults) with the environment on top.

    A relative path in the file starts at the file's folder, any other at the working directory.
    Raises SettingsError with every key that is wrong, BindNotLoopback, ProfileNotAvailable.
    """
    given = _merged(_read(path) if path else {}, _environment(environ))
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        raise _explained(error) from None
    _require_profile(settings)
    _require_loopback(settings.server.host)
    return settings


def settings_digest(settings: Settings) -> str:
    """SHA-256 over the settings as canonical JSON: they hold paths to secrets, never secrets."""
    whole = settings.model_dump(mode="json")
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()


def known_keys() -> Iterator[tuple[str, FieldInfo]]:
    """Every key, as `section.key`, with what is known of it."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, _Section):
            fields = type(field.default).model_fields
            yield from ((f"{name}.{key}", inner) for key, inner in fields.items())
        else:
            yield name, field


def environment_name(key: str) -> str:
    """`CHARTSIDE_SERVER__PORT` for `server.port`."""
    return PREFIX + key.replace(".", "__").upper()


def _read(path: Path) -> dict[str, Any]:
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"the settings file cannot be read ({error.strerror})"
        raise SettingsError(message, where=str(path), hint="Check --config.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = "the settings file is not TOML"
        raise SettingsError(message, where=str(path), hint=f"{error}.") from None
    for key, field in known_keys():
        section, _, name = key.partition(".")
        values = given.get(section)
        if isinstance(values, dict) and _is_place(key, field):
            values |= {name: _absolute(values[name], path)} if name in values else {}
    return given


def _is_place(key: str, field: FieldInfo) -> bool:
    return key == "store.path" or Path in (field.annotation, *get_args(field.annotation))


def _absolute(value: object, file: Path) -> object:
    if not isinstance(value, str) or not value or "://" in value:
        return value
    return str(Path(os.path.normpath(file.absolute().parent / value)))


def _environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """The keys that the environment sets. Raises SettingsError for names that are no key's."""
    fields = {environment_name(key): (key, field) for key, field in known_keys()}
    names = sorted(name for name in environ if name.upper().startswith(PREFIX))
    if unknown := [name for name in names if name not in fields]:
        told = "; ".join(f"{name} is not known{_nearest(name, fields)}" for name in unknown)
        raise SettingsError(told, where=unknown[0], hint=_LISTED)
    given: dict[str, Any] = {}
    for name in names:
        key, field = fields[name]
        section, _, inner = key.partition(".")
        value = _value(environ[name], field)
        given |= {section: {**given.get(section, {}), inner: value} if inner else value}
    return given


def _value(text: str, field: FieldInfo) -> Any:
    """A list is written as JSON or with commas, a table as JSON, everything else as it is."""
    if get_origin(field.annotation) is Mapping:
        return _table(text)
    if get_origin(field.annotation) is not tuple:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return [part.strip() for part in text.split(",") if part.strip()]


def _table(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        known = merged.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            value = {**known, **value}
        merged[key] = value
    return merged


_LISTED = "docs/settings.md lists all keys."


def _explained(error: ValidationError) -> SettingsError:
    """Every problem by its key. What was given is not repeated: it may be a secret put there."""
    found = error.errors(include_url=False, include_input=False)
    told = "; ".join(_problem(each) for each in found)
    return SettingsError(told, where=_key(found[0]), hint=_LISTED)


def _problem(found: ErrorDetails) -> str:
    key = _key(found)
    if found["type"] == "extra_forbidden":
        return f"{key} is not known{_nearest(key, (known for known, _ in known_keys()))}"
    said = found["msg"].removeprefix("Value error, ")
    return f"{key}: {said[:1].lower()}{said[1:]}"


def _key(found: ErrorDetails) -> str:
    return ".".join(str(part) for part in found["loc"])


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _require_profile(settings: Settings) -> None:
    if settings.profile == "production":
        raise ProfileNotAvailable(
            "the production profile needs client tokens, TLS or a declared proxy, encryption at "
            "rest, an egress lock and a ledger, which this release does not have",
            where="profile",
            hint="Use the demo profile on loopback.",
        )


def _require_loopback(host: str) -> None:
    """Refuse a host unless every address it has is this machine's own."""
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        raise SettingsError("the host has no address", where="server.host") from None
    if not found or not all(ipaddress.ip_address(address).is_loopback for address in found):
        raise BindNotLoopback(
            "the service binds to loopback only until client tokens exist",
            where="server.host",
            hint="Use 127.0.0.1 or ::1.",
        )
