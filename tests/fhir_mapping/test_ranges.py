"""Flags of results: by interpretation, by the range sent, by a published range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Fact, Flag

Make = Callable[..., Any]
LOINC = "http://loinc.org"
STU3_INTERPRETATION = "http://hl7.org/fhir/v2/0078"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


@pytest.mark.parametrize(
    ("code", "flag"),
    [
        ("N", Flag.NORMAL),
        ("H", Flag.HIGH),
        ("L", Flag.LOW),
        ("HH", Flag.CRITICAL_HIGH),
        ("LL", Flag.CRITICAL_LOW),
        ("A", Flag.ABNORMAL),
        ("AA", Flag.CRITICAL_ABNORMAL),
        ("h ", Flag.HIGH),
    ],
)
@pytest.mark.parametrize("version", ["R4", "STU3"])
def test_the_interpretation_decides(
    only: Make, lab: Make, coded: Make, code: str, flag: Flag, version: str
) -> None:
    system = STU3_INTERPRETATION if version == "STU3" else INTERPRETATION
    interpretation = coded(code, system=system)
    interpretation = interpretation if version == "STU3" else [interpretation]
    ranges = [{"low": {"value": 1}, "high": {"value": 2}}]
    result = lab("o1", "1-1", "T", 1.5, "g/L", interpretation=interpretation, referenceRange=ranges)
    fact: Fact = only(result, fhir_version=version)
    assert fact.flag is flag


@pytest.mark.parametrize(
    ("value", "comparator", "flag"),
    [
        (0.5, None, Flag.LOW),
        (0.6, None, Flag.NORMAL),
        (1.2, None, Flag.NORMAL),
        (1.3, None, Flag.HIGH),
        (0.6, "<", Flag.LOW),
        (0.9, "<", None),
        (1.2, ">", Flag.HIGH),
        (0.9, ">", None),
    ],
)
def test_the_reference_range_decides_without_interpretation(
    only: Make, lab: Make, value: float, comparator: str | None, flag: Flag | None
) -> None:
    result = lab("o1", "1-1", "T", value, "mg/dL")
    result["referenceRange"] = [{"low": {"value": 0.6}, "high": {"value": 1.2}}]
    if comparator:
        result["valueQuantity"]["comparator"] = comparator
    fact: Fact = only(result)
    assert fact.flag is flag
    assert fact.range is not None
    assert fact.range.source == "chart"


SEVERAL = [
    {"appliesTo": [{"coding": [{"code": "male"}]}], "low": {"value": 1}, "high": {"value": 2}},
    {"age": {"high": {"value": 17, "code": "a"}}, "low": {"value": 3}, "high": {"value": 4}},
    {"type": {"coding": [{"code": "critical"}]}, "low": {"value": 5}, "high": {"value": 6}},
    {"age": {"low": {"value": 18, "code": "a"}}, "low": {"value": 7}, "high": {"value": 8}},
]


def test_the_range_that_fits_age_and_sex_is_used(only: Make, lab: Make) -> None:
    fact: Fact = only(lab("o1", "1-1", "T", 7.5, "g/L", referenceRange=SEVERAL))
    assert fact.range is not None
    assert (fact.range.low, fact.range.high) == (7, 8)


@pytest.mark.parametrize(
    ("text", "value", "unit", "low", "high"),
    [
        ("0.6-1.2", 3, "mg/dL", 0.6, 1.2),
        ("3.5 \u2013 5.0 mmol/L", 3, "mmol/L", 3.5, 5.0),
        ("< 5", 3, "g/L", None, 5),
        ("\u226560 mL/min", 3, "mL/min", 60, None),
        ("(0.6 - 1.2)", 3, "mg/dL", 0.6, 1.2),
        ("up to 40 U/L", 3, "U/L", None, 40),
        ("-2 - +2", 3, "mmol/L", -2, 2),
        # A decimal comma.
        ("< 0,5", 0.3, "mg/dL", None, 0.5),
        ("3,5-5,1 mmol/l", 4, "mmol/L", 3.5, 5.1),
        ("bis 5,0", 3, "mg/L", None, 5.0),
        # Thousands: read by the value where the figures can be read in two ways, else not at all.
        ("4.000-10.000", 7000, "/uL", 4000, 10000),
        ("4.000-10.000", 7.0, "10*3/uL", 4, 10),
        ("4,000-10,000 /uL", 7.0, "10*3/uL", 4, 10),
        ("1.234.567-2.000.000", 1500000, "/uL", 1234567, 2000000),
        ("1.000,5-2.000,5", 1500, "g/L", 1000.5, 2000.5),
        ("0.000-5.000", 300, "mg/L", 0, 5),
        ("1.000-1.030", 1.02, "", 1.0, 1.03),
        # Twice the limits is the last that is near: 2 x 10 and 4000 / 2.
        ("4.000-10.000", 20, "10*3/uL", 4, 10),
        ("4.000-10.000", 2000, "/uL", 4000, 10000),
        # The range's own unit.
        ("12-16 g/dL", 110, "g/L", 120, 160),
    ],
)
def test_a_range_that_is_only_written_is_read(
    only: Make, lab: Make, text: str, value: float, unit: str, low: float | None, high: float | None
) -> None:
    fact: Fact = only(lab("o1", "1-1", "T", value, unit, referenceRange=[{"text": text}]))
    assert fact.range is not None
    assert (fact.range.low, fact.range.high) == (low, high)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("4.000-10.000", 20.1, "10*3/uL"),
        ("4.000-10.000", 1999, "/uL"),
        ("15.000-150.000", 5000, "ng/mL"),
        ("< 4.000", 500, "ng/mL"),
        ("< 1.000", 0.5, "ng/mL"),
        ("13-17 (men)", 14, "g/dL"),
        ("3-5 zorks", 4, "mg/dL"),
        ("3.5-5.0 mmol/L", 4, "g/L"),
        ("5-3", 4, "g/L"),
    ],
)
def test_a_range_that_can_be_read_in_two_ways_or_is_anothers_is_none(
    only: Make, lab: Make, text: str, value: float, unit: str
) -> None:
    fact: Fact = only(lab("o1", "1-1", "T", value, unit, referenceRange=[{"text": text}]))
    assert fact.range is None
    assert fact.flag is None


RANGE = [{"low": {"value": 3.5}, "high": {"value": 5.1}}]


@pytest.mark.parametrize(
    ("value", "sent", "flag", "text"),
    [
        (6.9, "N", Flag.HIGH, "high by its range, sent as normal"),
        (3.0, "N", Flag.LOW, "low by its range, sent as normal"),
        (3.0, "H", Flag.LOW, "low by its range, sent as high"),
        (4.0, "H", Flag.HIGH, "sent as high, within its range"),
        (4.0, "LL", Flag.CRITICAL_LOW, "sent as critical low, within its range"),
        (4.0, "A", Flag.ABNORMAL, "sent as abnormal, within its range"),
    ],
)
def test_a_flag_that_contradicts_its_own_range_is_told_as_a_contradiction(
    only: Make, lab: Make, coded: Make, value: float, sent: str, flag: Flag, text: str
) -> None:
    interpretation = [coded(sent, system=INTERPRETATION)]
    fact: Fact = only(lab("o1", "1-1", "Potassium", value, "mmol/L", referenceRange=RANGE,
                          interpretation=interpretation))  # fmt: skip
    assert fact.flag is flag
    assert fact.text.endswith(f"(3.5-5.1) {text}")


@pytest.mark.parametrize(
    ("value", "sent", "flag"),
    [(6.9, "HH", Flag.CRITICAL_HIGH), (6.9, "H", Flag.HIGH), (3.0, "A", Flag.LOW),
     (5.1, "N", Flag.NORMAL), (3.5, "N", Flag.NORMAL)],
)  # fmt: skip
def test_a_flag_that_agrees_with_its_range_is_told_alone(
    only: Make, lab: Make, coded: Make, value: float, sent: str, flag: Flag
) -> None:
    interpretation = [coded(sent, system=INTERPRETATION)]
    fact: Fact = only(lab("o1", "1-1", "Potassium", value, "mmol/L", referenceRange=RANGE,
                          interpretation=interpretation))  # fmt: skip
    assert fact.flag is flag
    assert "sent as" not in fact.text


@pytest.mark.parametrize("text", ["see note", "2024-05-01", "1.2.3", "negative", ""])
def test_what_is_no_range_is_none(only: Make, lab: Make, text: str) -> None:
    fact: Fact = only(lab("o1", "1-1", "T", 3, "g/L", referenceRange=[{"text": text}]))
    assert fact.range is None


def test_a_range_in_another_unit_is_converted(only: Make, lab: Make) -> None:
    ranges = [{"low": {"value": 120, "unit": "g/L"}, "high": {"value": 160, "unit": "g/L"}}]
    fact: Fact = only(lab("o1", "718-7", "Hemoglobin", 11.0, "g/dL", referenceRange=ranges))
    assert fact.flag is Flag.LOW
    assert fact.text == "Hemoglobin 11 g/dL (12-16) low"


@pytest.mark.parametrize(
    ("code", "value", "unit", "flag", "source"),
    [
        ("2951-2", 129, "mmol/L", Flag.LOW, "abim"),
        ("2951-2", 129, "mEq/L", Flag.LOW, "abim"),
        ("2160-0", 1.2, "mg/dL", Flag.HIGH, "abim"),
        ("2160-0", 150, "umol/L", Flag.HIGH, "abim"),
        ("6690-2", 15.1, "K/uL", Flag.HIGH, "abim"),
        ("6690-2", 8200, "/uL", Flag.NORMAL, "abim"),
        ("8310-5", 103.1, "degF", Flag.HIGH, "news2"),
        ("8310-5", 37.0, "Cel", Flag.NORMAL, "news2"),
        ("718-7", 70, "g/L", Flag.LOW, "abim"),
        ("2345-7", 3.0, "mmol/L", Flag.LOW, "ada"),
        # The codes of the molar measures: grave results of laboratories outside the United States.
        ("14749-6", 2.1, "mmol/L", Flag.LOW, "ada"),
        ("14682-9", 812, "umol/L", Flag.HIGH, "abim"),
        ("14937-7", 41, "mmol/L", Flag.HIGH, "abim"),
        ("2000-8", 3.9, "mmol/L", Flag.HIGH, "abim"),
        ("14879-1", 0.3, "mmol/L", Flag.LOW, "abim"),
        ("2601-3", 0.3, "mmol/L", Flag.LOW, "abim"),
        ("14631-6", 310, "umol/L", Flag.HIGH, "abim"),
        ("14933-6", 780, "umol/L", Flag.HIGH, "abim"),
        ("59260-0", 3.1, "mmol/L", Flag.LOW, "abim"),
        ("14927-8", 18, "mmol/L", Flag.HIGH, "atp3"),
        ("14920-3", 61, "pmol/L", Flag.HIGH, "abim"),
        # 4.0 to 5.6 % NGSP are 20.2 to 37.7 mmol/mol IFCC.
        ("4548-4", 53, "mmol/mol", Flag.HIGH, "abim"),
        ("59261-8", 37.6, "mmol/mol", Flag.NORMAL, "abim"),
        ("59261-8", 37.8, "mmol/mol", Flag.HIGH, "abim"),
        ("59261-8", 20.1, "mmol/mol", Flag.LOW, "abim"),
    ],
)
def test_without_a_range_the_published_table_is_used(
    only: Make, lab: Make, code: str, value: float, unit: str, flag: Flag, source: str
) -> None:
    fact: Fact = only(lab("o1", code, "T", value, unit))
    assert fact.flag is flag
    assert fact.range is not None
    assert fact.range.source == source
    assert "(usual " in fact.text


def test_the_table_is_for_loinc_and_for_a_known_age(
    lab: Make, chart_of: Make, patient: dict[str, Any]
) -> None:
    local = lab("o1", "2951-2", "Sodium", 120, "mmol/L")
    local["code"]["coding"][0]["system"] = "http://laboratory.example.org"
    assert chart_of(local).facts[0].flag is None
    ageless = {k: v for k, v in patient.items() if k != "birthDate"}
    chart = chart_of(ageless, lab("o1", "2951-2", "Sodium", 120, "mmol/L"), patient_id="p1")
    assert [f.flag for f in chart.facts] in ([None], [Flag.LOW])


def test_units_of_d_dimer_are_not_compared(chart_of: Make, lab: Make, ago: Make) -> None:
    chart = chart_of(
        lab("o1", "48065-7", "D-dimer", 0.9, "mg/L{FEU}", when=ago(1)),
        lab("o2", "48065-7", "D-dimer", 450, "ng/mL{DDU}", when=ago(8)),
    )
    assert sorted(f.value for f in chart.facts) == [0.9, 450]
    assert sorted(f.text for f in chart.facts) == ["D-dimer 0.9 mg/L FEU", "D-dimer 450 ng/mL DDU"]


PREGNANT = {"system": "http://snomed.info/sct", "code": "77386006", "display": "Pregnant"}


def _status(resource: Make, coded: Make, days_ago: str, code: dict[str, Any]) -> dict[str, Any]:
    return resource("Observation", "e1", status="final", effectiveDateTime=days_ago,
                    code=coded("82810-3", "Pregnancy status", system=LOINC),
                    valueCodeableConcept={"coding": [code]})  # fmt: skip


@pytest.mark.parametrize(("days", "flagged"), [(0, False), (322, False), (323, True)])
def test_usual_ranges_do_not_hold_in_pregnancy(
    chart_of: Make, lab: Make, resource: Make, coded: Make, ago: Make, days: float, flagged: bool
) -> None:
    """322 days: forty weeks and six more."""
    told = _status(resource, coded, ago(days + 1), PREGNANT)
    chart = chart_of(told, lab("o1", "718-7", "Hemoglobin", 11.2, "g/dL", when=ago(1)))
    [fact] = [f for f in chart.facts if f.text.startswith("Hemoglobin")]
    assert (fact.flag is Flag.LOW) is flagged
    assert (fact.range is not None) is flagged


@pytest.mark.parametrize(
    ("code", "unit", "value", "flag"),
    [
        ("718-7", "g/dL", 10.4, Flag.LOW),
        ("718-7", "g/dL", 10.5, None),
        ("718-7", "g/L", 104, Flag.LOW),
        ("3016-3", "m[IU]/L", 4.1, Flag.HIGH),
        ("3016-3", "m[IU]/L", 4.0, None),
        ("3016-3", "m[IU]/L", 0.1, None),
        ("3016-3", "m[IU]/L", 0.09, Flag.LOW),
    ],
)
def test_a_result_outside_the_published_range_of_pregnancy(
    chart_of: Make,
    lab: Make,
    resource: Make,
    coded: Make,
    ago: Make,
    code: str,
    unit: str,
    value: float,
    flag: Flag | None,
) -> None:
    told = _status(resource, coded, ago(1), PREGNANT)
    chart = chart_of(told, lab("o1", code, "Result", value, unit, when=ago(1)))
    assert [f.flag for f in chart.facts if f.text.startswith("Result")] == [flag]


def test_who_is_not_pregnant_keeps_the_usual_range(
    chart_of: Make, lab: Make, resource: Make, coded: Make, ago: Make
) -> None:
    answer = {"system": "http://snomed.info/sct", "code": "60001007", "display": "Not pregnant"}
    told = _status(resource, coded, ago(1), answer)
    chart = chart_of(told, lab("o1", "718-7", "Hemoglobin", 11.2, "g/dL", when=ago(1)))
    assert [f.flag for f in chart.facts if f.text.startswith("Hemoglobin")] == [Flag.LOW]


def test_a_laboratorys_own_range_holds_in_pregnancy(
    chart_of: Make, lab: Make, resource: Make, coded: Make, ago: Make
) -> None:
    ranges = [{"low": {"value": 10.5}, "high": {"value": 14}}]
    own = lab("o1", "718-7", "Hemoglobin", 10.1, "g/dL", when=ago(1), referenceRange=ranges)
    problem = resource("Condition", "c1", code={"coding": [
        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "Z34.90",
         "display": "Supervision of normal pregnancy"}]})  # fmt: skip
    chart = chart_of(problem, own)
    assert [f.flag for f in chart.facts if f.text.startswith("Hemoglobin")] == [Flag.LOW]
