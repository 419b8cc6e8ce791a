"""Every key with its bounds, its default and what it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cds_hooks.cards import Speak, profiles
from cds_hooks.consultation import Outcome
from cds_hooks.services import REGISTRY
from cds_hooks.settings.egress import Egress
from cds_hooks.settings.external_keys import KeyDevice, KeyVault
from cds_hooks.settings.kinds import (
    FhirBase,
    Origin,
    Section,
    ServiceId,
    Unset,
    one_of,
    without_password,
)
from cds_hooks.settings.ledger import Ledger, WitnessServer
from cds_hooks.settings.models import Model, ModelServer, Panel
from cds_hooks.settings.trust import (
    ClientEntry,
    ClientKeys,
    OwnCalls,
    ProxyServer,
    Tls,
    UnauthenticatedLimits,
)

__all__ = ["Settings"]


class Server(Section):
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="Address to listen on; beyond loopback with clients and TLS or a proxy.",
    )
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8010, description="Port; 0 takes any.")
    public_url: str = Field(
        "",
        pattern=r"^(https?://[^\s?#@]+)?$",
        description="The service's address as EHRs see it, if another.",
    )
    max_body_bytes: int = Field(16 * 2**20, gt=0, description="Largest body that is read.")
    max_in_flight: int = Field(64, gt=0, description="Calls answered at one time; past it 503.")
    cors_origins: tuple[Origin, ...] = Field((), description="Browser origins that may call.")


class Fhir(Section):
    allowed_bases: tuple[FhirBase, ...] = Field((), description="FHIR servers that may be read.")
    same_server_hosts: tuple[str, ...] = Field((), description="Other names of those servers.")
    version: Literal["", "STU3", "R4", "R4B", "R5"] = Field(
        "", description="What clients send, where no server tells; empty: decided by shape."
    )
    gather_within_s: float = Field(1.2, gt=0, description="Seconds for all reads of one hook.")
    connect_s: float = Field(1.0, gt=0, description="Seconds to connect.")
    read_s: float = Field(2.5, gt=0, description="Seconds for one read.")
    max_bytes: int = Field(8 * 2**20, gt=0, description="Largest answer that is read.")
    max_pages: int = Field(20, gt=0, description="Pages followed for one prefetch key.")
    max_resources: int = Field(5000, gt=0, description="Resources taken for one prefetch key.")


class Services(Section):
    enabled: tuple[ServiceId, ...] = Field(
        tuple(service.id for service in REGISTRY),
        min_length=1,
        description="Ids of the services that are offered.",
    )
    answer_within_s: float = Field(
        1.5, gt=0, description="Seconds within which a hook is answered."
    )
    answer_within: Mapping[ServiceId, Annotated[float, Field(gt=0)]] = Field(
        {}, description="The same by service id, where a service has its own."
    )
    only_start: tuple[ServiceId, ...] = Field(
        ("chartside-encounter-start",),
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
    assessments: bool = Field(
        True,
        description="Read clinicians' own assessments; false: a differential not led by them.",
    )
    samples: int = Field(0, ge=0, le=16, description="Samples a consultation; 0: the template's.")
    silent: tuple[Outcome, ...] = Field(
        (),
        description="Outcomes without a status card (`pending` ...); rules are shown.",
    )
    speak: Speak = Field(
        "always",
        description="`when-it-matters`: no card unless a rule fires, entries contradict each "
        "other, or a diagnosis not to be missed is supported.",
    )
    speak_by_service: Mapping[ServiceId, Speak] = Field(
        {}, description="The same by service id, where a service has its own."
    )

    @model_validator(mode="after")
    def _an_answer_comes_before_the_deadline(self) -> Self:
        if max(self.answer_within_s, *self.answer_within.values(), 0) > self.deadline_s:
            raise ValueError("answer_within_s and answer_within must not be above deadline_s")
        return self


class Admission(Section):
    folder: Annotated[Path | None, Unset] = Field(
        None, description="Folder of signed admission records (`chartside models admit`)."
    )
    public_key: Annotated[Path | None, Unset] = Field(
        None, description="The key (PEM) that must have signed them."
    )
    required: Literal["", "demonstration", "clinical"] = Field(
        "", description="The purpose for which the model must be admitted; empty: for none."
    )

    @model_validator(mode="after")
    def _records_are_checked_against_a_key(self) -> Self:
        if (self.folder is None) != (self.public_key is None):
            raise ValueError("folder and public_key belong together")
        if self.required and self.folder is None:
            raise ValueError("required needs folder and public_key")
        return self


class TerminologyFile(Section):
    path: Path = Field(Path("build/terminology.sqlite"), description="The compiled terminology.")


class StorePlace(Section):
    path: Annotated[str, AfterValidator(without_password)] = Field(
        "build/records/records.sqlite",
        min_length=1,
        description="File, or SQLAlchemy URL of a database.",
    )
    site_key: Path = Field(
        Path("build/records/site.key"),
        description="Key that keyed hashes are made with and records are encrypted under; where "
        "the file is not there, the systemd credential `chartside-site-key`.",
    )


class Retention(Section):
    consultations_days: float = Field(
        30.0, gt=0, description="Days after which consultations and their cards are deleted."
    )
    feedback_days: float = Field(30.0, gt=0, description="Days after which feedback is deleted.")


class Prewarm(Section):
    fhir_server: Annotated[FhirBase | None, Unset] = Field(
        None,
        description="Base of the FHIR server, one of `fhir.allowed_bases`, as EHRs name it; "
        "unset: the only one there is.",
    )
    client_id: str = Field("", description="The id under which that server knows the command.")
    key: Annotated[Path | None, Unset] = Field(
        None, description="The private key's file (PEM, readable by its owner alone)."
    )
    key_id: str = Field("", description="The key's `kid`; empty: its thumbprint.")
    algorithm: Literal["ES384", "RS384"] = Field("ES384", description="Of the signature.")
    token_url: Annotated[FhirBase | None, Unset] = Field(
        None, description="The token endpoint; unset: the one that the FHIR server names."
    )
    scope: str = Field("", description="Scopes; empty: reading and searching what is read.")
    reads_per_minute: float = Field(300.0, gt=0, description="Requests to the FHIR server.")
    concurrency: int = Field(2, gt=0, le=8, description="Patients at one time.")
    longest_pause_s: float = Field(
        300.0, ge=0, description="Longest pause that a busy server is granted; past it a run ends."
    )


class Cards(Section):
    profile: Annotated[str, AfterValidator(one_of(profiles()))] = Field(
        "generic", description=f"Family of CDS clients: {', '.join(sorted(profiles()))}."
    )
    link_s: float = Field(
        86_400.0, ge=0, description="Seconds for which a card's link to its consultation opens."
    )


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level.")
    format: Literal["json", "console"] = Field("console", description="json for a collector.")


class Settings(Section):
    """Everything a site can set. Frozen; every field has a default for the demo profile."""

    profile: Literal["demo", "production"] = Field("demo", description="demo or production.")
    clients: tuple[ClientEntry, ...] = Field(
        (), description="CDS clients that may call ([[clients]]); without any, whoever can connect."
    )
    client_keys: ClientKeys = ClientKeys()
    unauthenticated_limits: UnauthenticatedLimits = UnauthenticatedLimits()
    own_calls: OwnCalls = OwnCalls()
    tls: Tls = Tls()
    proxy: ProxyServer = ProxyServer()
    server: Server = Server()
    fhir: Fhir = Fhir()
    services: Services = Services()
    model: Model = Model()
    model_server: ModelServer = ModelServer()
    panel: Panel = Panel()
    admission: Admission = Admission()
    egress: Egress = Egress()
    terminology: TerminologyFile = TerminologyFile()
    store: StorePlace = StorePlace()
    key_device: KeyDevice = KeyDevice()
    key_vault: KeyVault = KeyVault()
    retention: Retention = Retention()
    ledger: Ledger = Ledger()
    witness: WitnessServer = WitnessServer()
    prewarm: Prewarm = Prewarm()
    cards: Cards = Cards()
    log: Log = Log()
