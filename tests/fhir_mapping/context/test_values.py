"""No, in every way that a sender writes it; and what only looks like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping import Certainty, Code, Experiencer, Kind, Polarity
from fhir_mapping.context import polarity_of_codes, polarity_of_text

Make = Callable[..., Any]
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
YES_NO = "http://terminology.hl7.org/CodeSystem/v2-0136"
LOCAL = "http://lab.example/answers"
ABSENT, PRESENT, UNKNOWN = Polarity.ABSENT, Polarity.PRESENT, Polarity.UNKNOWN


def concept(code: str = "", system: str = "", text: str = "", display: str = "") -> dict[str, Any]:
    coding = {k: v for k, v in (("code", code), ("system", system), ("display", display)) if v}
    made: dict[str, Any] = {"coding": [coding]} if coding else {}
    return {"valueCodeableConcept": {**made, **({"text": text} if text else {})}}


VALUES = [
    ({"valueBoolean": False}, ABSENT),
    ({"valueBoolean": True}, PRESENT),
    *(
        ({"valueString": text}, ABSENT)
        for text in (
            "absent", "No", "NO.", "None", "Negative", "Not present", "denies", "nil", "neg", "-",
            "(-)", "Not detected", "No growth", "No growth after 5 days", "None seen", "never",
            "Patient denies", "No, not today", "No (asked twice)", "not at all", "nein", "keine",
            "verneint", "non", "absente", "aucune", "Negative for influenza",
        )
    ),
    *(
        ({"valueString": text}, PRESENT)
        for text in (
            "Yes", "present", "mild", "No. 5", "no murmurs", "2+", "No change", "not improved",
            "nonspecific", "Negative at first, then positive", "Nottingham", "Normal",
        )
    ),
    *(
        ({"valueString": text}, UNKNOWN)
        for text in ("unknown", "Not done", "declined", "n", "unbekannt", "equivocal")
    ),
    (concept(text="Absent"), ABSENT),
    *(
        (concept(code, system), ABSENT)
        for code, system in (
            ("2667000", SNOMED), ("260415000", SNOMED), ("373067005", SNOMED),
            ("260413007", SNOMED), ("260385009", SNOMED), ("LA32-8", LOINC), ("N", YES_NO),
        )
    ),
    *(
        (concept(code, system), PRESENT)
        for code, system in (
            ("10828004", SNOMED), ("373066001", SNOMED), ("LA33-6", LOINC), ("Y", YES_NO),
            ("N", LOCAL), ("ND", LOCAL), ("NEG", LOCAL), ("N", ""),
        )
    ),
    (concept("x", LOCAL, display="Negative"), ABSENT),
    (concept("ND", LOCAL, display="Not done"), UNKNOWN),
    (concept("261665006", SNOMED), UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("value", "polarity"), VALUES, ids=str)
def test_a_value_a_component_and_an_answer_are_read_alike(
    only: Make, chart_of: Make, resource: Make, value: dict[str, Any], polarity: Polarity
) -> None:
    code = {"text": "Facial droop"}
    assert only(resource("Observation", "o1", code=code, **value)).polarity is polarity
    panel = resource(
        "Observation", "o1", code={"text": "Exam"}, component=[{"code": code, **value}]
    )
    assert only(panel).polarity is polarity
    answer = {k.replace("CodeableConcept", "Coding"): v for k, v in value.items()}
    if "valueCoding" in answer:
        sent = answer["valueCoding"]
        answer["valueCoding"] = sent.get("coding", [{"display": sent.get("text")}])[0]
    item = {"linkId": "1", "text": "Facial droop", "answer": [answer]}
    (fact,) = chart_of(resource("QuestionnaireResponse", "q1", item=[item])).facts
    assert fact.polarity is polarity


def test_a_value_that_names_the_thing_again(only: Make, resource: Make) -> None:
    droop = {"code": {"text": "Facial droop"}}
    said = resource("Observation", "o1", **droop, valueString="No facial droop seen")
    assert only(said).polarity is ABSENT
    said = resource("Observation", "o1", **droop, valueString="No arm weakness")
    assert only(said).polarity is PRESENT


def test_no_denial_denied_twice(only: Make, resource: Make) -> None:
    said = resource("Observation", "o1", code={"text": "No fever"}, valueBoolean=False)
    assert only(said).polarity is UNKNOWN
    said = resource("Observation", "o1", code={"text": "No fever"}, valueBoolean=True)
    assert only(said).polarity is ABSENT


def test_several_answers_are_absent_only_together(chart_of: Make, resource: Make) -> None:
    def polarity(*answers: dict[str, Any]) -> Polarity:
        item = {"linkId": "1", "text": "Rash", "answer": list(answers)}
        (fact,) = chart_of(resource("QuestionnaireResponse", "q1", item=[item])).facts
        return Polarity(fact.polarity)

    no, yes, some = {"valueBoolean": False}, {"valueBoolean": True}, {"valueInteger": 3}
    assert polarity(no, no) is ABSENT
    assert polarity(no, yes) is PRESENT
    assert polarity(no, some) is PRESENT


def test_what_is_only_suspected_says_so(only: Make, resource: Make) -> None:
    fact = only(resource("Observation", "o1", code={"text": "Seizure"}, valueString="possible"))
    assert (fact.polarity, fact.certainty) == (PRESENT, Certainty.UNCERTAIN)
    fact = only(resource("Condition", "c1", code={"text": "Suspected stroke"}))
    assert (fact.polarity, fact.certainty) == (UNKNOWN, Certainty.UNCERTAIN)
    unsure = {"coding": [{"code": "provisional"}]}
    fact = only(resource("Condition", "c1", code={"text": "Stroke"}, verificationStatus=unsure))
    assert (fact.polarity, fact.certainty) == (UNKNOWN, Certainty.UNCERTAIN)


def test_whose_it_is(only: Make, resource: Make) -> None:
    fact = only(resource("Condition", "c1", code={"text": "Father had a stroke"}))
    assert (fact.kind, fact.experiencer) == (Kind.PROBLEM, Experiencer.FAMILY)
    coding = [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "Z82.3"}]
    fact = only(resource("Condition", "c1", code={"coding": coding, "text": "Hx stroke"}))
    assert fact.experiencer is Experiencer.FAMILY
    fact = only(resource("Condition", "c1", code={"text": "Exposure to tuberculosis"}))
    assert fact.experiencer is Experiencer.PATIENT


@pytest.mark.parametrize(
    ("name", "polarity"),
    [
        ("No diabetes", Polarity.REFUTED),
        ("No known problems", ABSENT),
        ("Diabetes without complication", PRESENT),
        ("Absence of kidney", PRESENT),
        ("Absence seizure", PRESENT),
        ("Gram-negative sepsis", PRESENT),
        ("Do not resuscitate", PRESENT),
    ],
)
def test_the_name_of_a_problem_is_a_statement(
    only: Make, resource: Make, name: str, polarity: Polarity
) -> None:
    assert only(resource("Condition", "c1", code={"text": name})).polarity is polarity


@given(st.text(max_size=200))
def test_any_text_is_an_answer_or_none(text: str) -> None:
    assert polarity_of_text(text) in (ABSENT, PRESENT, UNKNOWN, None)


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_code_of_no_known_system_is_no_answer(system: str, code: str) -> None:
    assert polarity_of_codes([Code(f"urn:x:{system}", code)]) is None
    assert polarity_of_codes([Code(f"urn:x:{system}", "NEG")], interpretation=True) is None
