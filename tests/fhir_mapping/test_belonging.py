"""Results keep what they belong to: organism, whole, side; what was found is no course."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Make = Callable[..., Any]
LOINC = "http://loinc.org"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
EARLIER, LATER = "2024-06-13T08:00:00Z", "2024-06-14T08:00:00Z"


def result(resource: Make, identity: str, when: str, **elements: Any) -> dict[str, Any]:
    category = [{"coding": [{"code": "laboratory"}]}]
    common = {"status": "final", "category": category, "effectiveDateTime": when}
    made: dict[str, Any] = resource("Observation", identity, **{**common, **elements})
    return made


def isolate(resource: Make, identity: str, when: str, name: str, **more: Any) -> dict[str, Any]:
    code = {"coding": [{"system": LOINC, "code": "600-7", "display": "Bacteria identified"}]}
    return result(resource, identity, when, code=code, valueCodeableConcept={"text": name}, **more)


def drug(resource: Make, identity: str, when: str, said: str, **more: Any) -> dict[str, Any]:
    return result(resource, identity, when, **susceptibility(said), **more)


def susceptibility(said: str) -> dict[str, Any]:
    display = "Ciprofloxacin [Susceptibility]"
    return {
        "code": {"coding": [{"system": LOINC, "code": "18906-8", "display": display}]},
        "interpretation": [{"coding": [{"system": INTERPRETATION, "code": said}]}],
    }


def texts(chart: Any) -> list[str]:
    return sorted(fact.text for fact in chart.facts)


TWO = [
    "Bacteria identified: E. coli",
    "Bacteria identified: P. aeruginosa",
    "Ciprofloxacin (E. coli): susceptible",
    "Ciprofloxacin (P. aeruginosa): resistant",
]


def members(*names: str) -> list[dict[str, str]]:
    return [{"reference": name} for name in names]


def test_isolates_in_panels_of_their_own(chart_of: Make, resource: Make) -> None:
    panels = [
        result(resource, f"p{n}", EARLIER, code={"text": f"Isolate {n}"}, hasMember=held)
        for n, held in (
            (1, members("Observation/o1", "Observation/s1")),
            (2, members("Observation/o2", "Observation/s2")),
        )
    ]
    found = [
        isolate(resource, "o1", EARLIER, "E. coli"),
        isolate(resource, "o2", LATER, "P. aeruginosa"),
        drug(resource, "s1", EARLIER, "S"),
        drug(resource, "s2", LATER, "R"),
    ]
    assert texts(chart_of(*panels, *found)) == TWO


def test_isolates_in_reports_of_their_own(chart_of: Make, resource: Make) -> None:
    reports = [
        resource("DiagnosticReport", f"d{n}", status="final", code={"text": "Culture"},
                 result=members(f"Observation/o{n}", f"Observation/s{n}"))
        for n in (1, 2)
    ]  # fmt: skip
    found = [
        isolate(resource, "o1", EARLIER, "E. coli"),
        isolate(resource, "o2", LATER, "P. aeruginosa"),
        drug(resource, "s1", EARLIER, "S"),
        drug(resource, "s2", LATER, "R"),
    ]
    assert texts(chart_of(*reports, *found)) == TWO


def test_isolates_contained_in_a_report(chart_of: Make, resource: Make) -> None:
    contained = [
        isolate(resource, "o1", EARLIER, "E. coli", hasMember=members("#s1")),
        isolate(resource, "o2", EARLIER, "P. aeruginosa", hasMember=members("#s2")),
        drug(resource, "s1", EARLIER, "S"),
        drug(resource, "s2", EARLIER, "R"),
    ]
    report = resource("DiagnosticReport", "d", status="final", code={"text": "Culture"},
                      contained=contained, result=members("#o1", "#o2"))  # fmt: skip
    assert texts(chart_of(report)) == TWO


def test_members_that_contain_each_other_end(chart_of: Make, resource: Make) -> None:
    contained = [
        isolate(resource, "a", EARLIER, "E. coli", hasMember=members("#b")),
        isolate(resource, "b", EARLIER, "E. coli", hasMember=members("#a")),
    ]
    report = resource("DiagnosticReport", "d", status="final", code={"text": "Culture"},
                      contained=contained, result=members("#a"))  # fmt: skip
    assert texts(chart_of(report)) == ["Bacteria identified: E. coli (2 times)"]


def test_susceptibilities_as_components(chart_of: Make, resource: Make) -> None:
    found = [
        isolate(resource, "o1", EARLIER, "E. coli", component=[susceptibility("S")]),
        isolate(resource, "o2", LATER, "P. aeruginosa", component=[susceptibility("R")]),
    ]
    assert texts(chart_of(*found)) == TWO


def test_members_of_stu3(chart_of: Make, resource: Make) -> None:
    def related(name: str) -> list[dict[str, Any]]:
        return [{"type": "has-member", "target": {"reference": name}}]

    found = [
        isolate(resource, "o1", EARLIER, "E. coli", related=related("Observation/s1")),
        isolate(resource, "o2", LATER, "P. aeruginosa", related=related("Observation/s2")),
        drug(resource, "s1", EARLIER, "S"),
        drug(resource, "s2", LATER, "R"),
    ]
    assert texts(chart_of(*found, fhir_version="STU3")) == TWO


def test_susceptibilities_of_unknown_isolates_are_no_course(chart_of: Make, resource: Make) -> None:
    found = [drug(resource, "s1", EARLIER, "S"), drug(resource, "s2", LATER, "R")]
    assert texts(chart_of(*found)) == ["Ciprofloxacin: resistant", "Ciprofloxacin: susceptible"]


def test_other_results_of_a_culture_report_are_not_of_its_organism(
    chart_of: Make, resource: Make, lab: Make
) -> None:
    report = resource("DiagnosticReport", "d", status="final", code={"text": "Urine"},
                      result=members("Observation/o1", "Observation/k"))  # fmt: skip
    found = [isolate(resource, "o1", EARLIER, "E. coli"), lab("k", "1-1", "Leukocytes", 9, "/uL")]
    assert texts(chart_of(report, *found)) == ["Bacteria identified: E. coli", "Leukocytes 9 /uL"]


def test_a_number_of_a_part_keeps_the_name_of_its_whole(chart_of: Make, resource: Make) -> None:
    def kidney(identity: str, when: str, side: str, size: float) -> dict[str, Any]:
        part = {"code": {"text": "Length"}, "valueQuantity": {"value": size, "unit": "cm"}}
        code = {"text": f"Ultrasound {side} kidney"}
        return result(resource, identity, when, code=code, component=[part])

    chart = chart_of(kidney("k1", EARLIER, "right", 7), kidney("k2", LATER, "left", 11))
    assert texts(chart) == ["Ultrasound left kidney: Length 11 cm",
                            "Ultrasound right kidney: Length 7 cm"]  # fmt: skip


def test_a_part_with_a_code_of_its_own_needs_no_other_name(chart_of: Make, resource: Make) -> None:
    part = {"code": {"coding": [{"system": LOINC, "code": "2345-7", "display": "Glucose"}]},
            "valueQuantity": {"value": 90, "unit": "mg/dL"}}  # fmt: skip
    panel = result(resource, "o1", LATER, code={"text": "Panel"}, component=[part])
    assert texts(chart_of(panel)) == ["Glucose 90 mg/dL (usual 70-199)"]


def test_two_places_of_body_structures(chart_of: Make, resource: Make) -> None:
    def pressure(identity: str, when: str, value: int) -> dict[str, Any]:
        return result(resource, identity, when, code={"text": "Eye pressure"},
                      valueQuantity={"value": value, "unit": "mm[Hg]"},
                      bodyStructure={"reference": f"BodyStructure/b-{identity}"})  # fmt: skip

    def eye(identity: str, side: str) -> dict[str, Any]:
        part = {"structure": {"text": "eye"}, "laterality": {"text": side}}
        owner = {"reference": "Patient/p1"}
        return {"resourceType": "BodyStructure", "id": identity, "patient": owner,
                "includedStructure": [part]}  # fmt: skip

    chart = chart_of(pressure("l", EARLIER, 34), pressure("r", LATER, 14), eye("b-l", "left"),
                     eye("b-r", "right"), fhir_version="R5")  # fmt: skip
    assert texts(chart) == ["Eye pressure (left eye) 34 mmHg", "Eye pressure (right eye) 14 mmHg"]


def test_values_that_read_the_same_are_unchanged(only: Make, lab: Make) -> None:
    code, name = "4548-4", "Hemoglobin A1c"
    fact = only(
        lab("o1", code, name, 53, "mmol/mol", EARLIER), lab("o2", code, name, 7, "%", LATER)
    )
    assert fact.text.startswith("Hemoglobin A1c 7 -> 7% over 24 hours, unchanged")


def test_antibiotics_by_their_answers_alone_are_no_course(chart_of: Make, resource: Make) -> None:
    found = [
        result(resource, "s1", EARLIER, code={"text": "Ciprofloxacin"}, valueString="R"),
        result(resource, "s2", LATER, code={"text": "Ciprofloxacin"}, valueString="S"),
    ]
    assert texts(chart_of(*found)) == ["Ciprofloxacin: R", "Ciprofloxacin: S"]
