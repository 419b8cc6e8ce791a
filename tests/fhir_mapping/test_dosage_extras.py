"""Parts of a dose that change it: dates, bounds, cycles, instructions, numbers with a comma."""

from __future__ import annotations

from typing import Any

import pytest

from fhir_mapping.elements.text import TextCleaner
from fhir_mapping.resources.dosage import dose_text

DAILY: dict[str, Any] = {"frequency": 1, "period": 1, "periodUnit": "d"}
FHIR = "http://hl7.org/fhir/StructureDefinition"
CYCLE = {
    "url": f"{FHIR}/timing-daysOfCycle",
    "extension": [{"url": "day", "valueInteger": 1}, {"url": "day", "valueInteger": 8}],
}
MONTH = {"url": f"{FHIR}/timing-dayOfMonth", "valueInteger": 15}


def dosage(**parts: Any) -> dict[str, Any]:
    return {"doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}}], **parts}


def repeat(**parts: Any) -> dict[str, Any]:
    return dosage(timing={"repeat": {**DAILY, **parts}})


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (dosage(timing={"event": ["2024-06-16", "2024-06-23"]}), "5 mg on 2 set dates"),
        (dosage(timing={"event": ["2024-06-16"]}), "5 mg on 1 set date"),
        (repeat(boundsPeriod={"start": "2024-06-01", "end": "2024-06-10"}),
         "5 mg once daily for 10 days"),
        (repeat(boundsPeriod={"start": "2024-06-01"}), "5 mg once daily"),
        (repeat(boundsPeriod={"start": "2024-06-10", "end": "2024-06-01"}), "5 mg once daily"),
        (repeat(extension=[CYCLE]), "5 mg once daily on days 1 and 8 of the cycle"),
        (repeat(extension=[MONTH]), "5 mg once daily on day 15 of the month"),
        (repeat(extension=[{"url": "http://a.example/odd", "valueString": "21 of 28"}]),
         "5 mg once daily (and what an extension says, which is not read)"),
        (dosage(patientInstruction="halve on Sundays"), "5 mg, halve on Sundays"),
        (dosage(additionalInstruction=[{"text": "with food"}]), "5 mg, with food"),
        (dosage(text="One tablet", patientInstruction="with food"), "One tablet"),
        (dosage(patientInstruction="x" * 81), "5 mg"),
    ],
)  # fmt: skip
def test_what_else_a_dose_says(sent: dict[str, Any], told: str) -> None:
    assert dose_text([sent], TextCleaner()) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [("2,5", "2.5 mg"), ("<0,5", "<0.5 mg"), ("1,250", "1,250 mg"), ("1-2", "1-2 mg"),
     ("2.5", "2.5 mg"), ("1.000,5", "1.000,5 mg")],
)  # fmt: skip
def test_numbers_as_they_are_written(value: str, told: str) -> None:
    sent = {"doseAndRate": [{"doseQuantity": {"value": value, "unit": "mg"}}]}
    assert dose_text([sent], TextCleaner()) == told


def test_a_comparator_beside_a_number_with_a_comma_stays() -> None:
    sent = {"doseQuantity": {"value": "2,5", "comparator": "<", "unit": "mg"}}
    assert dose_text([sent], TextCleaner()) == "<2.5 mg"
