"""From what a form says to the request that is fired: which service, and whose chart."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cds_hooks.cds_client.charts import CapturedChart, ChartSource, FileChart, RemoteChart
from cds_hooks.cds_client.requests import hook_request
from cds_hooks.cds_client.sample_patients import sample_patients
from cds_hooks.cds_client.server_chart import FhirAccess
from cds_hooks.console.inspector.firing import MakeRequest
from cds_hooks.console.inspector.inspector_errors import ChoiceIncomplete, HookNotFireable
from cds_hooks.console.inspector.servers import Transport
from cds_hooks.services import ServiceDefinition, find
from fhir_mapping.input.loading import find_patient_ids

__all__ = [
    "from_dropped",
    "from_sample",
    "from_server",
    "patients_in",
    "require_fireable",
    "service_named",
]

_LISTED = 200
_TOKEN_LIVES_S = 300


def service_named(name: str, services: Sequence[ServiceDefinition]) -> ServiceDefinition:
    """The service with this id. Raises ChoiceIncomplete."""
    found = find(name, tuple(services))
    if found is None:
        hint = "Choose one of the services on the inspector's page."
        raise ChoiceIncomplete("no service was chosen", where="service", hint=hint)
    return found


def require_fireable(service: ServiceDefinition, chart: object) -> None:
    """Raise HookNotFireable for a service that checks what was just entered, which only a captured
    request tells."""
    captured = isinstance(chart, CapturedChart) and chart.captured["hook"] == service.hook
    if service.checks_new_problems and not captured:
        raise HookNotFireable(
            "this service checks a problem that was just entered, and a chart does not tell which",
            where="service",
            hint=f"Drop a captured request of the hook {service.hook}, or choose another service.",
        )


def from_sample(service: ServiceDefinition, name: str) -> tuple[MakeRequest, str]:
    """Fire for a sample patient; and words that say so. Raises ChoiceIncomplete."""
    sample = sample_patients().get(name)
    if sample is None:
        raise ChoiceIncomplete("no sample patient was chosen", where="sample", hint="Choose one.")
    resources = sample.resources(datetime.now(UTC))
    chart = FileChart(resources, sample.patient)
    return _of_chart(service, chart), f"sample patient: {sample.title}"


def from_dropped(
    service: ServiceDefinition, content: CapturedChart | list[dict[str, Any]], patient: str
) -> MakeRequest:
    """Fire for what was dropped; `patient` is one of `patients_in`. Raises ChoiceIncomplete."""
    if isinstance(content, CapturedChart):
        return _of_chart(service, content)
    if not patient:
        hint = "Drop a chart with a Patient resource, or with references to one patient."
        raise ChoiceIncomplete("the files name no patient", where="file", hint=hint)
    return _of_chart(service, FileChart(_about(content, patient), patient))


def from_server(
    service: ServiceDefinition,
    access: FhirAccess,
    patient: str,
    transport: Transport,
    *,
    prefetched: bool,
) -> MakeRequest:
    """Fire for a patient of a server: with prefetch, as an EHR sends it, or with the address and
    the token, so that the service reads the server itself."""
    if prefetched:
        chart = RemoteChart(access, patient, transport)

        async def read() -> dict[str, Any]:
            return await chart.read(service.hook, service.prefetch)

        return read

    async def refer() -> dict[str, Any]:
        made = hook_request(service.hook, {}, (), patient_id=patient, encounter_id=None)
        return {**made, **_way_to(access)}

    return refer


def patients_in(content: CapturedChart | list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Ids and names of the patients in what was dropped, at most 200; none of a captured request,
    which names its own."""
    if isinstance(content, CapturedChart):
        return []
    names = {str(r.get("id")): _name(r) for r in content if r.get("resourceType") == "Patient"}
    return [(found, names.get(found, "")) for found in find_patient_ids(content)[:_LISTED]]


def _of_chart(service: ServiceDefinition, chart: ChartSource) -> MakeRequest:
    async def make() -> dict[str, Any]:
        return await asyncio.to_thread(chart.request, service.hook, service.prefetch)

    return make


def _way_to(access: FhirAccess) -> dict[str, Any]:
    way: dict[str, Any] = {"fhirServer": str(access.base)}
    if access.token:
        way["fhirAuthorization"] = {
            "access_token": access.token,
            "token_type": "Bearer",
            "expires_in": _TOKEN_LIVES_S,
            "scope": "",
            "subject": "chartside-inspector",
        }
    return way


def _about(resources: list[dict[str, Any]], patient: str) -> list[dict[str, Any]]:
    """What is not another Patient; whose the rest is the service decides."""
    return [r for r in resources if r.get("resourceType") != "Patient" or r.get("id") == patient]


def _name(patient: Mapping[str, Any]) -> str:
    names = patient.get("name")
    for name in names if isinstance(names, list) else ():
        if isinstance(name, dict):
            given = name.get("given") if isinstance(name.get("given"), list) else []
            parts = [name.get("text"), *(given or []), name.get("family")]
            return " ".join(part for part in parts if isinstance(part, str))[:120]
    return ""
