"""That none is known, that nothing was asked, and that it is withheld are three things."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Kind, Polarity
from fhir_mapping.drafting.absence_words import AbsenceMeaning, absence_of_text

Make = Callable[..., Any]
NULL = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
SNOMED = "http://snomed.info/sct"
IPS = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
EMPTY = "http://terminology.hl7.org/CodeSystem/list-empty-reason"
ACTIVE = {"coding": [{"code": "active"}]}


def allergy(resource: Make, code: dict[str, Any], identity: str = "a1", **more: Any) -> Any:
    return resource("AllergyIntolerance", identity, code=code, clinicalStatus=ACTIVE, **more)


@pytest.mark.parametrize(
    "text",
    [
        "NKA",
        "N.K.A.",
        "Nil known",
        "None",
        "None known",
        "No known allergies",
        "No allergies",
        "Denies any allergies",
        "Allergies: none",
        "keine bekannt",
        "Keine Allergien bekannt",
        "Keine bekannten Allergien",
        "aucune allergie connue",
        "pas d'allergie",
        "Pas d\u2019allergie connue",
        "ninguna",
        "NKA (confirmed 2019)",
        "Patient denies allergies",
        "Allergien: keine",
        "\u306a\u3057",
        "Sin alergias conocidas",
    ],
)
def test_no_known_allergy_in_words(resource: Make, only: Make, text: str) -> None:
    fact = only(allergy(resource, {"text": text}))
    assert (fact.kind, fact.text) == (Kind.ALLERGY, "No known allergies")
    assert fact.polarity is Polarity.ABSENT
    assert fact.nothing_known


@pytest.mark.parametrize(
    ("system", "code"),
    [(SNOMED, "160244002"), (SNOMED, "716186003"), ("", "716186003"), (IPS, "no-known-allergies")],
)
def test_no_known_allergy_by_code(resource: Make, only: Make, system: str, code: str) -> None:
    coding = {"code": code} | ({"system": system} if system else {})
    fact = only(allergy(resource, {"coding": [coding]}))
    assert (fact.text, fact.polarity) == ("No known allergies", Polarity.ABSENT)
    assert fact.nothing_known


@pytest.mark.parametrize(
    ("concept", "told"),
    [
        ({"text": "NKDA"}, "No known drug allergies"),
        ({"coding": [{"system": SNOMED, "code": "716186003"}], "text": "NKDA"},
         "No known drug allergies"),
        ({"coding": [{"system": SNOMED, "code": "409137002"}]}, "No known drug allergies"),
        ({"coding": [{"system": SNOMED, "code": "428607008"}]}, "No known environmental allergies"),
        ({"coding": [{"system": SNOMED, "code": "429625007"}]}, "No known food allergies"),
        ({"text": "No known contrast allergy"}, "No known contrast allergy"),
        ({"text": "Allergies: NKDA"}, "No known drug allergies"),
        ({"text": "No Known Drug Allergies (NKDA)"}, "No Known Drug Allergies (NKDA)"),
        ({"text": "NKDA, NKFA"}, "NKDA, NKFA"),
        ({"text": "No penicillin allergy"}, "No penicillin allergy"),
        ({"text": "keine Penicillinallergie"}, "keine Penicillinallergie"),
    ],
)  # fmt: skip
def test_none_of_a_part_is_not_none_at_all(
    resource: Make, only: Make, concept: dict[str, Any], told: str
) -> None:
    fact = only(allergy(resource, concept))
    assert (fact.text, fact.polarity, fact.nothing_known) == (told, Polarity.ABSENT, False)


@pytest.mark.parametrize(
    ("concept", "reason"),
    [
        ({"text": "Unknown"}, "no-information"),
        ({"text": "Not asked"}, "no-information"),
        ({"text": "-"}, "no-information"),
        ({"text": "No allergies on file"}, "no-information"),
        ({"text": "\u4e0d\u660e"}, "no-information"),
        ({"text": "unbekannt"}, "no-information"),
        ({"text": "non renseigné"}, "no-information"),
        ({"coding": [{"system": IPS, "code": "no-allergy-info"}]}, "no-information"),
        ({"coding": [{"system": SNOMED, "code": "1631000175102"}]}, "no-information"),
        ({"coding": [{"system": NULL, "code": "NASK"}]}, "no-information"),
        ({"coding": [{"system": NULL, "code": "MSK"}]}, "masked"),
        ({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason",
                      "code": "masked", "display": "Masked"}]}, "masked"),
        ({"coding": [{"_code": {"extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
             "valueCode": "masked"}]}}]}, "masked"),
        ({"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                         "valueCode": "asked-unknown"}]}, "no-information"),
    ],
)  # fmt: skip
def test_no_information_is_not_none(
    resource: Make, chart_of: Make, reasons: Make, concept: dict[str, Any], reason: str
) -> None:
    sent = allergy(resource, concept)
    assert chart_of(sent).facts == ()
    assert reasons(sent) == {"AllergyIntolerance/a1": reason}


@pytest.mark.parametrize(
    "text",
    ["None except penicillin", "No known allergies except penicillin", "No, penicillin",
     "Preservative free saline", "NKA (penicillin)", "Nona", "Nickel", "NK cells",
     "Unknown antibiotic",
     "Keine außer Penicillin", "Denies none"],
)  # fmt: skip
def test_a_thing_stays_a_thing(resource: Make, only: Make, text: str) -> None:
    fact = only(allergy(resource, {"text": text}))
    assert (fact.text, fact.nothing_known) == (text, False)


def test_original_text_under_a_null_code_is_read(resource: Make, only: Make) -> None:
    null = {"system": NULL, "code": "UNK"}
    fact = only(allergy(resource, {"coding": [null], "text": "Penicillin"}))
    assert (fact.text, fact.polarity) == ("Penicillin", Polarity.PRESENT)


def test_a_code_of_another_system_is_none_of_these(resource: Make, only: Make) -> None:
    fact = only(allergy(resource, {"coding": [{"system": "http://x", "code": "160244002"}]}))
    assert fact.polarity is Polarity.PRESENT


def test_what_says_the_same_is_one_fact(resource: Make, only: Make) -> None:
    sent = [allergy(resource, {"text": text}, f"a{n}") for n, text in enumerate(("NKA", "None"))]
    assert set(only(*sent).sources) == {"AllergyIntolerance/a0", "AllergyIntolerance/a1"}


def test_it_no_longer_holds_once_it_is_over(resource: Make, only: Make) -> None:
    over = {"coding": [{"code": "inactive"}]}
    fact = only(resource("AllergyIntolerance", "a", code={"text": "NKA"}, clinicalStatus=over))
    assert (fact.status, fact.nothing_known) == ("inactive", False)


@pytest.mark.parametrize(
    ("kind", "element", "code", "told"),
    [
        ("Condition", "code", "160245001", "No known problems"),
        ("MedicationStatement", "medicationCodeableConcept", "787481004", "No known medications"),
        ("Procedure", "code", "787480003", "No known procedures"),
        ("Immunization", "vaccineCode", "no-known-immunizations", "No known immunizations"),
        ("Condition", "code", "716186003", "No known allergies"),
        ("MedicationRequest", "medicationCodeableConcept", "no-known-medications",
         "No known medications"),
    ],
)  # fmt: skip
def test_each_kind_by_code(
    resource: Make, only: Make, kind: str, element: str, code: str, told: str
) -> None:
    fact = only(resource(kind, "r", **{element: {"coding": [{"code": code}]}}))
    assert (fact.text, fact.polarity, fact.nothing_known) == (told, Polarity.ABSENT, True)


@pytest.mark.parametrize(
    ("kind", "element", "code"),
    [
        ("Condition", "code", "no-problem-info"),
        ("MedicationStatement", "medicationCodeableConcept", "no-medication-info"),
        ("MedicationStatement", "medicationCodeableConcept", "182904002"),
        ("Procedure", "code", "no-procedure-info"),
        ("Immunization", "vaccineCode", "no-immunization-info"),
    ],
)
def test_each_kind_without_information(
    resource: Make, reasons: Make, kind: str, element: str, code: str
) -> None:
    sent = resource(kind, "r", **{element: {"coding": [{"code": code}]}})
    assert reasons(sent) == {f"{kind}/r": "no-information"}


def test_a_drug_that_is_withheld(resource: Make, reasons: Make) -> None:
    masked = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
              "valueCode": "masked"}  # fmt: skip
    for element in ("medicationReference", "medicationCodeableConcept"):
        sent = resource("MedicationRequest", "m", **{element: {"extension": [masked]}})
        assert reasons(sent) == {"MedicationRequest/m": "masked"}


def test_no_device_and_no_information_on_devices(resource: Make, chart_of: Make) -> None:
    made = [
        resource("DeviceUseStatement", code, device={"reference": f"#{code}"},
                 contained=[{"resourceType": "Device", "id": code,
                             "type": {"coding": [{"system": IPS, "code": code}]}}])
        for code in ("no-known-devices", "no-device-info")
    ]  # fmt: skip
    chart = chart_of(*made)
    assert [(f.text, f.nothing_known) for f in chart.facts] == [("No known devices", True)]
    assert {o.what: o.reason for o in chart.omissions}["DeviceUseStatement/no-device-info"] == (
        "no-information"
    )


@pytest.mark.parametrize("code", [{"coding": [{"code": "160245001"}]}, {"text": "None known"}])
def test_a_relative_without_a_known_disease(
    resource: Make, chart_of: Make, code: dict[str, Any]
) -> None:
    sent = resource(
        "FamilyMemberHistory", "f", status="completed", relationship={"text": "Father"},
        condition=[{"code": code}, {"code": {"text": "unknown"}}],
    )  # fmt: skip
    chart = chart_of(sent)
    (fact,) = chart.facts
    assert (fact.text, fact.polarity) == ("Father: no known problems", Polarity.ABSENT)
    assert not fact.nothing_known
    assert "FamilyMemberHistory/f#condition-2" in {o.what for o in chart.omissions}


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("Keine Medikamente", Kind.MEDICATION, "No known medications"),
        ("Pas de traitement en cours", Kind.MEDICATION, "No known medications"),
        ("not on any medication", Kind.MEDICATION, "No known medications"),
        ("Keine Vorerkrankungen bekannt", Kind.PROBLEM, "No known problems"),
        ("Aucun antécédent", Kind.PROBLEM, "No known problems"),
        ("No known past medical history", Kind.PROBLEM, "No known problems"),
        ("Keine Operationen", Kind.PROCEDURE, "No known procedures"),
        ("Keine Impfungen bekannt", Kind.IMMUNIZATION, "No known immunizations"),
        ("Keine Implantate", Kind.DEVICE, "No known devices"),
    ],
)
def test_other_kinds_in_words(text: str, kind: Kind, words: str) -> None:
    found = absence_of_text(text, kind)
    assert found is not None
    assert (found.meaning, found.words, found.wholly) == (AbsenceMeaning.NONE, words, True)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("notasked", "empty-notasked"),
        ("withheld", "empty-withheld"),
        ("unavailable", "empty-unavailable"),
        ("notstarted", "empty-notstarted"),
        ("closed", "empty-closed"),
        ("zork", "no-value"),
    ],
)
def test_an_empty_list_says_why(
    resource: Make, coded: Make, reasons: Make, reason: str, expected: str
) -> None:
    sent = resource(
        "List", "l", status="current", code=coded("48765-2", system="http://loinc.org"),
        emptyReason={"coding": [{"system": EMPTY, "code": reason}]},
    )  # fmt: skip
    assert reasons(sent) == {"List/l": expected}


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ({"text": "Unknown"}, "Unknown substance: severe Anaphylaxis"),
        ({"coding": [{"system": NULL, "code": "MSK"}]}, "Withheld substance: severe Anaphylaxis"),
    ],
)
def test_what_happened_is_told_though_not_of_what(
    resource: Make, only: Make, code: dict[str, Any], told: str
) -> None:
    happened = {"manifestation": [{"text": "Anaphylaxis"}], "severity": "severe"}
    fact = only(allergy(resource, code, reaction=[happened]))
    assert (fact.text, fact.polarity) == (told, Polarity.PRESENT)


def test_a_remark_on_none_known_is_kept(resource: Make, only: Make) -> None:
    fact = only(allergy(resource, {"text": "NKA"}, note=[{"text": "asked twice"}]))
    assert fact.text == "No known allergies; asked twice"


def test_no_reason_is_no_complaint(resource: Make, chart_of: Make) -> None:
    visit = resource(
        "Encounter", "e", status="in-progress", period={"start": "2024-06-15T08:00:00Z"},
        reasonCode=[{"text": "Unknown"}, {"text": "None"}, {"text": "Cough"},
                    {"coding": [{"system": NULL, "code": "MSK"}]}],
    )  # fmt: skip
    chart = chart_of(visit)
    assert [f.text for f in chart.of(Kind.COMPLAINT)] == ["Cough"]
    assert {(o.what, o.reason) for o in chart.omissions} >= {
        ("Encounter/e#reason-1", "no-information"),
        ("Encounter/e#reason-2", "no-information"),
        ("Encounter/e#reason-4", "masked"),
    }
