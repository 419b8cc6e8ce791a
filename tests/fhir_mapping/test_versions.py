"""Which version of FHIR a chart is in: said, or seen by its shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Chart, MappingError
from fhir_mapping.input.dialects import VERSIONS, dialect, version_named

Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("4.0.1", "R4"),
        ("R4", "R4"),
        (" r4 ", "R4"),
        ("4.3.0", "R4B"),
        ("4.1.0", "R4B"),
        ("R4B", "R4B"),
        ("5.0.0", "R5"),
        ("5.0.0-ballot", "R5"),
        ("4.6.0", "R5"),
        ("3.0.2", "STU3"),
        ("STU3", "STU3"),
    ],
)
def test_a_version_that_was_said_is_used(chart_of: Make, said: str, version: str) -> None:
    chart: Chart = chart_of(fhir_version=said)
    assert chart.fhir_version == version


@pytest.mark.parametrize("said", ["1.0.2", "DSTU2", "0.5.0", "banana", "2"])
def test_other_versions_are_refused(chart_of: Make, said: str) -> None:
    with pytest.raises(MappingError) as caught:
        chart_of(fhir_version=said)
    assert caught.value.code == "unsupported-fhir-version"
    assert caught.value.where == "fhirVersion"
    assert "banana" not in caught.value.diagnostics()


def test_dstu2_is_refused_by_its_shape(chart_of: Make, resource: Make) -> None:
    with pytest.raises(MappingError, match="DSTU2"):
        chart_of(
            resource("MedicationOrder", "m1", medicationCodeableConcept={"text": "x"}),
            {"resourceType": "Condition", "id": "c", "patient": {"reference": "Patient/p1"}},
        )


@pytest.mark.parametrize(
    ("kind", "element"),
    [
        ("MedicationRequest", "dosageInstruction"),
        ("MedicationDispense", "dosageInstruction"),
        ("MedicationStatement", "dosage"),
    ],
)
def test_where_a_dose_stands_tells_the_version(
    chart_of: Make, resource: Make, kind: str, element: str
) -> None:
    drug = {"medicationCodeableConcept": {"text": "Ibuprofen"}}
    dose = {"doseQuantity": {"value": 400, "unit": "mg"}}
    old: Chart = chart_of(resource(kind, "m", **drug, **{element: [dose]}))
    new: Chart = chart_of(resource(kind, "m", **drug, **{element: [{"doseAndRate": [dose]}]}))
    assert (old.fhir_version, new.fhir_version) == ("STU3", "R4")
    assert "400 mg" in old.facts[0].text
    assert old.facts == new.facts


def test_one_odd_resource_does_not_decide(chart_of: Make, resource: Make, lab: Make) -> None:
    results = [
        lab(f"o{n}", "1-1", "T", n, "g/L", encounter={"reference": "Encounter/e"}) for n in range(3)
    ]
    chart: Chart = chart_of(resource("MedicationOrder", "m1"), *results)
    assert chart.fhir_version == "R4"
    assert {o.what: o.reason for o in chart.omissions}["MedicationOrder/m1"] == "unsupported-type"


def test_without_any_sign_it_is_r4(chart_of: Make) -> None:
    assert chart_of().fhir_version == "R4"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dialect_tries_its_own_names_first_and_then_the_others(version: str) -> None:
    own = {
        "R4": "recordedDate",
        "R4B": "recordedDate",
        "R5": "recordedDate",
        "STU3": "assertedDate",
    }
    names = dialect(version).condition_recorded
    assert names[0] == own[version]
    assert set(names) == {"recordedDate", "assertedDate"}
    assert version_named(version) == version
