"""How sure a coded diagnosis is stands on its coding: ICD-10-GM's A, V, Z and G, and the side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Kind, Polarity
from fhir_mapping.chart import Certainty

Make = Callable[..., Any]
GM = "http://fhir.de/CodeSystem/bfarm/icd-10-gm"
KBV = "https://fhir.kbv.de/CodeSystem/KBV_CS_SFHIR_ICD_"
BASE = "http://fhir.de/StructureDefinition/"


def marked(certainty: str = "", side: str = "", code: str = "I26.9", **more: Any) -> dict[str, Any]:
    sent = []
    if certainty:
        coding = {"system": f"{KBV}DIAGNOSESICHERHEIT", "code": certainty}
        sent.append({"url": f"{BASE}icd-10-gm-diagnosesicherheit", "valueCoding": coding})
    if side:
        coding = {"system": f"{KBV}SEITENLOKALISATION", "code": side}
        sent.append({"url": f"{BASE}seitenlokalisation", "valueCoding": coding})
    own = {"system": GM, "code": code, "display": "Lungenembolie", "extension": sent, **more}
    return {"coding": [own]}


ACTIVE = {"coding": [{"code": "active"}]}


@pytest.mark.parametrize(
    ("mark", "text", "polarity", "certainty", "status"),
    [
        ("A", "Lungenembolie (excluded)", Polarity.REFUTED, Certainty.CERTAIN, "active"),
        ("V", "Lungenembolie (suspected)", Polarity.UNKNOWN, Certainty.UNCERTAIN, "active"),
        ("Z", "Lungenembolie (state after)", Polarity.PRESENT, Certainty.CERTAIN, "resolved"),
        ("G", "Lungenembolie", Polarity.PRESENT, Certainty.CERTAIN, "active"),
        ("X", "Lungenembolie (suspected)", Polarity.UNKNOWN, Certainty.UNCERTAIN, "active"),
    ],
)
@pytest.mark.parametrize("written", [False, True], ids=["extension", "behind the code"])
def test_the_certainty_of_a_problem(
    resource: Make, only: Make, mark: str, text: str, polarity: Polarity, certainty: Certainty,
    status: str, written: bool,
) -> None:  # fmt: skip
    if written and mark == "X":
        pytest.skip("no mark of ICD-10-GM")
    code = marked(code=f"I26.9 {mark}") if written else marked(mark)
    fact = only(resource("Condition", "c", code=code, clinicalStatus=ACTIVE))
    assert (fact.text, fact.polarity, fact.certainty) == (text, polarity, certainty)
    assert fact.status == status
    assert [c.code for c in fact.codes] == ["I26.9"]


def test_it_is_told_apart_from_the_same_code_without_the_mark(
    resource: Make, chart_of: Make
) -> None:
    made = [resource("Condition", mark, code=marked(mark), clinicalStatus=ACTIVE) for mark in "AG"]
    assert {f.polarity for f in chart_of(*made).facts} == {Polarity.REFUTED, Polarity.PRESENT}


def test_a_mark_on_the_concept_counts_as_one_on_its_coding(resource: Make, only: Make) -> None:
    code = marked("A")
    code["extension"] = code["coding"][0].pop("extension")
    assert only(resource("Condition", "c", code=code)).polarity is Polarity.REFUTED


def test_codings_that_contradict_each_other_leave_it_open(resource: Make, only: Make) -> None:
    both = {"coding": [*marked("A")["coding"], *marked("G", code="I26.0")["coding"]]}
    assert only(resource("Condition", "c", code=both)).polarity is Polarity.UNKNOWN


@pytest.mark.parametrize(
    ("system", "code", "refuted"),
    [
        (GM, "I26.9A", True),
        (GM, "M54.5 AL", True),
        ("http://hl7.org/fhir/sid/icd-10", "I26.9 A", True),
        ("http://hl7.org/fhir/sid/icd-10", "I26.9A", False),
        ("http://hl7.org/fhir/sid/icd-10-cm", "S72.001A", False),
        ("http://hl7.org/fhir/sid/icd-10-cm", "I26.9 A", False),
    ],
)
def test_where_a_mark_may_be_written(
    resource: Make, only: Make, coded: Make, system: str, code: str, refuted: bool
) -> None:
    fact = only(resource("Condition", "c", code=coded(code, "Thing", system)))
    assert (fact.polarity is Polarity.REFUTED) is refuted


def test_the_side_is_told_and_two_sides_are_two_problems(resource: Make, chart_of: Make) -> None:
    made = [
        resource("Condition", side, code=marked("G", side, code="M17.1", display="Gonarthrose"))
        for side in "LRB"
    ]
    assert sorted(f.text for f in chart_of(*made).facts) == [
        "Gonarthrose (both sides)",
        "Gonarthrose (left)",
        "Gonarthrose (right)",
    ]


def test_an_excluded_reason_of_a_visit_is_no_complaint(resource: Make, chart_of: Make) -> None:
    visit = resource(
        "Encounter", "e", status="in-progress", period={"start": "2024-06-15T08:00:00Z"},
        reasonCode=[marked("A"), marked("V", code="I21.9", display="Herzinfarkt")],
    )  # fmt: skip
    chart = chart_of(visit)
    assert [f.text for f in chart.of(Kind.COMPLAINT)] == ["Herzinfarkt (suspected)"]
    assert chart.of(Kind.COMPLAINT)[0].certainty is Certainty.UNCERTAIN
    (told,) = chart.of(Kind.ENCOUNTER)
    assert "Lungenembolie (excluded)" in told.text


def test_an_excluded_diagnosis_of_a_visit_is_not_its_diagnosis(
    resource: Make, chart_of: Make
) -> None:
    condition = resource("Condition", "c", code=marked("A"))
    visit = resource("Encounter", "e", status="finished", period={"start": "2020-01-01"},
                     diagnosis=[{"condition": {"reference": "Condition/c"}}])  # fmt: skip
    chart = chart_of(condition, visit)
    assert "Lungenembolie" not in chart.of(Kind.ENCOUNTER)[0].text
    assert chart.of(Kind.PROBLEM)[0].polarity is Polarity.REFUTED


def test_a_relative_did_not_have_what_is_excluded(resource: Make, only: Make) -> None:
    fact = only(
        resource("FamilyMemberHistory", "f", status="completed", relationship={"text": "Vater"},
                 condition=[{"code": marked("A")}])
    )  # fmt: skip
    assert (fact.text, fact.polarity) == ("Vater: Lungenembolie (excluded)", Polarity.ABSENT)


def test_everywhere_else_the_words_say_it(resource: Make, only: Make) -> None:
    done = resource("Procedure", "p", code={"text": "CT"}, reasonCode=[marked("V")])
    assert only(done).text == "CT, for Lungenembolie (suspected)"
    report = resource("DiagnosticReport", "r", code={"text": "CT"}, conclusionCode=[marked("A")])
    assert only(report).text == "CT: Lungenembolie (excluded)"


def test_an_observed_diagnosis(resource: Make, only: Make) -> None:
    fact = only(
        resource("Observation", "o", code={"text": "Diagnose"}, valueCodeableConcept=marked("A"))
    )
    assert (fact.text, fact.polarity) == (
        "Diagnose: Lungenembolie (excluded)",
        Polarity.ABSENT,
    )


def test_an_extension_that_is_not_read_is_an_omission_by_path(
    resource: Make, reasons: Make
) -> None:
    other = {"url": "http://example.org/zork", "valueString": "x"}
    code = {"coding": [{"system": GM, "code": "I26.9", "display": "L", "extension": [other]}]}
    assert reasons(resource("Condition", "c", code=code)) == {
        "Condition.code.coding.extension": "unknown-extension"
    }
    assert reasons(resource("Condition", "c", code=marked("G", "L"))) == {}
