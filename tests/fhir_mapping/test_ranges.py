"""Flags of results: by interpretation, by the range sent, by a published range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Fact, Flag

Make = Callable[..., Any]
LOINC = "http://loinc.org"


@pytest.mark.parametrize(
    ("code", "flag"),
    [
        ("N", Flag.NORMAL),
        ("H", Flag.HIGH),
        ("L", Flag.LOW),
        ("HH", Flag.CRITICAL_HIGH),
        ("LL", Flag.CRITICAL_LOW),
        ("A", Flag.ABNORMAL),
        ("AA", Flag.ABNORMAL),
        ("h ", Flag.HIGH),
    ],
)
@pytest.mark.parametrize("version", ["R4", "STU3"])
def test_the_interpretation_decides(
    only: Make, lab: Make, coded: Make, code: str, flag: Flag, version: str
) -> None:
    interpretation = coded(code) if version == "STU3" else [coded(code)]
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
    ("text", "low", "high"),
    [
        ("0.6-1.2", 0.6, 1.2),
        ("3.5 \u2013 5.0 mmol/L", 3.5, 5.0),
        ("< 5", None, 5),
        ("≥60 mL/min", 60, None),
    ],
)
def test_a_range_that_is_only_written_is_read(
    only: Make, lab: Make, text: str, low: float | None, high: float | None
) -> None:
    fact: Fact = only(lab("o1", "1-1", "T", 3, "g/L", referenceRange=[{"text": text}]))
    assert fact.range is not None
    assert (fact.range.low, fact.range.high) == (low, high)


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
