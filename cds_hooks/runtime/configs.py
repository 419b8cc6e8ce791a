"""From settings to the plain values that rooms are handed."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from cds_hooks.audit import StoreConfig
from cds_hooks.gather import GatherConfig
from cds_hooks.settings import Settings, SettingsError

__all__ = ["gather_config", "store_config"]


def gather_config(settings: Settings) -> GatherConfig:
    """The bounds of gathering. Raises SettingsError."""
    fhir = settings.fhir
    try:
        return GatherConfig(
            allowed_bases=fhir.allowed_bases,
            same_server_hosts=fhir.same_server_hosts,
            connect_seconds=fhir.connect_s,
            read_seconds=fhir.read_s,
            max_bytes=fhir.max_bytes,
            max_pages=fhir.max_pages,
            max_resources=fhir.max_resources,
        )
    except ValueError as error:
        raise SettingsError(str(error), where="fhir.allowed_bases") from None


def store_config(settings: Settings) -> StoreConfig:
    """Where records are kept and for how long."""
    place = settings.store.path
    where = place if "://" in place else Path(place)
    return StoreConfig(
        where,
        retention_days=settings.retention.consultations_days,
        feedback_days=settings.retention.feedback_days,
        erased_keys=settings.store.site_key.with_name(f"{settings.store.site_key.name}.erased"),
        service_version=version("chartside"),
        plain_users=settings.ledger.users == "plain",
    )
