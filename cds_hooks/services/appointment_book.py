"""Work begun when a visit is booked, so that the answer is there when the chart is opened."""

from __future__ import annotations

from cds_hooks.protocol.hooks import APPOINTMENT_BOOK
from cds_hooks.services.prefetch_templates import CHART, templates
from cds_hooks.services.service_definition import ServiceDefinition

__all__ = ["SERVICE"]

SERVICE = ServiceDefinition(
    id="chartside-appointment-book",
    on=APPOINTMENT_BOOK,
    title="Differential diagnosis begun ahead of a visit",
    description=(
        "Reads the chart and begins the differential that is shown when the chart is opened. "
        "Answers at once and always without a card. Charts go only where the hospital's settings "
        "let them."
    ),
    usage_requirements=(
        "Needs the Patient, by prefetch or by fhirServer with fhirAuthorization. Everything else "
        "is optional. The appointments of the context are not read: the reason of a visit reaches "
        "the chart with its encounter."
    ),
    templates=templates(*CHART),
    only_starts=True,
)
