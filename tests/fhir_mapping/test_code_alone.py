"""Codes without words, answers without their question, comparators that FHIR does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Kind
from fhir_mapping.chart import Code

Make = Callable[..., Any]
ICD = "http://hl7.org/fhir/sid/icd-10"


def names(code: Code) -> str | None:
    return {(ICD, "C34.8"): "Lung cancer"}.get((code.system, code.code))


@pytest.mark.parametrize(
    ("system", "code", "told"),
    [
        (ICD, "C34.8", "ICD-10 C34.8"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "C34.8 G", "ICD-10-GM C34.8"),
        ("http://snomed.info/sct", "254637007", "SNOMED CT 254637007"),
        ("https://fhir.cerner.com/x/codeSet/72", "4711", "code 4711"),
    ],
)
def test_a_code_alone_is_told_with_its_system(
    resource: Make, coded: Make, only: Make, system: str, code: str, told: str
) -> None:
    assert only(resource("Condition", "c", code=coded(code, system=system))).text == told


def test_a_terminology_at_hand_names_it(resource: Make, coded: Make, only: Make) -> None:
    sent = resource("Condition", "c", code=coded("C34.8", system=ICD))
    assert only(sent, names=names).text == "Lung cancer"
    worded = resource("Condition", "c", code=coded("C34.8", "Bronchialkarzinom", ICD))
    assert only(worded, names=names).text == "Bronchialkarzinom"
    other = resource("Condition", "c", code=coded("C34.1", system=ICD))
    assert only(other, names=names).text == "ICD-10 C34.1"


def test_a_visit_does_not_tell_the_code_again(resource: Make, coded: Make, chart_of: Make) -> None:
    condition = resource("Condition", "c", code=coded("C34.8", system=ICD))
    visit = resource(
        "Encounter",
        "e",
        status="in-progress",
        period={"start": "2024-06-15T08:00:00Z"},
        reasonReference=[{"reference": "Condition/c"}],
        diagnosis=[{"condition": {"reference": "Condition/c"}}],
    )
    drug = resource(
        "MedicationRequest",
        "m",
        status="active",
        medicationCodeableConcept={"text": "Cisplatin"},
        reasonReference=[{"reference": "Condition/c"}],
    )
    chart = chart_of(condition, visit, drug)
    assert [f.kind for f in chart.facts if "C34.8" in f.text] == [Kind.PROBLEM]


@pytest.mark.parametrize(
    ("relationship", "told"),
    [
        (
            {
                "coding": [{"system": "https://fhir.cerner.com/x/codeSet/40", "code": "156"}],
                "text": "Father",
            },
            "Father: Gout",
        ),
        (
            {"coding": [{"system": "https://fhir.cerner.com/x/codeSet/40", "code": "156"}]},
            "Relative (code 156): Gout",
        ),
    ],
)
def test_a_relative_by_an_own_code(
    resource: Make, only: Make, relationship: dict[str, Any], told: str
) -> None:
    sent = resource(
        "FamilyMemberHistory",
        "f",
        status="completed",
        relationship=relationship,
        condition=[{"code": {"text": "Gout"}}],
    )
    assert only(sent).text == told


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("<", "CRP <5 mg/L"),
        ("~", "CRP ~ 5 mg/L"),
        ("approx", "CRP approx 5 mg/L"),
        ("ca.", "CRP ca. 5 mg/L"),
        ("x" * 50, "CRP 5 mg/L"),
    ],
)
def test_a_comparator_is_kept_as_it_was_sent(lab: Make, only: Make, sent: str, told: str) -> None:
    made = lab("o", "99999-9", "CRP", 5, "mg/L")
    made["valueQuantity"]["comparator"] = sent
    assert only(made).text == told


@pytest.mark.parametrize(
    ("sent", "told"),
    [("~5", "CRP ~ 5 mg/L"), ("ca. 5", "CRP ca. 5 mg/L"), ("<5", "CRP <5 mg/L"),
     ("\u22645", "CRP <=5 mg/L")],
)  # fmt: skip
def test_a_comparator_within_the_number(lab: Make, only: Make, sent: str, told: str) -> None:
    assert only(lab("o", "99999-9", "CRP", sent, "mg/L")).text == told


NEARLY = {"system": "http://loinc.org", "code": "LA6571-9"}
THOUGHTS = "Thoughts that you would be better off dead, or of hurting yourself in last 2 weeks"


def response(resource: Make, *items: dict[str, Any], **more: Any) -> Any:
    return resource("QuestionnaireResponse", "q", status="completed", item=list(items), **more)


@pytest.mark.parametrize(
    "item",
    [
        {"linkId": "/44260-8"},
        {"linkId": "/44249-1/44260-8"},
        {"linkId": "44260-8"},
        {"linkId": "9", "definition": "http://loinc.org/fhir/DataElement/44260-8"},
    ],
)
def test_a_question_known_by_its_code(resource: Make, only: Make, item: dict[str, Any]) -> None:
    fact = only(response(resource, item | {"answer": [{"valueCoding": NEARLY}]}))
    assert fact.text == f"{THOUGHTS}: Nearly every day"
    assert [code.code for code in fact.codes] == ["44260-8"]
    assert (fact.sources, fact.paths) == (
        ("QuestionnaireResponse/q",),
        ("QuestionnaireResponse/q#answer-1",),
    )


def test_the_chart_names_a_question_elsewhere(resource: Make, lab: Make, chart_of: Make) -> None:
    item = {"linkId": "/99998-1", "answer": [{"valueInteger": 7}]}
    chart = chart_of(lab("o", "99998-1", "Pain score", 3, "{score}"), response(resource, item))
    assert "Pain score: 7" in [f.text for f in chart.facts]


def test_the_questionnaire_itself_names_it(resource: Make, chart_of: Make) -> None:
    asked = {
        "resourceType": "Questionnaire",
        "id": "form",
        "url": "http://example.org/form",
        "item": [{"linkId": "g", "item": [{"linkId": "1", "text": "Any cough?"}]}],
    }
    item = {"linkId": "g", "item": [{"linkId": "1", "answer": [{"valueBoolean": True}]}]}
    sent = response(resource, item, questionnaire="http://example.org/form|1.0")
    assert [f.text for f in chart_of(asked, sent).facts] == ["Any cough? yes"]


def test_an_answer_without_its_question_is_an_omission(resource: Make, chart_of: Make) -> None:
    items = [
        {"linkId": "1", "answer": [{"valueString": "yes"}]},
        {"linkId": "2", "text": "Cough", "answer": [{"valueString": "yes"}]},
    ]
    chart = chart_of(response(resource, *items))
    assert [f.text for f in chart.facts] == ["Cough: yes"]
    assert ("QuestionnaireResponse/q#answer-1", "no-question") in {
        (o.what, o.reason) for o in chart.omissions
    }
    alone = chart_of(response(resource, items[0]))
    left = {o.what: o.reason for o in alone.omissions}
    assert left["QuestionnaireResponse/q#answer-1"] == "no-question"
    assert left["QuestionnaireResponse/q"] == "no-question"
