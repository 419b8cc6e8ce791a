"""Whose range it is, and ranges in words: flags by hand, for a woman of 60 years."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Flag

Make = Callable[..., Any]


def limits(low: float, high: float, **more: Any) -> dict[str, Any]:
    return {"low": {"value": low}, "high": {"value": high}, **more}


@pytest.mark.parametrize(
    "of_another",
    [
        {"appliesTo": [{"text": "Männer"}]},
        {"appliesTo": [{"coding": [{"code": "x1", "display": "Male"}]}]},
        {"text": "Males: 13-17"},
        {"text": "m"},
        {"text": "M: 13-17"},
        {"text": "Hommes"},
        {"text": "Kinder 1-5 Jahre"},
        {"text": "pregnant, 2nd trimester"},
        {"appliesTo": [{"coding": [{"code": "77386006"}]}]},
        {"appliesTo": [{"text": "fasting"}]},
        {"appliesTo": [{"text": "a group nobody knows"}]},
        {"type": {"text": "therapeutic range"}},
        {"type": {"text": "critical"}},
        {"meaning": [{"coding": [{"code": "treatment"}]}]},
    ],
)
def test_a_range_of_others_is_passed_over(
    only: Make, lab: Make, of_another: dict[str, Any]
) -> None:
    ranges = [limits(13, 17, **of_another), limits(12, 16)]
    fact = only(lab("o1", "1-1", "T", 12.5, "g/dL", referenceRange=ranges))
    assert (fact.text, fact.flag) == ("T 12.5 g/dL (12-16)", Flag.NORMAL)


@pytest.mark.parametrize(
    "of_hers",
    [
        {"appliesTo": [{"text": "Frauen"}]},
        {"appliesTo": [{"text": "Adults"}]},
        {"appliesTo": [{"text": "male and female"}]},
        {"appliesTo": [{"text": "All"}]},
        {"text": "Femmes: 13-17"},
        {"text": "M: 13-17, F: 13-17"},
        {"text": "13-17 g/24 m"},
        {"type": {"text": "Normal"}},
    ],
)
def test_a_range_of_hers_is_used(only: Make, lab: Make, of_hers: dict[str, Any]) -> None:
    fact = only(lab("o1", "1-1", "T", 12.5, "g/dL", referenceRange=[limits(13, 17, **of_hers)]))
    assert (fact.text, fact.flag) == ("T 12.5 g/dL (13-17) low", Flag.LOW)


@pytest.mark.parametrize(
    ("value", "unit", "low", "high", "told"),
    [
        (35, "%", 0.36, 0.48, "T 35%"),
        (1.2, "%", 0.5, 1.0, "T 1.2% (0.5-1) high"),
        (0.35, "L/L", 36, 48, "T 0.35 L/L"),
        (15000, "/uL", 4, 10, "T 15000 /uL"),
        (15000, "/uL", 4000, 10000, "T 15000 /uL (4000-10000) high"),
    ],
)
def test_a_range_of_another_scale_is_none(
    only: Make, lab: Make, value: float, unit: str, low: float, high: float, told: str
) -> None:
    assert only(lab("o1", "1-1", "T", value, unit, referenceRange=[limits(low, high)])).text == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("von 0 bis 5", "T 8 mg/L (0-5) high"),
        ("de 0 à 5 mg/l", "T 8 mg/L (0-5) high"),
        ("zwischen 0 und 5", "T 8 mg/L (0-5) high"),
        ("jusqu\u2019à 5", "T 8 mg/L (to 5) high"),
        ("inf. à 5", "T 8 mg/L (to 5) high"),
        ("Normal: <5", "T 8 mg/L (to 5) high"),
        ("[0;5]", "T 8 mg/L (0-5) high"),
        ("0-5*", "T 8 mg/L (0-5) high"),
        (
            "< 5 negative, 5-10 borderline",
            "T 8 mg/L (range as sent: < 5 negative, 5-10 borderline)",
        ),
        ("M 0-10; F 0-5", "T 8 mg/L (range as sent: M 0-10; F 0-5)"),
        ("Negativ", "T 8 mg/L (range as sent: Negativ)"),
    ],
)
def test_a_range_in_words(only: Make, lab: Make, text: str, told: str) -> None:
    assert only(lab("o1", "1-1", "T", 8, "mg/L", referenceRange=[{"text": text}])).text == told


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        ("G/l", "T 12 10^9/L (4-10) high"),
        ("Gpt/l", "T 12 10^9/L (4-10) high"),
        ("Tsd/µl", "T 12 10^9/L (4-10) high"),
        ("x10^9/l", "T 12 10^9/L (4-10) high"),
        ("/nl", "T 12 10^9/L (4-10) high"),
    ],
)
def test_units_of_german_laboratories(only: Make, lab: Make, unit: str, told: str) -> None:
    ranges = [{"text": f"4,0 - 10,0 {unit}"}]
    assert only(lab("o1", "1-1", "T", 12, "10*9/L", referenceRange=ranges)).text == told


@pytest.mark.parametrize(
    ("value", "usual", "told", "flag"),
    [
        ("positive", "negative", "T: positive (range as sent: negative) abnormal", Flag.ABNORMAL),
        ("++", "negativ", "T: ++ (range as sent: negativ) abnormal", Flag.ABNORMAL),
        ("negative", "negative", "T: negative (range as sent: negative)", None),
        ("red", "yellow", "T: red (range as sent: yellow)", None),
    ],
)
def test_a_range_beside_words(
    only: Make, resource: Make, value: str, usual: str, told: str, flag: Flag | None
) -> None:
    ranges = [{"text": usual}]
    fact = only(
        resource(
            "Observation", "o1", status="final", code={"text": "T"},
            valueString=value, referenceRange=ranges,
        )
    )  # fmt: skip
    assert (fact.text, fact.flag) == (told, flag)


SNOMED = "http://snomed.info/sct"
HL7 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


@pytest.mark.parametrize(
    ("code", "name", "value", "unit", "told", "flag"),
    [
        ("2823-3", "Potassium", 5.1, "mmol/L", "Potassium 5.1 mmol/L", Flag.NORMAL),
        ("2823-3", "Potassium", 6.5, "mmol/L", "Potassium 6.5 mmol/L", Flag.NORMAL),
        ("2823-3", "Potassium", 6.6, "mmol/L",
         "Potassium 6.6 mmol/L (usual 3.5-5) high by the usual range, sent as normal", Flag.HIGH),
        ("718-7", "Hemoglobin", 45, "g/dL",
         "Hemoglobin 45 g/dL (usual 12-16) high by the usual range, sent as normal", Flag.HIGH),
        ("718-7", "Hemoglobin", 13.2, "mg/dL",
         "Hemoglobin 13.2 mg/dL (usual 12000-16000) low by the usual range, sent as normal",
         Flag.LOW),
        ("1-1", "T", 45, "g/dL", "T 45 g/dL", Flag.NORMAL),
    ],
)  # fmt: skip
def test_a_value_far_from_usual_that_was_sent_as_normal(
    only: Make, lab: Make, code: str, name: str, value: float, unit: str, told: str, flag: Flag
) -> None:
    sent = [{"coding": [{"system": HL7, "code": "N"}]}]
    fact = only(lab("o1", code, name, value, unit, interpretation=sent))
    assert (fact.text, fact.flag) == (told, flag)


@pytest.mark.parametrize(
    ("system", "code", "told", "flag"),
    [
        (SNOMED, "281302008", "T 5 g/L high", Flag.HIGH),
        (SNOMED, "281300000", "T 5 g/L low", Flag.LOW),
        (SNOMED, "17621005", "T 5 g/L", Flag.NORMAL),
        ("urn:local", "281302008", "T 5 g/L", None),
    ],
)
def test_interpretations_of_snomed_ct(
    only: Make, lab: Make, system: str, code: str, told: str, flag: Flag | None
) -> None:
    sent = [{"coding": [{"system": system, "code": code}]}]
    fact = only(lab("o1", "1-1", "T", 5, "g/L", interpretation=sent))
    assert (fact.text, fact.flag) == (told, flag)


@pytest.mark.parametrize(("value", "flag"), [(0.5, Flag.LOW), (1.5, Flag.ABNORMAL), (3, Flag.HIGH)])
def test_abnormal_is_low_or_high_where_the_range_says_so(
    only: Make, lab: Make, value: float, flag: Flag
) -> None:
    sent = [{"coding": [{"system": HL7, "code": "A"}]}]
    result = lab("o1", "1-1", "T", value, "g/L", interpretation=sent, referenceRange=[limits(1, 2)])
    assert only(result).flag is flag


@pytest.mark.parametrize(
    ("value", "ranges", "told", "flag"),
    [
        (0.5, [limits(1, 2)], "T 0.5 g/L (1-2) critical low", Flag.CRITICAL_LOW),
        (3, [limits(1, 2)], "T 3 g/L (1-2) critical high", Flag.CRITICAL_HIGH),
        (3, [], "T 3 g/L critical abnormal", Flag.CRITICAL_ABNORMAL),
    ],
)
def test_critically_abnormal_is_critical(
    only: Make, lab: Make, value: float, ranges: Any, told: str, flag: Flag
) -> None:
    sent = [{"coding": [{"system": HL7, "code": "AA"}]}]
    fact = only(lab("o1", "1-1", "T", value, "g/L", interpretation=sent, referenceRange=ranges))
    assert (fact.text, fact.flag) == (told, flag)
    assert flag.is_critical


def test_lists_within_lists_are_read(only: Make, lab: Make) -> None:
    result = lab("o1", "1-1", "T", 8, "g/L", referenceRange=[[limits(1, 9)]])
    result["valueQuantity"] = [result["valueQuantity"]]
    result["interpretation"] = [[{"coding": [[{"system": HL7, "code": "N"}]]}]]
    fact = only(result)
    assert (fact.text, fact.flag) == ("T 8 g/L (1-9)", Flag.NORMAL)


@pytest.mark.parametrize(
    ("ranges", "told"),
    [
        ([limits(11, 14, appliesTo=[{"text": "Pregnant"}]), limits(12, 16)], "T 11.5 g/dL (11-14)"),
        ([limits(12, 16), limits(11, 14, text="Schwangere")], "T 11.5 g/dL (11-14)"),
        ([limits(12, 16), limits(11, 14, text="1st trimester"), limits(10, 14, text="SSW 13-28")],
         "T 11.5 g/dL"),
        ([limits(12, 16)], "T 11.5 g/dL (12-16) low"),
        ([limits(12, 14, appliesTo=[{"text": "Pregnant"}])], "T 11.5 g/dL (12-14) low"),
    ],
)  # fmt: skip
def test_a_range_of_pregnancy_in_pregnancy(
    chart_of: Make, lab: Make, resource: Make, coded: Make, ranges: Any, told: str
) -> None:
    status = resource("Observation", "p", status="final",
                      code=coded("82810-3", "Pregnancy status", "http://loinc.org"),
                      valueCodeableConcept=coded("77386006", "Pregnant"))  # fmt: skip
    chart = chart_of(status, lab("o1", "1-1", "T", 11.5, "g/dL", referenceRange=ranges))
    assert told in [fact.text for fact in chart.facts]
