"""All settings: the tables that packages declare, put together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cds_hooks.admission.admission_settings import AdmissionSettings
from cds_hooks.app.server_settings import ProxySettings, ServerSettings, TlsSettings
from cds_hooks.audit.external_keys.key_settings import KeyDeviceSettings, KeyVaultSettings
from cds_hooks.audit.ledger.ledger_settings import LedgerSettings, WitnessSettings
from cds_hooks.audit.store_settings import RetentionSettings, StoreSettings
from cds_hooks.capture.capture_settings import CaptureSettings
from cds_hooks.cards.card_settings import CardProfile, CardSettings
from cds_hooks.console.access.access_settings import ConsoleSettings
from cds_hooks.console.inspector.inspector_settings import InspectorSettings
from cds_hooks.console.reviews.review_settings import ReviewSettings
from cds_hooks.consult.service_settings import ServiceSettings
from cds_hooks.consult.verifier_settings import VerifierSettings
from cds_hooks.documents.documents_settings import DocumentsSettings
from cds_hooks.gather.fhir_settings import FhirBase, FhirSettings, FhirVersion
from cds_hooks.inference.model_settings import ModelServerSettings, ModelSettings, PanelSettings
from cds_hooks.operation.log_settings import LogSettings
from cds_hooks.operation.telemetry_settings import TelemetrySettings
from cds_hooks.plausibility.terminology_settings import TerminologySettings
from cds_hooks.prewarm.prewarm_settings import PrewarmSettings
from cds_hooks.section import Section, Unset
from cds_hooks.statistics.statistics_settings import StatisticsSettings
from cds_hooks.trial.outcomes.outcomes_settings import TrialOutcomesSettings
from cds_hooks.trial.trial_settings import TrialSettings
from cds_hooks.trust.client import Client
from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from cds_hooks.trust.trust_settings import (
    ClientKeysSettings,
    EgressSettings,
    OwnCallsSettings,
    UnauthenticatedLimitsSettings,
)

__all__ = ["ClientEntry", "Settings"]


class ClientEntry(Client):
    """A CDS client that may call, and the terms on which it is answered."""

    fhir_bases: tuple[FhirBase, ...] = Field(
        (), description="FHIR servers it may name, each under one of `fhir.allowed_bases`; "
        "empty: all of those.",
    )  # fmt: skip
    fhir_version: FhirVersion = Field(
        "", description="What it sends, where no server tells; empty: `fhir.version`."
    )
    card_profile: Annotated[CardProfile | None, Unset] = Field(
        None, description="Its family of clients; unset: `cards.profile`."
    )
    smart_launch: bool = Field(
        False, description="Its cards start this service as a SMART app: the EHR says who reads "
        "(docs/integrators/smart-launch.md).",
    )  # fmt: skip
    smart_client_id: str = Field(
        "", max_length=255, description="As which it knows this service as an app."
    )
    smart_client_secret: Annotated[Path | None, Unset] = Field(
        None, description="File with that app's secret, readable by its owner alone; unset: a "
        "public client.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _a_launch_has_a_client_id(self) -> Self:
        if self.smart_launch and not self.smart_client_id:
            raise ValueError("smart_launch needs smart_client_id")
        return self


class Settings(Section):
    """Everything a site can set. Frozen; every field has a default for the demo profile."""

    profile: Literal["demo", "production"] = Field("demo", description="demo or production.")
    clients: tuple[ClientEntry, ...] = Field(
        (), description="CDS clients that may call ([[clients]]); without any, whoever can connect."
    )
    client_keys: ClientKeysSettings = ClientKeysSettings()
    unauthenticated_limits: UnauthenticatedLimitsSettings = UnauthenticatedLimitsSettings()
    own_calls: OwnCallsSettings = OwnCallsSettings()
    tls: TlsSettings = TlsSettings()
    proxy: ProxySettings = ProxySettings()
    server: ServerSettings = ServerSettings()
    console: ConsoleSettings = ConsoleSettings()
    openid: OpenIdSettings = OpenIdSettings()
    fhir: FhirSettings = FhirSettings()
    services: ServiceSettings = ServiceSettings()
    model: ModelSettings = ModelSettings()
    model_server: ModelServerSettings = ModelServerSettings()
    panel: PanelSettings = PanelSettings()
    verifier: VerifierSettings = VerifierSettings()
    admission: AdmissionSettings = AdmissionSettings()
    egress: EgressSettings = EgressSettings()
    terminology: TerminologySettings = TerminologySettings()
    store: StoreSettings = StoreSettings()
    key_device: KeyDeviceSettings = KeyDeviceSettings()
    key_vault: KeyVaultSettings = KeyVaultSettings()
    retention: RetentionSettings = RetentionSettings()
    statistics: StatisticsSettings = StatisticsSettings()
    trial: TrialSettings = TrialSettings()
    trial_outcomes: TrialOutcomesSettings = TrialOutcomesSettings()
    ledger: LedgerSettings = LedgerSettings()
    witness: WitnessSettings = WitnessSettings()
    prewarm: PrewarmSettings = PrewarmSettings()
    cards: CardSettings = CardSettings()
    capture: CaptureSettings = CaptureSettings()
    inspector: InspectorSettings = InspectorSettings()
    reviews: ReviewSettings = ReviewSettings()
    documents: DocumentsSettings = DocumentsSettings()
    log: LogSettings = LogSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
