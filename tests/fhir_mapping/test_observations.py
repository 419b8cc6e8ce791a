"""Observations: values, units, ranges, flags, panels and courses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import ucumvert

from fhir_mapping import Chart, Fact, Flag, Kind, Polarity
from fhir_mapping.elements.short_names import short_name
from fhir_mapping.tables import table
from fhir_mapping.units.conversions import convert

Make = Callable[..., Any]
LOINC = "http://loinc.org"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"valueQuantity": {"value": 1.8, "unit": "mg/dL"}}, "Test 1.8 mg/dL"),
        ({"valueQuantity": {"value": 98.6, "unit": "deg F"}}, "Test 98.6 °F"),
        ({"valueQuantity": {"value": 96, "unit": "%"}}, "Test 96%"),
        ({"valueQuantity": {"value": 4, "comparator": "<", "unit": "ng/L"}}, "Test <4 ng/L"),
        ({"valueQuantity": {"value": "7.2", "unit": "g/dL"}}, "Test 7.2 g/dL"),
        ({"valueQuantity": {"value": "<5", "unit": "mg/L"}}, "Test <5 mg/L"),
        ({"valueQuantity": {"value": 185.37145420281468, "unit": "cm"}}, "Test 185.4 cm"),
        ({"valueQuantity": {"value": 7823.0, "unit": "/uL"}}, "Test 7823 /uL"),
        ({"valueQuantity": {"value": 0.00012, "unit": "g"}}, "Test 0.00012 g"),
        ({"valueCodeableConcept": {"text": "Group A"}}, "Test: Group A"),
        ({"valueString": "  pale\nand cool "}, "Test: pale and cool"),
        ({"valueBoolean": True}, "Test: yes"),
        ({"valueBoolean": False}, "Test: no"),
        ({"valueInteger": 14}, "Test 14"),
        ({"valueRange": {"low": {"value": 2}, "high": {"value": 4}}}, "Test: 2 to 4"),
        ({"valueRange": {"high": {"value": 4, "unit": "mm"}}}, "Test: at most 4 mm"),
        ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 64}}}, "Test: 1:64"),
        ({"valueTime": "14:30:00"}, "Test: 14:30:00"),
        ({"valueDateTime": "2024-05-15T12:00:00Z"}, "Test: 31 days ago"),
        ({"valuePeriod": {"start": "2024-06-12"}}, "Test: 3 days ago"),
    ],
)
def test_every_kind_of_value_is_told(
    only: Make, resource: Make, value: dict[str, Any], text: str
) -> None:
    fact: Fact = only(resource("Observation", "o1", code={"text": "Test"}, **value))
    assert fact.text == text


@pytest.mark.parametrize("element", ["valueSampledData", "valueAttachment"])
def test_signals_and_images_are_refused(reasons: Make, resource: Make, element: str) -> None:
    observation = resource("Observation", "o1", code={"text": "ECG"}, **{element: {"data": "1 2"}})
    assert reasons(observation) == {"Observation/o1": "signal-or-image"}


@pytest.mark.parametrize(
    ("sent", "unit", "shown"),
    [
        ("K/uL", "10*3/uL", "10^3/uL"),
        ("x10^3/µL", "10*3/uL", "10^3/uL"),
        ("Thousand/uL", "10*3/uL", "10^3/uL"),
        ("mEq/L", "meq/L", "mEq/L"),
        ("mcg/dL", "ug/dL", "ug/dL"),
        ("μmol/L", "umol/L", "umol/L"),
        ("mm Hg", "mm[Hg]", "mmHg"),
        ("{beats}/min", "/min", "/min"),
        ("breaths/minute", "/min", "/min"),
        ("mg / dL", "mg/dL", "mg/dL"),
        ("glorbs per zork", "glorbs per zork", "glorbs per zork"),
    ],
)
def test_spellings_of_laboratories_become_ucum(
    only: Make, resource: Make, sent: str, unit: str, shown: str
) -> None:
    value = {"value": 5, "unit": sent}
    fact: Fact = only(resource("Observation", "o1", code={"text": "T"}, valueQuantity=value))
    assert fact.unit == unit
    assert fact.text == f"T 5 {shown}"


def test_a_unit_that_is_not_understood_is_never_compared(only: Make, lab: Make) -> None:
    fact: Fact = only(lab("o1", "2823-3", "Potassium", 7.5, "zorks"))
    assert fact.flag is None
    assert fact.range is None


def test_a_blood_pressure_is_one_fact(only: Make, resource: Make, coded: Make) -> None:
    def component(code: str, value: float) -> dict[str, Any]:
        return {"code": coded(code, "", LOINC), "valueQuantity": {"value": value, "unit": "mmHg"}}

    fact: Fact = only(
        resource(
            "Observation",
            "bp",
            category=[coded("vital-signs")],
            code=coded("85354-9", "Blood pressure panel", LOINC),
            component=[component("8480-6", 172), component("8462-4", 104)],
        )
    )
    assert fact.kind is Kind.VITAL
    assert fact.text == "Blood pressure 172/104 mmHg (usual 91-139/to 89) high"
    assert fact.value == 172
    assert fact.flag is Flag.HIGH
    assert [code.code for code in fact.codes] == ["85354-9", "8480-6", "8462-4"]


@pytest.mark.parametrize(
    ("systolic", "diastolic", "said"),
    [
        (118, 57, "(90-140/60-90) diastolic low"),
        (150, 57, "(90-140/60-90) diastolic low, systolic high"),
        (150, 95, "(90-140/60-90) high"),
        (118, 70, "(90-140/60-90)"),
    ],
)
def test_a_blood_pressure_says_which_of_the_two_is_abnormal(
    only: Make, resource: Make, coded: Make, systolic: float, diastolic: float, said: str
) -> None:
    def component(code: str, value: float, low: float, high: float) -> dict[str, Any]:
        limits = [{"low": {"value": low}, "high": {"value": high}}]
        measured = {"value": value, "unit": "mmHg"}
        return {"code": coded(code, "", LOINC), "valueQuantity": measured, "referenceRange": limits}

    parts = [component("8480-6", systolic, 90, 140), component("8462-4", diastolic, 60, 90)]
    code = coded("85354-9", "Blood pressure panel", LOINC)
    fact: Fact = only(resource("Observation", "bp", code=code, component=parts))
    assert fact.text == f"Blood pressure {systolic}/{diastolic} mmHg {said}"


def test_a_signal_in_a_component_or_beside_a_value_is_refused_too(
    chart_of: Make, resource: Make
) -> None:
    signal = {"origin": {"value": 0}, "period": 10, "dimensions": 1, "data": "1 2 3"}
    lead = {"code": {"text": "Lead II"}, "valueSampledData": signal}
    rate = {"code": {"text": "Heart rate"}, "valueInteger": 71}
    chart: Chart = chart_of(
        resource("Observation", "ecg", code={"text": "ECG"}, component=[lead, rate]),
        resource("Observation", "both", code={"text": "ECG"}, component=[rate],
                 valueSampledData=signal),
    )  # fmt: skip
    assert [len(fact.sources) for fact in chart.facts] == [2]
    refused = {o.what for o in chart.omissions if o.reason == "signal-or-image"}
    assert refused == {"Observation/ecg#component-1", "Observation/both#value"}


@pytest.mark.parametrize(
    ("long", "short"),
    [
        ("Creatinine [Mass/volume] in Serum or Plasma", "Creatinine"),
        ("Hematocrit [Volume Fraction] of Blood by Automated count", "Hematocrit"),
        ("Glucose [Mass/volume] in Urine", "Glucose in Urine"),
        ("Appendectomy (procedure)", "Appendectomy"),
        ("Serum sickness", "Serum sickness"),
        ("Creat SerPl-mCnc", "Creat"),
        ("Hgb A1c MFr Bld", "Hgb A1c MFr Bld"),
        ("Yes (qualifier value)", "Yes"),
        ("Walking (outdoors)", "Walking (outdoors)"),
    ],
)
def test_long_names_are_told_shortly(long: str, short: str) -> None:
    assert short_name(long) == short


CONVERSIONS = [row for row in table("units")["conversions"] if not row.get("arbitrary")]


@pytest.mark.parametrize("row", CONVERSIONS, ids=lambda row: f"{row['from']}-{row['to']}")
def test_conversions_of_the_table_are_those_of_the_unit_library(row: dict[str, Any]) -> None:
    registry = ucumvert.PintUcumRegistry()
    source = registry.from_ucum(row["from"])
    for value in (1.0, 40.0):
        measured = registry.Quantity(value * source.magnitude, source.units)
        target = registry.from_ucum(row["to"])
        expected = measured.to(target.units).magnitude / target.magnitude
        assert convert(value, row["from"], row["to"]) == pytest.approx(float(expected), rel=1e-6)


def test_components_are_results_of_their_own(chart_of: Make, resource: Make) -> None:
    chart: Chart = chart_of(
        resource(
            "Observation",
            "apgar",
            code={"text": "Apgar score"},
            valueInteger=8,
            component=[
                {"code": {"text": "Heart rate"}, "valueInteger": 2},
                {"code": {"text": "Skin color"}, "dataAbsentReason": {"text": "not seen"}},
            ],
        )
    )
    assert {fact.text for fact in chart.facts} == {"Apgar score 8", "Apgar score: Heart rate 2"}
    assert "Observation/apgar#component-2" in {o.what for o in chart.omissions}


def test_a_panel_is_told_by_its_members(
    chart_of: Make, reasons: Make, resource: Make, lab: Make
) -> None:
    panel = resource(
        "Observation",
        "panel",
        code={"text": "Electrolytes"},
        hasMember=[{"reference": "Observation/na"}],
    )
    member = lab("na", "2951-2", "Sodium", 140, "mmol/L")
    assert reasons(panel, member) == {"Observation/panel": "panel-header"}
    assert [fact.sources for fact in chart_of(panel, member).facts] == [("Observation/na",)]


def test_contained_members_are_told(chart_of: Make, resource: Make) -> None:
    member = {
        "resourceType": "Observation",
        "id": "m",
        "code": {"text": "Sodium"},
        "valueQuantity": {"value": 140, "unit": "mmol/L"},
    }
    panel = resource(
        "Observation",
        "panel",
        code={"text": "Electrolytes"},
        contained=[member],
        hasMember=[{"reference": "#m"}],
    )
    report = resource(
        "DiagnosticReport",
        "r",
        code={"text": "Report"},
        contained=[member],
        result=[{"reference": "#m"}],
    )
    for holder, ref in ((panel, "Observation/panel"), (report, "DiagnosticReport/r")):
        (fact,) = chart_of(holder).facts
        assert fact.text == "Sodium 140 mmol/L"
        assert fact.sources == (ref,)


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"dataAbsentReason": {"text": "unknown"}}, "data-absent"),
        ({}, "no-value"),
        ({"status": "cancelled", "valueInteger": 3}, "cancelled"),
        ({"status": "entered-in-error", "valueInteger": 3}, "entered-in-error"),
        ({"status": "entered-in-error ", "valueInteger": 3}, "entered-in-error"),
        ({"modifierExtension": [{"url": "x"}], "valueInteger": 3}, "modifier-extension"),
    ],
)
def test_what_makes_no_fact_has_a_reason(
    reasons: Make, resource: Make, coded: Make, elements: dict[str, Any], reason: str
) -> None:
    observation = resource("Observation", "o1", code=coded("1-8", "T", LOINC), **elements)
    assert reasons(observation) == {"Observation/o1": reason}


@pytest.mark.parametrize(
    ("value", "polarity"),
    [
        ({"valueCodeableConcept": {"coding": [{"code": "260385009"}]}}, Polarity.ABSENT),
        ({"valueCodeableConcept": {"coding": [{"code": "10828004"}]}}, Polarity.PRESENT),
        ({"valueInteger": 0, "interpretation": [{"coding": [{"code": "NEG"}]}]}, Polarity.ABSENT),
    ],
)
def test_a_negative_result_is_an_absence(
    only: Make, resource: Make, value: dict[str, Any], polarity: Polarity
) -> None:
    assert only(resource("Observation", "o1", code={"text": "T"}, **value)).polarity is polarity


def test_a_finding_without_value_is_told_by_its_code(
    only: Make, resource: Make, coded: Make
) -> None:
    fact = only(resource("Observation", "o1", code=coded("386661006", "Fever (finding)")))
    assert fact.text == "Fever"


def test_repeats_become_a_course(only: Make, lab: Make, ago: Make) -> None:
    values = [(3, 0.9), (2, 1.1), (1, 2.1), (0, 1.8)]
    fact: Fact = only(
        *(lab(f"o{d}", "2160-0", "Creatinine", v, "mg/dL", ago(d)) for d, v in values)
    )
    assert fact.text == (
        "Creatinine 0.9 -> 1.8 mg/dL over 3 days, rising, highest 2.1 (usual 0.5-1.1) high"
    )
    assert fact.value == 1.8
    assert fact.days_ago == 0
    assert fact.sources == tuple(f"Observation/o{d}" for d in (0, 1, 2, 3))


def test_a_course_goes_on_over_a_change_of_unit(only: Make, lab: Make, ago: Make) -> None:
    fact: Fact = only(
        lab("o1", "2160-0", "Creatinine", 1.0, "mg/dL", ago(2)),
        lab("o2", "2160-0", "Creatinine", 176.8, "umol/L", ago(1)),
    )
    assert fact.text.startswith("Creatinine 88.4 -> 176.8 umol/L over 24 hours, rising")


def test_units_that_cannot_be_converted_stay_apart(chart_of: Make, lab: Make, ago: Make) -> None:
    chart = chart_of(
        lab("o1", "1-1", "T", 1.0, "zorks", ago(2)), lab("o2", "1-1", "T", 2, "mg/dL", ago(1))
    )
    assert [fact.text for fact in chart.facts] == ["T 1 zorks", "T 2 mg/dL"]


def test_words_have_a_course_too(only: Make, resource: Make, ago: Make) -> None:
    def smoking(n: int, days: float, text: str) -> dict[str, Any]:
        return resource(
            "Observation",
            f"o{n}",
            code={"text": "Smoking"},
            effectiveDateTime=ago(days),
            valueCodeableConcept={"text": text},
        )

    assert only(smoking(1, 90, "smoker"), smoking(2, 0, "smoker")).text == (
        "Smoking: smoker (2 times)"
    )
    assert only(smoking(1, 60, "smoker"), smoking(2, 0, "former smoker")).text == (
        "Smoking: smoker -> former smoker over 2 months"
    )


def test_equal_codes_of_two_laboratories_are_two_tests(chart_of: Make, lab: Make) -> None:
    one = lab("o1", "1001", "Sodium", 140, "mmol/L")
    other = lab("o2", "1001", "Glucose", 5, "mmol/L")
    one["code"]["coding"][0]["system"] = "http://one.example.org"
    other["code"]["coding"][0]["system"] = "http://other.example.org"
    assert len(chart_of(one, other).facts) == 2


def test_unnamed_results_are_not_one_test(chart_of: Make, resource: Make) -> None:
    made = [resource("Observation", f"o{n}", valueInteger=n) for n in (1, 2)]
    assert len(chart_of(*made).facts) == 2
