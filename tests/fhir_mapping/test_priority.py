"""What must be shown, and in which order facts give way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Chart, Fact, must_keep, priority
from fhir_mapping.priority import is_urgent_vital_sign

Make = Callable[..., Any]


@pytest.fixture
def vital(lab: Make, coded: Make) -> Make:
    def make(code: str, value: float, unit: str, when: str) -> dict[str, Any]:
        made: dict[str, Any] = lab("v1", code, "Vital", value, unit, when)
        made["category"] = [coded("vital-signs")]
        return made

    return make


@pytest.mark.parametrize(
    ("code", "value", "unit", "born", "red"),
    [
        ("9279-1", 25, "/min", "1964", True),
        ("9279-1", 24, "/min", "1964", False),
        ("9279-1", 8, "{breaths}/min", "1964", True),
        ("59408-5", 91, "%", "1964", True),
        ("59408-5", 92, "%", "1964", False),
        ("59408-5", 89, "%", "2020", True),
        ("59408-5", 91, "%", "2020", False),
        ("8480-6", 90, "mmHg", "1964", True),
        ("8480-6", 11.9, "kPa", "1964", True),
        ("8480-6", 220, "mm[Hg]", "1964", True),
        ("8480-6", 76, "mm[Hg]", "2020-06-15", True),
        ("8480-6", 79, "mm[Hg]", "2020-06-15", False),
        ("8480-6", 65, "mm[Hg]", "2024-01-01", True),
        ("8867-4", 131, "/min", "1964", True),
        ("8867-4", 131, "zorks", "1964", False),
        ("8310-5", 35.0, "Cel", "1964", True),
        ("8310-5", 94.9, "degF", "1964", True),
        ("8310-5", 39.5, "Cel", "1964", False),
    ],
)
def test_urgent_vital_signs_follow_the_published_limits(
    vital: Make, chart_of: Make, ago: Make, code: str, value: float, unit: str, born: str, red: bool
) -> None:
    child = {"resourceType": "Patient", "id": "x", "birthDate": born}
    made = vital(code, value, unit, ago(1))
    made["subject"] = {"reference": "Patient/x"}
    chart: Chart = chart_of(child, made, patient_id="x")
    assert is_urgent_vital_sign(chart.facts[0], chart) is red
    old = {**made, "effectiveDateTime": ago(30)}
    chart = chart_of(child, old, patient_id="x")
    assert not is_urgent_vital_sign(chart.facts[0], chart)


def test_the_must_keep_set(
    chart_of: Make, resource: Make, lab: Make, vital: Make, ago: Make
) -> None:
    def status(code: str) -> dict[str, Any]:
        return {"coding": [{"code": code}]}

    chart: Chart = chart_of(
        resource(
            "Encounter",
            "e",
            status="in-progress",
            period={"start": ago(0.1)},
            reasonCode=[{"text": "Complaint"}],
        ),
        resource("Condition", "c1", code={"text": "Active"}, clinicalStatus=status("active")),
        resource("Condition", "c2", code={"text": "Over"}, clinicalStatus=status("resolved")),
        resource("AllergyIntolerance", "a1", code={"text": "Allergy"}),
        resource(
            "MedicationRequest",
            "m1",
            status="active",
            medicationCodeableConcept={"text": "Taken"},
        ),
        resource(
            "MedicationRequest",
            "m2",
            status="stopped",
            medicationCodeableConcept={"text": "Stopped"},
        ),
        lab("o1", "2160-0", "Recent", 9.9, "mg/dL", ago(1)),
        lab("o2", "2951-2", "Normal", 140, "mmol/L", ago(1)),
        lab("o3", "2823-3", "Old", 9.9, "mmol/L", ago(60)),
        vital("9279-1", 30, "/min", ago(0.1)),
    )

    def name(fact: Fact) -> str:
        return fact.text.split(" ")[0].strip(",:")

    kept = {name(fact) for fact in chart.facts if must_keep(fact, chart)}
    assert kept == {"Complaint", "Active", "Allergy", "Taken", "Recent", "Vital"}
    ranked = [name(f) for f in sorted(chart.facts, key=lambda f: priority(f, chart))]
    assert ranked[0] == "Complaint"
    assert ranked[1] == "Vital"
    assert ranked.index("Taken") < ranked.index("Recent") < ranked.index("Normal")
    assert ranked.index("Old") < ranked.index("Over")
