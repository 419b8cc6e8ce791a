"""From settings to the plain values that the parts are handed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from cds_hooks.app import AppConfig
from cds_hooks.audit import StoreConfig
from cds_hooks.consult import ClientTerms, ConsultConfig
from cds_hooks.consultation import Basis
from cds_hooks.gather import GatherConfig
from cds_hooks.plausibility import load_calibration
from cds_hooks.runtime.engines import options_digest
from cds_hooks.runtime.verifying import verifier_of
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
    basis: Basis,
) -> ConsultConfig:
    """How hooks are answered; what the model and the admission say is given."""
    return ConsultConfig(
        base_url=base_url,
        samples=samples,
        services=settings.services,
        fhir=settings.fhir,
        cards=settings.cards,
        model=settings.model,
        verifier=settings.verifier,
        ranks=verifier_of(settings),
        names_by_construction=names_by_construction,
        model_options=options_digest(settings),
        accuracy=accuracy,
        calibration=load_calibration(settings.panel.calibration),
        settings_sha256=settings_digest(settings),
        clients=clients,
        basis=basis,
    )
