"""What example sets of other countries and vendors taught the mapper, each kind alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mapping import Chart, Fact, Flag, Kind, Polarity, map_chart
from fhir_mapping.dosage import dose_text
from fhir_mapping.units import shown_unit
from fhir_mapping.words import Words

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1964-06-15"}
SUBJECT = {"reference": "Patient/p1"}
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"


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


def answer(code: str, said: str) -> dict[str, Any]:
    return {"code": coded(code, f"Asked {code}"), "valueCodeableConcept": {"text": said}}


# --- units ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dose", "told"),
    [
        ({"value": 2, "unit": "Tabletten", "system": UCUM, "code": "{Tablette}"}, "2 Tabletten"),
        ({"value": 1, "unit": "tablet", "system": UCUM, "code": "1"}, "1 tablet"),
        ({"value": 1, "unit": "錠"}, "1 錠"),
        ({"value": 1, "unit": "1", "system": UCUM, "code": "1"}, "1"),
        ({"value": 1, "system": UCUM, "code": "1"}, "1"),
        ({"value": 2, "unit": "{Hub}", "system": UCUM, "code": "{Hub}"}, "2"),
        ({"value": 1, "unit": "anything", "system": UCUM, "code": "{tbl}"}, "1 tablet"),
        ({"value": 5, "unit": "Milligramm", "system": UCUM, "code": "mg"}, "5 mg"),
    ],
)
def test_what_a_dose_counts_is_told_in_the_senders_words(dose: dict[str, Any], told: str) -> None:
    assert dose_text([{"doseAndRate": [{"doseQuantity": dose}]}], Words()) == told


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("1/1000000{Base}", "1/1000000 Base"),
        ("10*6{cells}", "10*6 cells"),
        ("{beats}/min", "/min"),
        ("{score}", ""),
        ("mL/min/{1.73_m2}", "mL/min/1.73m2"),
    ],
)
def test_a_bare_number_is_no_unit_without_what_it_counts(code: str, shown: str) -> None:
    assert shown_unit(code) == shown


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


# --- genetics -----------------------------------------------------------------------------------


def variant(name: str, gene: str, change: str, said: str = "Present") -> dict[str, Any]:
    parts = [answer("48018-6", gene), answer("48005-3", change)]
    frequency = {"code": coded("81258-6", "Allelic frequency"), "valueQuantity": {"value": 0.3}}
    return observation(
        name,
        coded("69548-6", "Genetic variant assessment"),
        valueCodeableConcept={"text": said},
        component=[*parts, frequency],
    )


def test_two_variants_keep_their_genes_and_changes() -> None:
    assert texts(variant("a", "EGFR", "p.Leu858Arg"), variant("b", "TP53", "p.Arg175His")) == [
        "Allelic frequency (EGFR p.Leu858Arg) 0.3",
        "Allelic frequency (TP53 p.Arg175His) 0.3",
        "Genetic variant assessment (EGFR p.Leu858Arg): Present",
        "Genetic variant assessment (TP53 p.Arg175His): Present",
    ]


def test_an_absent_variant_says_of_which_gene() -> None:
    code = coded("69548-6", "Genetic variant assessment")
    absent = observation("o", code, valueCodeableConcept=coded("LA9634-2", "Absent"),
                         component=[answer("48018-6", "KRAS")])  # fmt: skip
    fact = only(absent)
    assert (fact.text, fact.polarity) == (
        "Genetic variant assessment (KRAS): Absent",
        Polarity.ABSENT,
    )


def implication(name: str, drug: str, effect: str) -> dict[str, Any]:
    return observation(name, coded("ti", "Therapeutic Implication", "local"),
                       derivedFrom=[{"reference": "Observation/v"}],
                       component=[answer("51963-7", drug), answer("93044-6", effect)])  # fmt: skip


def test_implications_of_one_variant_are_told_for_each_drug() -> None:
    told = texts(variant("v", "EGFR", "p.Thr790Met"), implication("a", "osimertinib", "responsive"),
                 implication("b", "erlotinib", "resistant"))  # fmt: skip
    asked = "Therapeutic Implication: Asked 93044-6 (EGFR p.Thr790Met)"
    assert f"{asked} (osimertinib): responsive" in told
    assert f"{asked} (erlotinib): resistant" in told


def test_that_a_variant_is_present_is_not_its_name() -> None:
    holder = observation("v", coded("69548-6", "Genetic variant assessment"),
                         valueCodeableConcept=coded("LA9633-4", "Present"))  # fmt: skip
    member = observation("m", coded("53037-8", "Significance"), valueString="Pathogenic",
                         derivedFrom=[{"reference": "Observation/v"}])  # fmt: skip
    assert "Significance: Pathogenic" in texts(holder, member)


def test_a_variant_of_which_nothing_else_is_said_is_still_told() -> None:
    bare = observation("o", coded("69548-6", "Genetic variant assessment"),
                       component=[answer("48018-6", "BRAF")])  # fmt: skip
    assert "BRAF" in only(bare).text


def test_a_subject_too_long_for_a_name_is_told_as_a_result() -> None:
    long = "p." + "Leu858Arg" * 12
    assert any(long in text for text in texts(variant("a", "EGFR", long)))


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
