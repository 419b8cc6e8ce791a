"""What example sets of other countries and vendors taught the mapper, each kind alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mapping import Chart, Fact, Flag, Kind, Polarity, map_chart

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1964-06-15"}
SUBJECT = {"reference": "Patient/p1"}
LOINC = "http://loinc.org"


def chart_of(*resources: dict[str, Any]) -> Chart:
    return map_chart([PATIENT, *resources], patient_id="p1", now=NOW)


def only(*resources: dict[str, Any]) -> Fact:
    (fact,) = chart_of(*resources).facts
    return fact


def texts(*resources: dict[str, Any]) -> list[str]:
    return sorted(fact.text for fact in chart_of(*resources).facts)


def coded(code: str, display: str = "", system: str = LOINC) -> dict[str, Any]:
    coding = {"system": system, "code": code, **({"display": display} if display else {})}
    return {"coding": [coding]}


def observation(name: str, code: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": name, "status": "final", "subject": SUBJECT,
            "effectiveDateTime": "2024-06-14", "code": code, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("g/dL", "Hb 9.8 g/dL (erniedrigt)"),
        ("%", "Hb 9.8% (erniedrigt)"),
        ("", "Hb 9.8 (erniedrigt)"),
    ],
)
def test_the_unit_follows_the_number_and_not_what_is_said_of_it(unit: str, text: str) -> None:
    local = [
        {"coding": [{"system": "https://labor.example", "code": "-", "display": "erniedrigt"}]}
    ]
    value = {"value": 9.8, **({"unit": unit} if unit else {})}
    found = observation("o", {"text": "Hb"}, valueQuantity=value, interpretation=local)
    assert only(found).text == text


# --- what a result is called and which sort it is ------------------------------------------------


def test_a_vital_sign_is_known_by_any_of_its_codes() -> None:
    code = {"coding": [{"code": "5088AAAA"}, {"system": LOINC, "code": "8310-5"}],
            "text": "Temperature (C)"}  # fmt: skip
    absolute = {"low": {"value": 25}, "high": {"value": 43}, "type": coded("absolute", "", "local")}
    fact = only(observation("o", code, valueQuantity={"value": 39.2, "unit": "DEG C"},
                            referenceRange=[absolute]))  # fmt: skip
    assert (fact.kind, fact.unit, fact.flag) == (Kind.VITAL, "Cel", Flag.HIGH)


@pytest.mark.parametrize(
    ("code", "name"),
    [("8480-6", "Systolic blood pressure"), ("8462-4", "Diastolic blood pressure")],
)
def test_one_pressure_alone_is_called_what_it_is(code: str, name: str) -> None:
    part = {"code": coded(code), "valueQuantity": {"value": 92, "unit": "mmHg"}}
    fact = only(observation("o", {"text": "血壓"}, component=[part]))
    assert fact.text.startswith(f"{name} 92 mmHg")


def test_a_component_without_words_is_called_by_its_observation() -> None:
    part = {"code": coded("X1", "", "https://local.example"), "valueQuantity": {"value": 3}}
    fact = only(observation("o", {"text": "Grip"}, component=[part]))
    assert fact.text.startswith("Grip: ")


def test_a_finding_told_by_its_code_says_where_it_is() -> None:
    code = coded("399409002", "Distant metastasis present (finding)", "http://snomed.info/sct")
    found = observation("o", code, bodySite={"text": "Leber"})
    assert only(found).text == "Distant metastasis present (Leber)"


# --- answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "polarity"),
    [
        ("陰性", Polarity.ABSENT),
        ("阴性", Polarity.ABSENT),
        ("なし", Polarity.ABSENT),
        ("음성", Polarity.ABSENT),
        ("陽性", Polarity.PRESENT),
        ("不明", Polarity.UNKNOWN),
        ("Never Assessed", Polarity.UNKNOWN),
        ("Unknown if ever smoked", Polarity.UNKNOWN),
    ],
)
def test_an_answer_in_other_words_is_read(said: str, polarity: Polarity) -> None:
    assert only(observation("o", {"text": "HBs抗原"}, valueString=said)).polarity is polarity


# --- procedures, sites and tables -----------------------------------------------------------------


def procedure(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Procedure", "id": "x", "subject": SUBJECT,
            "code": {"text": "Colonoscopy"}, **more}  # fmt: skip


def test_a_procedure_that_was_stopped_says_why() -> None:
    stopped = procedure(status="stopped", statusReason={"text": "Hypotension"})
    assert only(stopped).text == "Colonoscopy (stopped: Hypotension)"


def test_a_site_is_told_without_the_tag_of_its_terminology() -> None:
    site = coded("12738006", "Brain structure (body structure)", "http://snomed.info/sct")
    assert (
        only(procedure(status="completed", bodySite=[site])).text == "Colonoscopy (Brain structure)"
    )
    problem = {"resourceType": "Condition", "id": "c", "subject": SUBJECT, "bodySite": [site],
               "code": {"text": "Tumour"}}  # fmt: skip
    assert only(problem).text == "Tumour (Brain structure)"


def test_the_heads_of_a_table_are_words_of_their_own() -> None:
    div = (
        "<div><table><tr><th>Drug</th><th>Dose</th></tr><tr><td>A</td><td>B</td></tr></table></div>"
    )
    section = {"title": "Course", "text": {"status": "generated", "div": div}}
    document = {
        "resourceType": "Composition",
        "id": "d",
        "status": "final",
        "subject": SUBJECT,
        "date": "2024-06-14",
        "type": {"text": "Summary"},
        "section": [section],
    }
    assert "Drug Dose A B" in only(document).text


# --- ranges and specimens -------------------------------------------------------------------------


def hemoglobin(*ranges: dict[str, Any]) -> dict[str, Any]:
    value = {"value": 12.5, "unit": "g/dL"}
    return observation("o", {"text": "Hb"}, valueQuantity=value, referenceRange=list(ranges))


def limits(low: float, high: float, **more: Any) -> dict[str, Any]:
    unit = {"unit": "g/dL"}
    return {"low": {"value": low, **unit}, "high": {"value": high, **unit}, **more}


@pytest.mark.parametrize(
    ("men", "women"),
    [
        ({"appliesTo": [{"text": "Male"}]}, {"appliesTo": [{"text": "Female"}]}),
        ({"text": "Männer"}, {"text": "Frauen"}),
        ({"text": "Male 13-17"}, {"text": "Female 12-15"}),
        ({"text": "男性 13-17"}, {"text": "女性 12-15"}),
        (
            {"appliesTo": [coded("248153007", "", "http://snomed.info/sct")]},
            {"appliesTo": [coded("F", "", "local")]},
        ),
    ],
)
def test_a_range_of_one_sex_is_known_by_its_words(
    men: dict[str, Any], women: dict[str, Any]
) -> None:
    fact = only(hemoglobin(limits(13, 17, **men), limits(12, 15, **women)))
    assert fact.range is not None
    assert (fact.range.low, fact.flag) == (12, Flag.NORMAL)


@pytest.mark.parametrize("text", ["g/dL", "Human", "normal for females and males", ""])
def test_a_range_that_names_no_one_sex_is_used(text: str) -> None:
    assert only(hemoglobin(limits(13, 17, text=text))).flag is Flag.LOW


@pytest.mark.parametrize(
    ("specimen", "flag"),
    [("Arterielles Blut", Flag.LOW), ("Blood, arterial", Flag.LOW), ("Pleural fluid", None)],
)
def test_arterial_blood_is_blood(specimen: str, flag: Flag | None) -> None:
    gas = observation("o", coded("2703-7", "Oxygen"), specimen={"display": specimen},
                      valueQuantity={"value": 58, "unit": "mmHg"})  # fmt: skip
    fact = only(gas)
    assert fact.flag is flag
    assert specimen in fact.text


# --- codes of other countries ---------------------------------------------------------------------


def test_a_blood_pressure_in_snomed_ct_is_one_vital_sign() -> None:
    parts = [
        {"code": coded(code, name, "http://snomed.info/sct"),
         "valueQuantity": {"value": value, "unit": "mmHg"}}
        for code, name, value in (("72313002", "Systolic arterial pressure", 172),
                                  ("1091811000000102", "Diastolic arterial pressure", 98))
    ]  # fmt: skip
    panel = coded("75367002", "Blood pressure", "http://snomed.info/sct")
    fact = only(observation("o", panel, component=parts))
    assert (fact.kind, fact.value, fact.flag) == (Kind.VITAL, 172, Flag.HIGH)
    assert fact.text.startswith("Blood pressure 172/98 mmHg")


@pytest.mark.parametrize("system", ["https://local.example", ""])
def test_only_snomed_ct_has_vital_signs_by_those_codes(system: str) -> None:
    pulse = observation("o", coded("78564009", "Item", system), valueQuantity={"value": 180})
    assert only(pulse).kind is Kind.OBSERVATION


@pytest.mark.parametrize(
    "code",
    [
        {**coded("600-7", "Bacteria identified in Blood by Culture"), "text": "Bloedkweek"},
        coded("600-7", "Bloedkweek"),
        coded("X", "Bacteria identified", "https://local.example"),
    ],
)
def test_a_culture_is_known_by_its_codes_and_all_its_names(code: dict[str, Any]) -> None:
    culture = observation("c", code, valueCodeableConcept={"text": "E. coli"},
                          hasMember=[{"reference": "Observation/s"}])  # fmt: skip
    assert "Meropenem (E. coli): S" in texts(
        culture, observation("s", {"text": "Meropenem"}, valueString="S")
    )


@pytest.mark.parametrize("code", ["266919005", "8392000", "105542008"])
def test_who_never_smoked_or_does_not_drink_is_known_by_code(code: str) -> None:
    said = {**coded(code, "", "http://snomed.info/sct"), "text": "nooit"}
    assert only(observation("o", {"text": "Roken"}, valueCodeableConcept=said)).polarity is (
        Polarity.ABSENT
    )


# --- allergies and adverse events -----------------------------------------------------------------


@pytest.mark.parametrize("nested", [False, True], ids=["R4", "R5"])
def test_a_reaction_that_is_coded_as_unknown_is_told_by_its_words(nested: bool) -> None:
    unknown = coded("UNK", "unknown", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor")
    reaction = {"manifestation": [{"concept": unknown} if nested else unknown],
                "description": "Wheals"}  # fmt: skip
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "patient": SUBJECT,
               "code": {"text": "Gold"}, "reaction": [reaction]}  # fmt: skip
    assert only(allergy).text == "Gold: Wheals"


@pytest.mark.parametrize(
    ("actuality", "text", "polarity"),
    [
        ("actual", "Adverse event: Overdose", Polarity.PRESENT),
        ("potential", "Potential adverse event: Overdose", Polarity.UNKNOWN),
    ],
)
def test_an_adverse_event_that_did_not_happen_says_so(
    actuality: str, text: str, polarity: Polarity
) -> None:
    event = {"resourceType": "AdverseEvent", "id": "e", "subject": SUBJECT,
             "actuality": actuality, "event": {"text": "Overdose"}}  # fmt: skip
    fact = only(event)
    assert (fact.text, fact.polarity) == (text, polarity)
