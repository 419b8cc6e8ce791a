"""By how much a result must change before a direction is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fhir_mapping import Fact
from fhir_mapping.tables import table

Make = Callable[..., Any]

# code, unit, first value, and a last value below, on and above the bound
BOUNDS = [
    ("6598-7", "ng/L", 60.0, 71.9, 72.0, 72.1),  # troponin T: 20 percent
    ("10839-9", "ng/mL", 0.5, 0.59, 0.6, 0.61),  # troponin I: 20
    ("718-7", "g/dL", 10.0, 10.7, 10.78, 10.8),  # hemoglobin: 7.8
    ("2951-2", "mmol/L", 140.0, 144.5, 144.55, 144.6),  # sodium: 3.25
    ("2823-3", "mmol/L", 4.0, 3.49, 3.4876, 3.48),  # potassium: 12.81, falling
    ("2160-0", "mg/dL", 1.0, 1.14, 1.145, 1.15),  # creatinine: 14.5
    ("6690-2", "10*3/uL", 10.0, 7.1, 7.01, 7.0),  # leukocytes: 29.9, falling
    ("777-3", "10*3/uL", 200.0, 237.0, 237.2, 238.0),  # platelets: 18.6
    ("4548-4", "%", 10.0, 10.46, 10.47, 10.48),  # HbA1c: 4.7
    ("6301-6", "1", 2.0, 2.14, 2.15, 2.16),  # INR: 7.5
    ("1742-6", "U/L", 100.0, 125.7, 125.8, 125.9),  # ALT: 25.8
    ("33762-6", "pg/mL", 1000.0, 1345.0, 1346.0, 1347.0),  # NT-proBNP: 34.6
    ("1988-5", "mg/L", 100.0, 104.9, 105.0, 105.1),  # C-reactive protein: 5 of any other
]


def _course(only: Make, lab: Make, ago: Make, code: str, unit: str, *values: float) -> str:
    days = range(len(values) - 1, -1, -1)
    sent = [lab(f"o{d}", code, "T", v, unit, ago(d)) for d, v in zip(days, values, strict=True)]
    fact: Fact = only(*sent)
    return fact.text


@pytest.mark.parametrize(("code", "unit", "first", "below", "on", "above"), BOUNDS)
def test_a_direction_is_told_above_the_bound_alone(
    only: Make, lab: Make, ago: Make, code: str, unit: str,
    first: float, below: float, on: float, above: float,
) -> None:  # fmt: skip
    for last in (below, on):
        told = _course(only, lab, ago, code, unit, first, last)
        assert "->" in told
        assert "rising" not in told
        assert "falling" not in told
        assert "unchanged" not in told
    word = "rising" if above > first else "falling"
    assert f", {word}" in _course(only, lab, ago, code, unit, first, above)


@pytest.mark.parametrize(
    ("code", "unit", "values"),
    [("6598-7", "ng/L", (61.0, 62.0)), ("718-7", "g/dL", (11.3, 11.2))],
)
def test_noise_is_no_trend(
    only: Make, lab: Make, ago: Make, code: str, unit: str, values: tuple[float, ...]
) -> None:
    told = _course(only, lab, ago, code, unit, *values)
    assert "rising" not in told
    assert "falling" not in told


def test_the_same_value_is_unchanged_and_a_peak_between_is_told(
    only: Make, lab: Make, ago: Make
) -> None:
    assert ", unchanged" in _course(only, lab, ago, "718-7", "g/dL", 11.3, 11.3)
    assert ", highest 14" in _course(only, lab, ago, "718-7", "g/dL", 11.3, 14.0, 11.4)


@pytest.mark.parametrize(
    ("code", "name", "unit", "first", "last"),
    [
        ("8310-5", "Body temperature", "Cel", 37.0, 38.6),
        ("59408-5", "Oxygen saturation", "%", 98.0, 94.0),
        ("2744-1", "pH", "1", 7.4, 7.3),
        ("2019-8", "pCO2", "mm[Hg]", 40.0, 41.0),
        ("1988-5", "C-reactive protein", "mg/L", 0.0, 0.1),
    ],
)
def test_what_is_no_concentration_has_no_share(
    only: Make, lab: Make, ago: Make, code: str, name: str, unit: str, first: float, last: float
) -> None:
    fact = only(
        lab("o1", code, name, first, unit, ago(1)), lab("o2", code, name, last, unit, ago(0))
    )
    assert ", rising" in fact.text or ", falling" in fact.text


def test_every_row_has_a_source_and_codes_are_listed_once() -> None:
    found = table("reference_changes")
    codes = [code for row in found["changes"] for code in row["codes"]]
    assert len(codes) == len(set(codes))
    for row in found["changes"]:
        assert row["source"] in found["sources"], row["name"]
        assert row["says"]
        assert row["looked_up"]
        assert 0 < row["percent"] < 50
