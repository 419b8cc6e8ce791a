"""What we offer: one module a hook, each with a service definition."""

from __future__ import annotations

from cds_hooks.services import appointment_book, encounter_start, patient_view, problem_check
from cds_hooks.services.service_definition import (
    STARTED,
    PrefetchTemplate,
    ServiceDefinition,
    discovery_of,
)

__all__ = ["REGISTRY", "STARTED", "PrefetchTemplate", "ServiceDefinition", "discovery_of", "find"]

REGISTRY: tuple[ServiceDefinition, ...] = (
    patient_view.SERVICE,
    encounter_start.SERVICE,
    appointment_book.SERVICE,
    *problem_check.SERVICES,
)
"""Every service, in the order in which discovery lists them."""


def find(
    service_id: str, among: tuple[ServiceDefinition, ...] = REGISTRY
) -> ServiceDefinition | None:
    """The service with an id, or None."""
    return next((service for service in among if service.id == service_id), None)
