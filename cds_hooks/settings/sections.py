"""Every key with its bounds, its default and what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cds_hooks.cards import profiles
from cds_hooks.consultation import Outcome
from cds_hooks.gather.base import Base
from cds_hooks.services import REGISTRY

__all__ = ["Model", "Section", "Settings"]


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


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Server(Section):
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


class Fhir(Section):
    allowed_bases: tuple[_FhirBase, ...] = Field((), description="FHIR servers that may be read.")
    same_server_hosts: tuple[str, ...] = Field((), description="Other names of those servers.")
    gather_within_s: float = Field(1.2, gt=0, description="Seconds for all reads of one hook.")
    connect_s: float = Field(1.0, gt=0, description="Seconds to connect.")
    read_s: float = Field(2.5, gt=0, description="Seconds for one read.")
    max_bytes: int = Field(8 * 2**20, gt=0, description="Largest answer that is read.")
    max_pages: int = Field(20, gt=0, description="Pages followed for one prefetch key.")
    max_resources: int = Field(5000, gt=0, description="Resources taken for one prefetch key.")


class Services(Section):
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
    fresh_for_s: float = Field(
        86_400.0, ge=0, description="Seconds for which an answer is reused while nothing changes."
    )
    recall_s: float = Field(
        300.0, ge=0, description="Seconds a chart stays in memory to be recognised; 0: never."
    )
    samples: int = Field(0, ge=0, le=16, description="Samples a consultation; 0: the template's.")
    silent: tuple[Outcome, ...] = Field(
        (), description="Outcomes that give no card (`pending` ...)."
    )

    @model_validator(mode="after")
    def _an_answer_comes_before_the_deadline(self) -> Self:
        if max(self.answer_within_s, *self.answer_within.values(), 0) > self.deadline_s:
            raise ValueError("answer_within_s and answer_within must not be above deadline_s")
        return self


class Model(Section):
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


class TerminologyFile(Section):
    path: Path = Field(Path("build/terminology.sqlite"), description="The compiled terminology.")


class StorePlace(Section):
    path: Annotated[str, AfterValidator(_without_password)] = Field(
        "build/records/records.sqlite",
        min_length=1,
        description="File, or SQLAlchemy URL of a database.",
    )
    site_key: Path = Field(Path("build/records/site.key"), description="Key of keyed hashes.")
    retention_days: float = Field(30.0, gt=0, description="Days after which records are deleted.")


class Prewarm(Section):
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


class Cards(Section):
    profile: Annotated[str, AfterValidator(_one_of(profiles()))] = Field(
        "generic", description=f"Family of CDS clients: {', '.join(sorted(profiles()))}."
    )


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    format: Literal["json", "console"] = Field("console", description="json for a collector.")


class Settings(Section):
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
