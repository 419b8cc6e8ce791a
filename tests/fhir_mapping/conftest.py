"""Small FHIR resources to start from, and a chart of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fhir_mapping import Chart, Fact, map_chart

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def ago() -> Callable[[float], str]:
    """A dateTime so many days before now."""
    return lambda days: (NOW - timedelta(days=days)).isoformat()


@pytest.fixture(scope="session")
def coded() -> Callable[..., dict[str, Any]]:
    """A CodeableConcept with one coding."""

    def make(code: str, display: str = "", system: str = SNOMED) -> dict[str, Any]:
        coding = {"system": system, "code": code}
        if display:
            coding["display"] = display
        return {"coding": [coding]}

    return make


@pytest.fixture(scope="session")
def patient() -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "name": [{"family": "Vandermeulen", "given": ["Mirabelle"]}],
        "gender": "female",
        "birthDate": "1964-06-15",
        "telecom": [{"system": "phone", "value": "555-0199-4471"}],
        "identifier": [{"value": "MRN-0047110815"}],
        "address": [{"line": ["17 Quarrystone Lane"], "postalCode": "90412", "city": "Elmsford"}],
    }


@pytest.fixture(scope="session")
def resource() -> Callable[..., dict[str, Any]]:
    """A resource of this patient: resource("Condition", "c1", code=...)."""

    def make(kind: str, identity: str, **elements: Any) -> dict[str, Any]:
        owner = "patient" if kind in _PATIENT_TYPES else "subject"
        made = {"resourceType": kind, "id": identity, owner: {"reference": "Patient/p1"}}
        return {**made, **elements}

    return make


_PATIENT_TYPES = {
    "AllergyIntolerance",
    "FamilyMemberHistory",
    "Immunization",
    "Device",
    "EpisodeOfCare",
}


@pytest.fixture(scope="session")
def lab(resource: Callable[..., dict[str, Any]], coded: Callable[..., Any]) -> Callable[..., Any]:
    """A laboratory result with a quantity."""

    def make(
        identity: str,
        code: str,
        name: str,
        value: Any,
        unit: str,
        when: str = "2024-06-15T08:00:00Z",
        **elements: Any,
    ) -> dict[str, Any]:
        return resource(
            "Observation",
            identity,
            status="final",
            category=[coded("laboratory")],
            code=coded(code, name, LOINC),
            effectiveDateTime=when,
            valueQuantity={
                "value": value,
                "unit": unit,
                "system": "http://unitsofmeasure.org",
                "code": unit,
            },
            **elements,
        )

    return make


@pytest.fixture(scope="session")
def chart_of(patient: dict[str, Any]) -> Callable[..., Chart]:
    """The chart of these resources and the patient."""

    def make(*resources: Mapping[str, Any], **options: Any) -> Chart:
        options.setdefault("patient_id", "p1")
        return map_chart([patient, *resources], now=options.pop("now", NOW), **options)

    return make


@pytest.fixture(scope="session")
def only(chart_of: Callable[..., Chart]) -> Callable[..., Fact]:
    """The one fact of the chart of these resources."""

    def make(*resources: Mapping[str, Any], **options: Any) -> Fact:
        (fact,) = chart_of(*resources, **options).facts
        return fact

    return make


@pytest.fixture(scope="session")
def reasons(chart_of: Callable[..., Chart]) -> Callable[..., dict[str, str]]:
    """What was left out of the chart of these resources: its name and the reason."""

    def make(*resources: Mapping[str, Any], **options: Any) -> dict[str, str]:
        omissions = chart_of(*resources, **options).omissions
        return {o.what: o.reason for o in omissions if o.what != "Patient/p1"}

    return make


@pytest.fixture(scope="session")
def accounted() -> Callable[[Chart], set[str]]:
    """The references that a chart accounts for."""

    def make(chart: Chart) -> set[str]:
        told: Iterable[str] = (source for fact in chart.facts for source in fact.sources)
        return set(told) | {omission.what for omission in chart.omissions}

    return make
