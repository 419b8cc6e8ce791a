"""From settings to the plain values that the parts are handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from cds_hooks.app import AppConfig
from cds_hooks.audit import StoreConfig
from cds_hooks.consult import ClientTerms, ConsultConfig
from cds_hooks.gather import GatherConfig
from cds_hooks.plausibility import load_calibration
from cds_hooks.runtime.engines import options_digest
from cds_hooks.services import REGISTRY, ServiceDefinition
from cds_hooks.settings import Settings, SettingsError, settings_digest

__all__ = ["app_config", "consult_config", "gather_config", "services_of", "store_config"]


def gather_config(settings: Settings) -> GatherConfig:
    """The bounds of gathering."""
    return GatherConfig.model_validate(dict(settings.fhir))


def store_config(settings: Settings) -> StoreConfig:
    """Where records are kept and for how long."""
    place, site_key = settings.store.path, settings.store.site_key
    return StoreConfig(
        place if "://" in place else Path(place),
        retention=settings.retention,
        plain_users=settings.ledger.users == "plain",
        erased_keys=site_key.with_name(f"{site_key.name}.erased"),
        service_version=version("chartside"),
    )


def services_of(settings: Settings) -> tuple[ServiceDefinition, ...]:
    """The services that are enabled. Raises SettingsError for one that there is none of."""
    enabled = settings.services.enabled
    if set(enabled) - {service.id for service in REGISTRY}:
        known = ", ".join(service.id for service in REGISTRY)
        raise SettingsError("a service is not known", where="services.enabled", hint=known)
    starting = settings.services.only_start
    return tuple(
        replace(service, only_starts=True) if service.id in starting else service
        for service in REGISTRY
        if service.id in enabled
    )


def app_config(settings: Settings) -> AppConfig:
    """What the HTTP application is bounded by."""
    return AppConfig(settings.server, settings.proxy)


def consult_config(
    settings: Settings,
    *,
    base_url: str,
    samples: int,
    names_by_construction: bool,
    accuracy: str,
    clients: Mapping[str, ClientTerms],
) -> ConsultConfig:
    """How hooks are answered; what the model and the admission say is given."""
    services, model = settings.services, settings.model
    return ConsultConfig(
        base_url=base_url,
        answer_within_s=services.answer_within_s,
        answer_within=services.answer_within,
        gather_within_s=settings.fhir.gather_within_s,
        deadline_s=services.deadline_s,
        fresh_for_s=services.fresh_for_s,
        recall_s=services.recall_s,
        samples=samples,
        temperature=model.temperature,
        model_options=options_digest(settings),
        seed=model.seed,
        names_by_construction=names_by_construction,
        card_profile=settings.cards.profile,
        silent=frozenset(services.silent),
        speak=services.speak,
        speak_by_service=services.speak_by_service,
        accuracy=accuracy,
        link_s=settings.cards.link_s,
        fhir_version=settings.fhir.version or None,
        assessments=services.assessments,
        calibration=load_calibration(settings.panel.calibration),
        settings_sha256=settings_digest(settings),
        clients=clients,
    )
