"""What a patient's id may be recorded under: whoever looks for a patient goes through this."""

from __future__ import annotations

from cds_hooks.audit import SiteKey
from cds_hooks.settings import Settings

__all__ = ["patient_keys"]


def patient_keys(settings: Settings, key: SiteKey, patient_id: str, server: str) -> tuple[str, ...]:
    """The pseudonyms of an id on this server: the shared one, and each client's own.

    Clients with servers of their own are kept apart (`cds_hooks.consult.terms`).
    """
    scopes = [server]
    for client in settings.clients:
        tenants = client.tenants or ("",)
        scopes += [f"client:{client.name}/{tenant}|{server}" for tenant in tenants]
    return tuple(dict.fromkeys(key.patient_key(patient_id, fhir_server=each) for each in scopes))
