"""The differential when a chart is opened: the hook that every vendor has."""

from __future__ import annotations

from cds_hooks.protocol.hooks import PATIENT_VIEW
from cds_hooks.services.prefetch_templates import CHART, templates
from cds_hooks.services.service_definition import ServiceDefinition

__all__ = ["SERVICE"]

SERVICE = ServiceDefinition(
    id="chartside-patient-view",
    on=PATIENT_VIEW,
    title="Differential diagnosis of the opened chart",
    description=(
        "Lists diagnoses that a language model on the hospital's own hardware considers for this "
        "chart, with the evidence for and against each, checked against the chart. It informs; it "
        "does not decide. Charts go only where the hospital's settings let them."
    ),
    usage_requirements=(
        "Needs the Patient, by prefetch or by fhirServer with fhirAuthorization. Everything else "
        "is optional; what is missing is named in the card."
    ),
    templates=templates(*CHART),
)
