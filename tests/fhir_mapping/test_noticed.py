"""A chart carries what was repaired in the resources that became its facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mapping import map_chart

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p", "gender": "female"}
ABOUT = {"reference": "Patient/p"}


def result(number: str = "o1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": number,
        "status": "final",
        "subject": ABOUT,
        "code": {"text": "Creatinine"},
        "effectiveDateTime": "2024-06-14T08:00:00Z",
        "valueQuantity": {"value": 1.2, "unit": "mg/dL"},
        **more,
    }


def codes(*resources: dict[str, Any], patient: dict[str, Any] = PATIENT) -> list[tuple[str, str]]:
    chart = map_chart([patient, *resources], patient_id="p", now=NOW)
    return [(note.path, note.code) for note in chart.quality]


def test_a_clean_chart_has_no_remark() -> None:
    assert codes(result()) == []


@pytest.mark.parametrize(
    ("more", "path", "code"),
    [
        ({"valueQuantity": {"value": "1.2", "unit": "mg/dL"}}, "valueQuantity.value",
         "number-as-string"),
        ({"valueQuantity": {"value": "<1.2", "unit": "mg/dL"}}, "valueQuantity.value",
         "comparator-in-value"),
        ({"effectiveDateTime": "2024-06-14T08:00:00"}, "effectiveDateTime", "no-timezone"),
        ({"effectiveDateTime": "2024-06-14T08: 00: 00Z"}, "effectiveDateTime", "date-repaired"),
    ],
)  # fmt: skip
def test_what_was_repaired_is_told_with_its_path(
    more: dict[str, Any], path: str, code: str
) -> None:
    assert (f"Observation/o1.{path}", code) in codes(result(**more))


def test_a_gender_outside_the_value_set_is_told() -> None:
    assert codes(result(), patient={**PATIENT, "gender": "F"}) == [
        ("Patient/p.gender", "code-outside-value-set")
    ]


def test_resources_that_are_not_in_the_chart_are_not_looked_at() -> None:
    elsewhere = result(
        "o2", subject={"reference": "Patient/other"}, effectiveDateTime="2024-06-14 8"
    )
    assert codes(result(effectiveDateTime="2024-06-14T08:00:00"), elsewhere) == [
        ("Observation/o1.effectiveDateTime", "no-timezone")
    ]


def test_remarks_are_few_and_the_same_in_any_order() -> None:
    many = [result(f"o{n:03}", effectiveDateTime="2024-06-14T08:00:00") for n in range(300)]
    assert codes(*many) == codes(*reversed(many))
    assert len(codes(*many)) == 50
