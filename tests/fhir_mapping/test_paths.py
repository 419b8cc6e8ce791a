"""A fact that came from a part of a resource names the part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Make = Callable[..., Any]


def test_components_conditions_and_texts_name_their_part(
    resource: Make, coded: Make, chart_of: Make
) -> None:
    seen = resource(
        "Observation",
        "o",
        code=coded("1", "Exam"),
        component=[
            {"code": {"text": "Rash"}, "valueString": "on the arm"},
            {"code": {"text": "Cough"}, "valueString": "dry"},
        ],
    )
    father = resource(
        "FamilyMemberHistory",
        "f",
        status="completed",
        relationship={"text": "Father"},
        condition=[{"code": {"text": "Gout"}}],
    )
    texts = [
        {"attachment": {"contentType": "text/plain", "data": data}}
        for data in ("Q291Z2ggc2luY2UgTW9uZGF5Lg==", "RmV2ZXIgc2luY2UgVHVlc2RheS4=")
    ]
    note = resource("DocumentReference", "d", status="current", content=texts)
    whole = resource("Condition", "c", code={"text": "Asthma"})
    facts = chart_of(seen, father, note, whole).facts
    paths = {fact.sources[0]: set() for fact in facts}
    for fact in facts:
        paths[fact.sources[0]].update(fact.paths)
    assert paths == {
        "Observation/o": {"Observation/o#component-1", "Observation/o#component-2"},
        "FamilyMemberHistory/f": {"FamilyMemberHistory/f#condition-1"},
        "DocumentReference/d": {"DocumentReference/d#content-1", "DocumentReference/d#content-2"},
        "Condition/c": set(),
    }


def test_a_contained_result_names_its_place(resource: Make, only: Make) -> None:
    inner = {
        "resourceType": "Observation",
        "id": "na",
        "status": "final",
        "code": {"text": "Sodium"},
        "valueQuantity": {"value": 140, "unit": "mmol/L"},
    }
    sent = resource(
        "DiagnosticReport",
        "r",
        code={"text": "Panel"},
        contained=[inner],
        result=[{"reference": "#na"}],
    )
    fact = only(sent)
    assert (fact.sources, fact.paths) == (("DiagnosticReport/r",), ("DiagnosticReport/r#na",))


def test_a_blood_pressure_names_both_components(resource: Make, coded: Make, only: Make) -> None:
    loinc = "http://loinc.org"
    parts = [
        {"code": coded(code, "x", loinc), "valueQuantity": {"value": value, "unit": "mmHg"}}
        for code, value in (("8480-6", 142), ("8462-4", 91))
    ]
    fact = only(resource("Observation", "o", code=coded("85354-9", "BP", loinc), component=parts))
    assert fact.sources == ("Observation/o",)
    assert fact.paths == ("Observation/o#component-1", "Observation/o#component-2")


def test_a_complaint_names_its_reason(resource: Make, chart_of: Make) -> None:
    visit = resource("Encounter", "e", status="in-progress",
                     period={"start": "2024-06-15T08:00:00Z"},
                     reasonCode=[{"text": "Fever"}, {"text": "Cough"}])  # fmt: skip
    told = {f.text: f.paths for f in chart_of(visit).facts if f.paths}
    assert told == {"Fever": ("Encounter/e#reason-1",), "Cough": ("Encounter/e#reason-2",)}
