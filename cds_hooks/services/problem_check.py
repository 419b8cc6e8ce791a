"""The plausibility of a problem or diagnosis that was just entered: no model, answered at once.

Two services, because a client may key services by URL: one on `problem-list-item-create`, and one
on `patient-view` for Epic, which has no such hook and tells "enter problem" and "enter diagnosis"
by an extension of the request (Epic on FHIR, CDS Hooks: bpa-trigger-action 6 and 7).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cds_hooks.protocol.hooks import PATIENT_VIEW, PROBLEM_LIST_ITEM_CREATE
from cds_hooks.protocol.request import HookRequest
from cds_hooks.services.prefetch_templates import templates
from cds_hooks.services.service_definition import ServiceDefinition

__all__ = ["ON_CREATE", "ON_VIEW", "SERVICES", "NewConditions", "is_triggered", "new_conditions"]

Resource = Mapping[str, Any]

TRIGGER = "com.epic.cdshooks.request.bpa-trigger-action"
_ENTERS = frozenset({"6", "7"})
_MOST = 20
_DEEPEST = 4
_JUST_NOW = timedelta(minutes=15)
"""How long ago a condition may have been recorded that an opened chart is said to just hold."""

ON_CREATE = ServiceDefinition(
    id="chartside-problem-check",
    on=PROBLEM_LIST_ITEM_CREATE,
    title="Plausibility of a problem just entered",
    description=(
        "Checks a problem that was just entered against the chart by published rules: recorded sex "
        "and age, removed organs, defining results, what is refuted or already there, medication "
        "that can cause it. No model is asked. It shows a card only when a rule speaks."
    ),
    usage_requirements=(
        "Needs the Patient, by prefetch or by fhirServer with fhirAuthorization, and the entered "
        "conditions in the context. Everything else is optional."
    ),
    templates=templates(
        "patient",
        "problems",
        "laboratory",
        "vitals",
        "procedures",
        "medicationRequests",
        "medicationStatements",
    ),
    checks_new_problems=True,
)

ON_VIEW = replace(
    ON_CREATE,
    id="chartside-problem-check-view",
    on=PATIENT_VIEW,
    title="Plausibility of a problem just entered (patient-view)",
    usage_requirements=(
        "For clients that tell of an entered problem or diagnosis on patient-view by the "
        f"extension {TRIGGER} (6 or 7); without it the answer is no card. What was recorded "
        "in the last 15 minutes among the problems is taken as just entered."
    ),
)

SERVICES = (ON_CREATE, ON_VIEW)
"""Both, in the order in which discovery lists them."""


@dataclass(frozen=True, slots=True)
class NewConditions:
    """The `conditions` just entered, and the `others` of the resources of the chart."""

    conditions: tuple[Resource, ...]
    others: tuple[Resource, ...]


def is_triggered(service: ServiceDefinition, request: HookRequest) -> bool:
    """Whether the call tells of an entered problem at all: on patient-view only Epic's triggers."""
    if service.hook != PATIENT_VIEW.name:
        return True
    told = request.extension.get(TRIGGER)
    return isinstance(told, str | int) and str(told).strip() in _ENTERS


def new_conditions(
    request: HookRequest, resources: Sequence[Resource], *, now: datetime
) -> NewConditions:
    """What was just entered, told apart from the rest of the gathered resources.

    From the context where it holds conditions, else what the gathered conditions say was recorded
    just now. `now` is timezone-aware. At most 20; what is no Condition is passed over.
    """
    patient = request.context.patient_id
    found = list(_conditions(request.context.extras.get("conditions")))[:_MOST]
    if not found:
        found = [r for r in resources if _is_condition(r) and _just_recorded(r, now)][:_MOST]
    named = tuple(_named(one, number, patient) for number, one in enumerate(found, 1))
    ids = {one["id"] for one in named}
    others = (r for r in resources if not (_is_condition(r) and r.get("id") in ids))
    return NewConditions(named, tuple(others))


def _conditions(value: Any, depth: int = 0) -> Iterator[Resource]:
    """Conditions in a Bundle, a list, a wrapped resource, or one alone: all of these are sent."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for item in value:
            yield from _conditions(item, depth + 1)
    elif isinstance(value, Mapping):
        if _is_condition(value):
            yield value
        else:
            for key in ("entry", "resource"):
                yield from _conditions(value.get(key), depth + 1)


def _is_condition(resource: Any) -> bool:
    return isinstance(resource, Mapping) and resource.get("resourceType") == "Condition"


def _named(condition: Resource, number: int, patient_id: str) -> dict[str, Any]:
    """With an id, and with the patient of the context where none is named. One that names another
    patient keeps it, and is left out when it is mapped."""
    own = condition.get("id")
    told = {**condition, "id": own if isinstance(own, str) and own else f"entered-{number}"}
    told.setdefault("subject", {"reference": f"Patient/{patient_id}"})
    return told


def _just_recorded(condition: Resource, now: datetime) -> bool:
    """Whether it says that it was recorded just now; a date without time counts on its day."""
    told = condition.get("recordedDate") or condition.get("assertedDate")
    if not isinstance(told, str):
        return False
    try:
        when = datetime.fromisoformat(told)
    except ValueError:
        return False
    if len(told) <= len("2026-01-01"):
        return when.date() in (now.date(), now.astimezone(UTC).date())
    when = when if when.tzinfo else when.replace(tzinfo=now.tzinfo)
    return -_JUST_NOW <= now - when <= _JUST_NOW
