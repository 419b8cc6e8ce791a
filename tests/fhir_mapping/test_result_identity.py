"""What belongs together stays together, and what is two things is never one course."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mapping import Chart, Flag, Polarity, map_chart

Make = Callable[..., Any]
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1971-03-02"}
LOINC = "http://loinc.org"
HL7 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
LAB = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                   "code": "laboratory"}]}  # fmt: skip


def observation(name: str, code: str, display: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "category": [LAB],
        "code": {"coding": [{"system": LOINC, "code": code, "display": display}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-11-27T08:00:00Z",
        **more,
    }


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def glucose(name: str, value: float, **more: Any) -> dict[str, Any]:
    return observation(name, "2339-0", "Glucose", valueQuantity=quantity(value, "mg/dL"), **more)


def chart_of(*resources: dict[str, Any]) -> Chart:
    return map_chart([PATIENT, *resources], patient_id="p1", now=NOW)


def texts(*resources: dict[str, Any]) -> list[str]:
    return sorted(fact.text for fact in chart_of(*resources).facts)


def specimen(name: str, words: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Specimen", "id": name, "subject": {"reference": "Patient/p1"},
            "type": {"text": words}, **more}  # fmt: skip


# --- specimen ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("Cerebrospinal fluid", "Glucose (Cerebrospinal fluid) 40 mg/dL"),
        ("Pleural fluid specimen (specimen)", "Glucose (Pleural fluid) 40 mg/dL"),
        ("Urine", "Glucose (Urine) 40 mg/dL"),
        ("Serum", "Glucose 40 mg/dL (usual 70-199) low"),
        ("Venous blood specimen", "Glucose 40 mg/dL (usual 70-199) low"),
        ("Venöses Blut", "Glucose 40 mg/dL (usual 70-199) low"),
        ("Tube 4711", "Glucose 40 mg/dL (usual 70-199) low"),
    ],
)
def test_a_specimen_is_told_unless_it_is_the_usual_one(words: str, told: str) -> None:
    by_reference = glucose("o1", 40, specimen={"reference": "Specimen/s1"})
    assert texts(by_reference, specimen("s1", words)) == [told]
    assert texts(glucose("o1", 40, specimen={"display": words})) == [told]
    held = glucose("o1", 40, specimen={"reference": "#s1"}, contained=[specimen("s1", words)])
    assert texts(held) == [told]


def test_two_specimens_are_no_course() -> None:
    one = glucose("o1", 60, specimen={"display": "Cerebrospinal fluid"})
    other = glucose("o2", 99, effectiveDateTime="2026-11-20T08:00:00Z")
    assert texts(one, other) == ["Glucose (Cerebrospinal fluid) 60 mg/dL",
                                 "Glucose 99 mg/dL (usual 70-199)"]  # fmt: skip


def test_a_specimens_site_is_told() -> None:
    swab = specimen("s1", "Swab", collection={"bodySite": {"text": "Left ear"}})
    assert texts(glucose("o1", 40, specimen={"reference": "Specimen/s1"}), swab) == [
        "Glucose (Swab, Left ear) 40 mg/dL"
    ]


# --- method, site, instant --------------------------------------------------------------------


def test_two_methods_are_no_course() -> None:
    one = glucose("o1", 80, method={"text": "Test strip"})
    other = glucose("o2", 99, effectiveDateTime="2026-11-20T08:00:00Z")
    assert len(texts(one, other)) == 2


@pytest.mark.parametrize(
    ("first", "second", "facts"),
    [("2026-11-27T08:00:00Z", "2026-11-27T08:00:00Z", 2),
     ("2026-11-27T08:00:00Z", "2026-11-27T08:00:01Z", 1)],
)  # fmt: skip
def test_values_of_one_instant_are_no_trend(first: str, second: str, facts: int) -> None:
    told = texts(glucose("o1", 98, effectiveDateTime=first),
                 glucose("o2", 250, effectiveDateTime=second))  # fmt: skip
    assert len(told) == facts
    assert any("->" in text for text in told) is (facts == 1)


def test_the_same_value_twice_at_one_instant_is_one_fact() -> None:
    chart = chart_of(glucose("o1", 98), glucose("o2", 98))
    [fact] = chart.facts
    assert set(fact.sources) == {"Observation/o1", "Observation/o2"}


def test_a_course_goes_on_past_an_instant_with_two_values() -> None:
    told = texts(
        glucose("o1", 90, effectiveDateTime="2026-11-20T08:00:00Z"),
        glucose("o2", 98), glucose("o3", 250),
        glucose("o4", 120, effectiveDateTime="2026-11-28T08:00:00Z"),
    )  # fmt: skip
    assert len(told) == 2
    assert sum("->" in text for text in told) == 1


# --- members and components -------------------------------------------------------------------


def culture(name: str, organism: str, *members: str) -> dict[str, Any]:
    return observation(name, "600-7", "Bacteria identified in Blood by Culture",
                       valueCodeableConcept={"text": organism},
                       hasMember=[{"reference": f"Observation/{m}"} for m in members])  # fmt: skip


def susceptibility(name: str, result: str, **more: Any) -> dict[str, Any]:
    told = [{"coding": [{"system": HL7, "code": result}]}]
    name_of_test = "Ciprofloxacin [Susceptibility]"
    return observation(name, "18906-8", name_of_test, interpretation=told, **more)


def test_each_antibiotic_belongs_to_its_organism() -> None:
    cultures = (
        culture("c1", "Escherichia coli", "s1"),
        culture("c2", "Pseudomonas aeruginosa", "s2"),
    )
    told = texts(*cultures, susceptibility("s1", "S"), susceptibility("s2", "R"))
    assert told[2:] == ["Ciprofloxacin (Escherichia coli): susceptible",
                        "Ciprofloxacin (Pseudomonas aeruginosa): resistant"]  # fmt: skip


def test_an_antibiotic_belongs_to_the_organism_above_its_panel_or_that_it_is_derived_from() -> None:
    panel = observation("p", "29576-6", "Susceptibility panel",
                        hasMember=[{"reference": "Observation/s1"}])  # fmt: skip
    told = texts(culture("c1", "Escherichia coli", "p"), panel, susceptibility("s1", "S"))
    assert "Ciprofloxacin (Escherichia coli): susceptible" in told
    derived = susceptibility("s1", "R", derivedFrom=[{"reference": "Observation/c1"}])
    assert "Ciprofloxacin (Escherichia coli): resistant" in texts(
        culture("c1", "Escherichia coli"), derived
    )


def test_the_members_of_a_score_are_not_named_by_its_value() -> None:
    score = observation("a", "9274-2", "Apgar score", valueString="good",
                        hasMember=[{"reference": "Observation/o1"}])  # fmt: skip
    assert "Glucose 98 mg/dL (usual 70-199)" in texts(score, glucose("o1", 98))


def component(code: str, display: str, system: str = LOINC, **value: Any) -> dict[str, Any]:
    return {"code": {"coding": [{"system": system, "code": code, "display": display}]}, **value}


def test_a_component_in_words_keeps_the_name_of_its_observation() -> None:
    variant = observation("v", "69548-6", "Genetic variant assessment", component=[
        component("48018-6", "Gene studied", valueCodeableConcept={"text": "BRCA1"})])  # fmt: skip
    assert texts(variant) == ["Genetic variant assessment: Gene studied: BRCA1"]


@pytest.mark.parametrize(
    ("code", "display", "polarity"),
    [("LA9633-4", "Present", Polarity.PRESENT), ("LA9634-2", "Absent", Polarity.ABSENT)],
)
def test_a_component_that_asks_for_presence_is_told_as_its_observation(
    code: str, display: str, polarity: Polarity
) -> None:
    answer = {"coding": [{"system": LOINC, "code": code, "display": display}]}
    finding = observation("o", "x", "Ectopia lentis", component=[
        component("260411009", "Presence findings", "http://snomed.info/sct",
                  valueCodeableConcept=answer)])  # fmt: skip
    [fact] = chart_of(finding).facts
    assert (fact.text, fact.polarity) == (f"Ectopia lentis: {display}", polarity)


def test_a_number_under_a_code_of_its_own_needs_no_other_name() -> None:
    panel = observation("o", "24323-8", "Metabolic panel", component=[
        component("2339-0", "Glucose", valueQuantity=quantity(98, "mg/dL"))])  # fmt: skip
    assert texts(panel) == ["Glucose 98 mg/dL (usual 70-199)"]


# --- interpretations and categories by their system -------------------------------------------


@pytest.mark.parametrize(
    ("system", "code", "display", "flag", "text"),
    [
        (HL7, "W", "", None, "KRAS: worse"),
        ("https://example.org/mutation-state", "W", "Wild type", None, "KRAS: Wild type"),
        ("https://example.org/states", "H", "Hemolysed", None, "KRAS: Hemolysed"),
        (HL7, "POS", "Positive", None, "KRAS: positive"),
        ("", "POS", "", None, "KRAS: positive"),
    ],
)
def test_an_interpretation_means_what_its_system_says(
    system: str, code: str, display: str, flag: Flag | None, text: str
) -> None:
    coding = {"code": code} | ({"system": system} if system else {})
    coding |= {"display": display} if display else {}
    [fact] = chart_of(observation("o", "21717-0", "KRAS",
                                  interpretation=[{"coding": [coding]}])).facts  # fmt: skip
    assert (fact.flag, fact.text) == (flag, text)


def test_a_code_of_no_system_that_means_several_things_says_nothing() -> None:
    sent = observation("o", "21717-0", "KRAS", interpretation=[{"coding": [{"code": "W"}]}])
    assert chart_of(sent).facts == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Mild depression (5-9)", "PHQ-9 8 (Mild depression (5-9)) low"),
        ("Low", "PHQ-9 8 low"),
        ("L", "PHQ-9 8 low"),
        ("niedrig", "PHQ-9 8 low"),
    ],
)
def test_the_text_of_an_interpretation_is_told_unless_it_repeats_the_flag(
    text: str, told: str
) -> None:
    low = [{"coding": [{"system": HL7, "code": "L"}], "text": text}]
    score = quantity(8, "{score}")
    sent = observation("o", "44261-6", "PHQ-9", valueQuantity=score, interpretation=low)
    assert texts(sent) == [told]


@pytest.mark.parametrize(
    ("system", "code", "kind"),
    [
        ("http://terminology.hl7.org/CodeSystem/v2-0074", "HM", "lab"),
        ("urn:local", "HM", "observation"),
        ("urn:local", "laboratory", "lab"),
        ("", "HM", "lab"),
    ],
)
def test_a_category_counts_by_its_system(system: str, code: str, kind: str) -> None:
    coding = {"code": code} | ({"system": system} if system else {})
    sent = observation("o", "x-1", "Something", valueString="seen",
                       category=[{"coding": [coding]}])  # fmt: skip
    assert [fact.kind for fact in chart_of(sent).facts] == [kind]


# --- focus, and observables without a value ---------------------------------------------------


@pytest.mark.parametrize(
    ("focus", "told"),
    [
        ({"reference": "Condition/ca"}, True),
        ({"reference": "Procedure/x"}, True),
        ({"reference": "Patient/p1"}, True),
        ({"type": "BodyStructure", "display": "Left breast"}, True),
        ({"reference": "Specimen/mine"}, True),
        ({"reference": "Patient/p2"}, False),
        ({"reference": "RelatedPerson/r1"}, False),
        ({"reference": "Device/pump"}, False),
        ({"reference": "Specimen/donor"}, False),
        ({"display": "the fetus"}, False),
        ({"reference": "urn:uuid:77"}, False),
    ],
)
def test_a_focus_leaves_out_what_is_of_another(focus: dict[str, Any], told: bool) -> None:
    donor = {**specimen("donor", "Serum"), "subject": {"reference": "Patient/p2"}}
    chart = chart_of(specimen("mine", "Serum"), donor, glucose("o1", 98, focus=[focus]))
    assert bool(chart.facts) is told
    left = {o.what: o.reason for o in chart.omissions}
    assert ("Observation/o1" in left) is not told


@pytest.mark.parametrize(
    ("display", "told"),
    [
        ("Illicit drug use", False),
        ("Serum potassium level", False),
        ("Body weight (observable entity)", False),
        ("Blood glucose measurement (procedure)", False),
        ("Chest pain", True),
        ("Homeless (finding)", True),
        ("Unilateral weakness", True),
    ],
)
def test_a_snomed_observable_without_value_is_no_finding(display: str, told: bool) -> None:
    sent = observation("o", "1", display)
    sent["code"]["coding"][0]["system"] = "http://snomed.info/sct"
    assert bool(chart_of(sent).facts) is told
