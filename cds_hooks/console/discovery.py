"""The services in readable form, each with a call that works as it stands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cds_hooks.console.site import Site
from cds_hooks.services import ServiceDefinition

__all__ = ["ServiceView", "example_call", "service_views"]

_INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service; `needs` are its prefetch keys with what they are for, and the template."""

    id: str
    hook: str
    title: str
    description: str
    url: str
    needs: tuple[tuple[str, str, str, str], ...]
    curl: str


def service_views(site: Site) -> tuple[ServiceView, ...]:
    """The services that are enabled, in the order of discovery."""
    return tuple(_view(site, service) for service in site.services)


def example_call(service: ServiceDefinition) -> dict[str, Any]:
    """The smallest request that the service answers: a made-up patient without a record."""
    patient = {"resourceType": "Patient", "id": "example", "gender": "female"}
    return {
        "hook": service.hook,
        "hookInstance": _INSTANCE,
        "context": {
            "userId": "Practitioner/example",
            "patientId": "example",
            "encounterId": "example",
        },
        "prefetch": {"patient": {**patient, "birthDate": "1962-04-01"}},
    }


def _view(site: Site, service: ServiceDefinition) -> ServiceView:
    url = f"{site.base_url}/cds-services/{service.id}"
    needs = tuple((t.key, t.gives, t.why, t.query) for t in service.templates)
    curl = _curl(url, service, tokens=site.tokens)
    return ServiceView(
        service.id, service.hook, service.title, service.description, url, needs, curl
    )


def _curl(url: str, service: ServiceDefinition, *, tokens: bool) -> str:
    """A command for a POSIX shell. No value of the body holds a single quote."""
    lines = [f"curl -sS {url}", "-H 'Content-Type: application/json'"]
    if tokens:
        lines.append('-H "Authorization: Bearer $TOKEN"')
    lines.append(f"-d '{json.dumps(example_call(service), indent=1)}'")
    return " \\\n  ".join(lines)
