"""What servers really send though FHIR forbids it: each is read, or left out for a reason."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Chart, Fact, Flag

Make = Callable[..., Any]

LAB = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "subject": {"reference": "Patient/p1"},
    "category": [{"coding": [{"code": "laboratory"}]}],
    "code": {"coding": [{"system": "http://loinc.org", "code": "2951-2", "display": "Sodium"}]},
    "effectiveDateTime": "2024-06-14T12:00:00Z",
    "valueQuantity": {
        "value": 129,
        "unit": "mmol/L",
        "system": "http://unitsofmeasure.org",
        "code": "mmol/L",
    },
}
TEXT = "Sodium 129 mmol/L (usual 136-145) low"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"zork": {"deep": [1]}}, id="unknown element"),
        pytest.param({"id": "o_1_x"}, id="id with underscores"),
        pytest.param({"id": 4711}, id="id that is a number"),
        pytest.param({"id": "x" * 80}, id="id of 80 characters"),
        pytest.param({"id": None}, id="no id"),
        pytest.param({"status": "final "}, id="trailing blank in a code"),
        pytest.param({"status": "done"}, id="code outside its value set"),
        pytest.param({"status": None}, id="no status"),
        pytest.param({"subject": {"reference": 5}}, id="reference that is a number"),
        pytest.param({"subject": None}, id="no subject"),
        pytest.param({"meta": {"versionId": 3}}, id="versionId that is a number"),
        pytest.param({"category": {"coding": {"code": "laboratory"}}}, id="object for a list"),
        pytest.param({"category": ["", None, {"coding": [{"code": "laboratory"}]}]}, id="blanks"),
        pytest.param({"valueQuantity": {**LAB["valueQuantity"], "value": "129"}}, id="string"),
        pytest.param({"valueQuantity": {**LAB["valueQuantity"], "value": 129.0}}, id="129.0"),
        pytest.param({"valueString": "ignored"}, id="two value[x]"),
        pytest.param({"interpretation": None, "note": [], "component": []}, id="null and []"),
        pytest.param({"context": {"reference": "Encounter/e"}}, id="STU3 element in R4"),
        pytest.param({"triggeredBy": [{"type": "reflex"}]}, id="R5 element in R4"),
        pytest.param({"contained": [{"resourceType": "ZorkType"}]}, id="unknown type contained"),
        pytest.param({"text": {"div": "<div><p>unclosed"}}, id="bad xhtml"),
        pytest.param({"extension": [{"url": "http://x", "valueString": "y"}]}, id="extension"),
        pytest.param(
            {"code": {"coding": [{**LAB["code"]["coding"][0], "isUserSelected": True}]}},
            id="isUserSelected",
        ),
        pytest.param(
            {"code": {"coding": [{**LAB["code"]["coding"][0], "display": "Sod\x00\u200bium\n"}]}},
            id="control characters",
        ),
    ],
)
def test_a_result_is_read_all_the_same(only: Make, change: dict[str, Any]) -> None:
    fact: Fact = only({**LAB, **change}, fhir_version="R4")
    assert fact.text == TEXT
    assert fact.days_ago == 1
    assert fact.flag is Flag.LOW


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("2024-06-14T12:00:00+00:00", 1),
        ("2024-06-14T12:00:00+0000", 1),
        ("2024-06-14T12:00:00", 1),
        ("2024-06-14T12:00Z", 1),
        ("2024-06-14 12:00:00Z", 1),
        ("2024-06-14T12: 00: 00.000Z", 1),
        ("2024-06-14T12:00:00.123456789Z", 1),
        ("2024-06-14T14:00:00+02:00", 1),
        ("2024-06-14", 1),
        (" 2024-06-14 ", 1),
        ("2024-06", 0),
        ("2024-05", 31),
        ("2024", 0),
        ("2023", 350),
        ("14/06/2024", None),
        ("2024-W24", None),
        ("2024-13-45", None),
        ("yesterday", None),
        ("", None),
        (20240614, None),
        ({"start": "2024-06-14"}, 1),
        ([], None),
    ],
)
def test_dates_are_read_as_far_as_they_can_be(only: Make, written: Any, days: int | None) -> None:
    fact: Fact = only({**LAB, "effectiveDateTime": written})
    assert fact.text == TEXT
    if days is None:
        assert fact.days_ago is None
    else:
        assert fact.days_ago == pytest.approx(days, abs=0.001)


@pytest.mark.parametrize(
    ("born", "age"),
    [
        ("1964-06-15", "60 years old"),
        ("1964", "59 years old"),
        ("1964-06-15T00:00:00Z", "60 years old"),
        ("03/02/1950", "age not recorded"),
        ("", "age not recorded"),
        ("2031-01-01", "age not recorded"),
        ("1800-01-01", "age not recorded"),
        (19640615, "age not recorded"),
        (None, "age not recorded"),
    ],
)
def test_a_birth_date_is_an_age_or_not_recorded(chart_of: Make, born: Any, age: str) -> None:
    who = {"resourceType": "Patient", "id": "x", "birthDate": born}
    assert chart_of(who, patient_id="x").patient.age_text == age


@pytest.mark.parametrize(
    ("sent", "sex"),
    [("female", "female"), ("M", "male"), ("F", "female"), ("zork", None), (5, None)],
)
def test_recorded_sex_is_read_tolerantly(chart_of: Make, sent: Any, sex: str | None) -> None:
    who = {"resourceType": "Patient", "id": "x", "gender": sent}
    assert chart_of(who, patient_id="x").patient.recorded_sex == sex


def test_a_decimal_with_a_comparator_is_understood(only: Make) -> None:
    value = {**LAB["valueQuantity"], "value": "<5"}
    fact: Fact = only({**LAB, "valueQuantity": value})
    assert (fact.value, fact.comparator, fact.flag) == (5, "<", Flag.LOW)


@pytest.mark.parametrize("missing", ["code", "valueQuantity"])
def test_without_what_it_is_about_a_result_says_little(
    chart_of: Make, accounted: Make, missing: str
) -> None:
    chart: Chart = chart_of({k: v for k, v in LAB.items() if k != missing})
    assert "Observation/o1" in accounted(chart)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({"resourceType": "Observatoin", "id": "x"}, "unsupported-type"),
        ({"resourceType": "MedicationRequest", "id": "x", "status": "active"}, "no-medication"),
        ({"resourceType": "Procedure", "id": "x"}, "no-code"),
        ({"resourceType": "DocumentReference", "id": "x"}, "attachment-empty"),
        ({"resourceType": "Condition", "id": "x", "code": []}, "no-code"),
        ({"resourceType": "Condition", "id": "x", "code": {"coding": [{}]}}, "no-code"),
        (
            {"resourceType": "Condition", "id": "x", "verificationStatus": "entered-in-error "},
            "entered-in-error",
        ),
    ],
)
def test_what_cannot_be_told_has_a_reason(
    chart_of: Make, sent: dict[str, Any], reason: str
) -> None:
    chart: Chart = chart_of({**sent, "subject": {"reference": "Patient/p1"}})
    found = {o.what: o.reason for o in chart.omissions}
    assert found[f"{sent['resourceType']}/x"] == reason


def test_an_entry_without_resource_type_is_recorded(chart_of: Make) -> None:
    chart: Chart = chart_of({"id": "x"}, {"resourceType": 5}, LAB)
    assert [o.reason for o in chart.omissions].count("not-a-resource") == 2
    assert [fact.text for fact in chart.facts] == [TEXT]


def test_an_encounter_without_class_and_an_immunization_without_time_are_read(
    chart_of: Make, resource: Make
) -> None:
    chart: Chart = chart_of(
        resource("Encounter", "e", status="finished", type=[{"text": "Visit"}]),
        resource("Immunization", "i", status="completed", vaccineCode={"text": "Tetanus"}),
    )
    assert [fact.text for fact in chart.facts] == ["Visit", "Tetanus"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (base64.encodebytes(b"Cough since " + b"Monday " * 20).decode(), None),
        ("!!!", "attachment-broken"),
    ],
)
def test_base64_with_line_ends_is_read_and_broken_base64_is_not(
    chart_of: Make, resource: Make, data: str, reason: str | None
) -> None:
    attachment = {"contentType": "text/plain", "data": data}
    chart: Chart = chart_of(
        resource("DocumentReference", "d", content=[{"attachment": attachment}])
    )
    if reason is None:
        assert chart.facts[0].text.startswith("Document: Cough since Monday")
    else:
        assert {o.what: o.reason for o in chart.omissions}["DocumentReference/d"] == reason


def test_versions_of_one_resource_count_once(chart_of: Make) -> None:
    newer = {
        **LAB,
        "meta": {"lastUpdated": "2024-06-14T13:00:00Z"},
        "valueQuantity": {**LAB["valueQuantity"], "value": 140},
    }
    older = {**LAB, "meta": {"lastUpdated": "2024-06-14T12:30:00Z"}}
    for order in ((newer, older), (older, newer), (newer, older, newer)):
        chart: Chart = chart_of(*order)
        assert [fact.value for fact in chart.facts] == [140]
        assert {o.what: o.reason for o in chart.omissions}["Observation/o1"] == "older-version"


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p1",
        "http://server.example.org/fhir/Patient/p1",
        "Patient/p1/_history/2",
        "urn:uuid:p1",
        "p1",
    ],
)
def test_the_patient_is_known_by_every_form_of_reference(only: Make, reference: str) -> None:
    assert only({**LAB, "subject": {"reference": reference}}).text == TEXT


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/p2",
        "Patient/p11",
        "Group/p1",
        "http://server.example.org/fhir/Patient/p2",
        "urn:uuid:p2",
        "#p1",
    ],
)
def test_another_patients_result_is_refused(reasons: Make, reference: str) -> None:
    assert reasons({**LAB, "subject": {"reference": reference}}) == {
        "Observation/o1": "other-patient"
    }


@pytest.mark.parametrize("kind", ["Device", "Medication", "Substance", "Binary", "Observation"])
def test_what_is_anothers_is_refused_whatever_it_is(chart_of: Make, kind: str) -> None:
    theirs = {"resourceType": kind, "id": "x", "patient": {"reference": "Patient/p2"},
              "type": {"text": "Pacemaker"}, "code": {"text": "Pacemaker"}}  # fmt: skip
    chart: Chart = chart_of(theirs)
    assert not chart.facts
    assert {o.what: o.reason for o in chart.omissions}[f"{kind}/x"] == "other-patient"


@pytest.mark.parametrize(("value", "mine"), [("MRN-0047110815", True), ("MRN-1", False)])
def test_a_reference_by_identifier_is_followed(chart_of: Make, value: str, mine: bool) -> None:
    chart: Chart = chart_of({**LAB, "subject": {"identifier": {"value": value}}})
    assert bool(chart.facts) is mine


@pytest.mark.parametrize(
    ("limits", "shown"),
    [
        ((140, 120), "(usual 136-145) low"),
        ((0, 0), "(usual 136-145) low"),
        ((120, 130), "(120-130)"),
    ],
)
def test_a_range_that_is_none_is_not_used(only: Make, limits: tuple[int, int], shown: str) -> None:
    low, high = ({"value": limit, "unit": "mmol/L"} for limit in limits)
    fact: Fact = only({**LAB, "referenceRange": [{"low": low, "high": high}]})
    assert fact.text == f"Sodium 129 mmol/L {shown}"


@pytest.mark.parametrize("system", ["v3-NullFlavor", "data-absent-reason"])
def test_a_value_that_says_there_is_none_is_none(chart_of: Make, system: str) -> None:
    concept = {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}",
                           "code": "UNK", "display": "unknown"}]}  # fmt: skip
    bare = {key: value for key, value in LAB.items() if key != "valueQuantity"}
    chart: Chart = chart_of({**bare, "valueCodeableConcept": concept})
    assert not chart.facts
    assert {o.what: o.reason for o in chart.omissions}["Observation/o1"] == "no-value"


def test_line_ends_that_were_escaped_twice_are_line_ends(only: Make, resource: Make) -> None:
    text = "Clear lungs.\\n No effusion.\\.br\\Normal heart."
    fact: Fact = only(resource("Condition", "c", code={"text": text}))
    assert fact.text == "Clear lungs. No effusion. Normal heart."


@pytest.mark.parametrize(
    ("code", "name"),
    [("56799-0", "Where"), ("", "Home address"), ("", "Patient's name:"), ("", "Date of birth")],
)
def test_a_result_that_says_who_it_is_is_never_told(
    chart_of: Make, resource: Make, code: str, name: str
) -> None:
    coded = {"coding": [{"system": "http://loinc.org", "code": code or "1", "display": name}]}
    alone = resource("Observation", "o", code=coded, valueString="Quarrystone")
    inside = resource("Observation", "panel", code={"text": "Panel"}, valueInteger=1,
                      component=[{"code": coded, "valueString": "Quarrystone"}])  # fmt: skip
    asked = resource("QuestionnaireResponse", "q", item=[
        {"linkId": f"/{code}/x", "text": name, "answer": [{"valueString": "Quarrystone"}]},
        {"linkId": "2", "text": "Name of your medication", "answer": [{"valueString": "Aspirin"}]},
    ])  # fmt: skip
    chart: Chart = chart_of(alone, inside, asked)
    assert "Quarrystone" not in repr(chart)
    assert sorted(fact.text for fact in chart.facts) == [
        "Name of your medication: Aspirin",
        "Panel 1",
    ]
    reasons = [o.what for o in chart.omissions if o.reason == "identifies"]
    assert reasons == ["Observation/o", "Observation/panel#component-1",
                       "QuestionnaireResponse/q#answer-1"]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "name", "reason"),
    [
        ("32624-9", "Race", "bias"),
        ("", "Hispanic or Latino", "bias"),
        ("76437-3", "Primary insurance", "not-clinical"),
        ("", "Household income", "not-clinical"),
    ],
)
def test_what_is_not_weighed_is_not_told(
    reasons: Make, resource: Make, code: str, name: str, reason: str
) -> None:
    coded = {"coding": [{"system": "http://loinc.org", "code": code}], "text": name}
    told = resource("Observation", "o", code=coded, valueString="Quarrystone")
    assert reasons(told) == {"Observation/o": reason}


def test_one_drug_and_one_problem_under_two_codes_are_one(chart_of: Make, resource: Make) -> None:
    def coded(code: str, text: str) -> dict[str, Any]:
        return {"coding": [{"system": "http://example.org", "code": code}], "text": text}

    chart: Chart = chart_of(
        resource("Condition", "c1", code=coded("1", "Coronary arteriosclerosis")),
        resource("Condition", "c2", code=coded("2", "coronary Arteriosclerosis")),
        resource("MedicationRequest", "m1", status="active",
                 medicationCodeableConcept=coded("3", "Ramipril 10 MG")),
        resource("MedicationRequest", "m2", status="active",
                 medicationCodeableConcept=coded("4", "Ramipril 10 MG")),
    )  # fmt: skip
    assert [(fact.kind, len(fact.sources)) for fact in chart.facts] == [
        ("problem", 2), ("medication", 2)
    ]  # fmt: skip


def test_another_patient_is_refused(chart_of: Make) -> None:
    chart: Chart = chart_of({"resourceType": "Patient", "id": "p2", "gender": "male"})
    assert chart.patient.recorded_sex == "female"
    assert {o.what: o.reason for o in chart.omissions}["Patient/p2"] == "other-patient"


def test_deep_nesting_in_a_resource_is_survived(chart_of: Make) -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = {"item": [deep]}
    nested = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "subject": {"reference": "Patient/p1"},
        **deep,
    }
    twice = [nested, {**nested, "authored": "2024"}]
    chart: Chart = chart_of(*twice, {**LAB, "code": {**LAB["code"], "zork": deep}})
    assert [fact.text for fact in chart.facts] == [TEXT]
