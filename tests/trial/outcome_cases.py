"""Charts, conditions and encounters for tests of outcomes; the hook is at noon, 29 Nov 2026."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cds_hooks.trial.outcomes.decide import ConsultedChart
from fhir_mapping import map_chart
from fhir_mapping.chart import Chart

__all__ = ["HOOK", "ICD", "SNOMED", "at", "chart", "condition", "consulted", "encounter"]

HOOK = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
PATIENT = {"resourceType": "Patient", "id": "pat", "gender": "female", "birthDate": "1970-01-01"}


def at(**delta: float) -> str:
    """A FHIR instant some time after the hook."""
    return (HOOK + timedelta(**delta)).isoformat()


def condition(id_: str, code: str = "I26.99", **more: Any) -> dict[str, Any]:
    """A confirmed problem, recorded a day after the hook."""
    system = more.pop("system", ICD)
    display = more.pop("display", "")
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    made = {
        "resourceType": "Condition",
        "id": id_,
        "subject": {"reference": "Patient/pat"},
        "category": [{"coding": [{"code": "problem-list-item"}]}],
        "code": more.pop("concept", {"coding": [coding]}),
        "recordedDate": at(days=1),
    }
    made |= more
    return {name: value for name, value in made.items() if value is not None}


def encounter(id_: str, *diagnoses: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A stay from before the hook until three days after it."""
    made = {
        "resourceType": "Encounter",
        "id": id_,
        "status": "finished",
        "subject": {"reference": "Patient/pat"},
        "period": {"start": at(hours=-6), "end": at(days=3)},
        "diagnosis": list(diagnoses),
    }
    made |= more
    return {name: value for name, value in made.items() if value is not None}


def chart(*resources: dict[str, Any]) -> Chart:
    """The chart as it was gathered at the hook."""
    return map_chart([PATIENT, *resources], patient_id="pat", now=HOOK)


def consulted(*resources: dict[str, Any], whole: bool = True) -> ConsultedChart:
    """A consultation about such a chart."""
    return ConsultedChart(HOOK.timestamp(), chart(*resources), whole)
