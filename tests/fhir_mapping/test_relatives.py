"""Who a relative is, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir_mapping import map_chart

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1964-06-15"}
ROLES = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"


@pytest.mark.parametrize(
    ("relation", "told"),
    [
        ({"coding": [{"system": ROLES, "code": "FTH"}]}, "Father"),
        ({"coding": [{"system": ROLES, "code": "mgrmth"}]}, "Maternal grandmother"),
        ({"coding": [{"system": ROLES, "code": "FTH", "display": "Vater"}]}, "Vater"),
        ({"coding": [{"system": ROLES, "code": "FTH"}], "text": "Her father"}, "Her father"),
        ({"coding": [{"code": "72705000", "display": "Mother (person)"}]}, "Mother"),
        ({"text": "FTH"}, "FTH"),
        (None, "Relative"),
    ],
)
def test_a_relative_is_named_by_words_or_by_the_code(relation: Any, told: str) -> None:
    history = {"resourceType": "FamilyMemberHistory", "id": "f", "status": "completed",
               "patient": {"reference": "Patient/p1"}, "relationship": relation,
               "condition": [{"code": {"text": "Stroke"}}]}  # fmt: skip
    (fact,) = map_chart([PATIENT, history], patient_id="p1", now=NOW).facts
    assert fact.text == f"{told}: Stroke"
