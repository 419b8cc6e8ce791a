"""The chart that a command line names: in a file, captured, or on a FHIR server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import typer

from cds_hooks.cds_client.charts import (
    CapturedChart,
    ChartSource,
    FileChart,
    RemoteChart,
    open_chart,
)
from cds_hooks.cds_client.server_chart import FhirAccess
from cds_hooks.cli.fhir_options import fhir_destinations
from cds_hooks.cli.mapping import UsageError, choose_patient
from cds_hooks.prewarm.patients import patient_id_of
from cds_hooks.runtime.egress import guarded
from cds_hooks.settings import Settings
from cds_hooks.tls_client import client_context
from cds_hooks.trust.egress import AllowList, EgressLock, scoped
from fhir_mapping.input.loading import find_patient_ids

__all__ = ["charts_in", "fhir_transport", "file_chart", "require_patient", "server_chart"]


def file_chart(path: Path, patient: str) -> ChartSource:
    """The chart in a file or folder. Raises MappingError, CaptureUnusable, UsageError."""
    found = open_chart(path)
    if not isinstance(found, CapturedChart):
        return FileChart(found, choose_patient(found, patient))
    if patient and patient.removeprefix("Patient/") != found.patient_id:
        hint = "Leave --patient out: the captured request names its own."
        raise UsageError(
            "the captured request is about another patient", where="--patient", hint=hint
        )
    return found


def charts_in(path: Path) -> Iterator[ChartSource]:
    """Every patient's chart below a path, each file by itself where it is a folder.

    Raises MappingError and CaptureUnusable.
    """
    files = sorted(p for p in path.rglob("*.json") if p.is_file()) if path.is_dir() else [path]
    for file in files or [path]:
        found = open_chart(file)
        if isinstance(found, CapturedChart):
            yield found
            continue
        for patient in find_patient_ids(found):
            yield FileChart(_about(found, patient), patient)


def _about(resources: list[dict[str, Any]], patient: str) -> list[dict[str, Any]]:
    """What is not plainly another patient's; whose the rest is the service decides."""
    kept = []
    for resource in resources:
        subject = resource.get("subject") or resource.get("patient")
        named = str(subject.get("reference", "")) if isinstance(subject, dict) else ""
        whose = resource.get("id") if resource.get("resourceType") == "Patient" else ""
        if whose in ("", patient) and ("Patient/" not in named or named.endswith(f"/{patient}")):
            kept.append(resource)
    return kept


def server_chart(access: FhirAccess, patient: str, settings: Settings) -> ChartSource:
    """The chart on a server; what of it is not whole is told on standard error."""
    transport = partial(fhir_transport, access)
    return _LockedChart(RemoteChart(access, require_patient(patient), transport), settings)


def fhir_transport(access: FhirAccess) -> httpx.AsyncBaseTransport:
    """A transport that asks the installed lock before it sends."""
    tls = access.tls or client_context()
    return guarded(httpx.AsyncHTTPTransport(verify=tls, trust_env=False))


@dataclass(frozen=True, slots=True)
class _LockedChart:
    """While the chart is read, this process speaks to the addresses of the command line alone."""

    chart: RemoteChart
    settings: Settings

    def request(self, hook: str, templates: Mapping[str, str]) -> dict[str, Any]:
        """As of the chart. Raises ChartNotRead, FhirTokenRefused, DestinationInvalid."""
        listed = fhir_destinations(self.chart.access)
        with scoped(EgressLock(AllowList(listed, self.settings.egress.networks))):
            made = self.chart.request(hook, templates)
        for trouble in self.chart.troubles:
            typer.echo(f"chartside: not whole: {trouble.key} ({trouble.code})", err=True)
        return made


def require_patient(text: str) -> str:
    """The id in `--patient`. Raises UsageError."""
    found = patient_id_of(text)
    if not found:
        hint = "Give the id on the server, as 123 or Patient/123."
        raise UsageError("--patient is no patient id", where="--patient", hint=hint)
    return found
