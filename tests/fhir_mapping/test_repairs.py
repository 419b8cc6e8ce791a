"""What was read though it is not FHIR: by path, with what to send instead, never with a value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_mapping.quality.repairs import repairs

LAB = {"resourceType": "Observation", "id": "o1", "status": "final"}


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"subject": None}, "subject", "null-value"),
        ({"note": []}, "note", "empty-value"),
        ({"category": ["", {"coding": []}]}, "category[0]", "empty-value"),
        ({"status": "final "}, "status", "outer-blanks"),
        ({"gender": "M"}, "gender", "code-outside-value-set"),
        ({"valueQuantity": {"value": "129"}}, "valueQuantity.value", "number-as-string"),
        ({"valueQuantity": {"value": "<5", "unit": "ng/L"}}, "valueQuantity.value",
         "comparator-in-value"),
        ({"effectiveDateTime": "2024-06-14T12:00:00"}, "effectiveDateTime", "no-timezone"),
        ({"effectiveDateTime": "2024-06-14T12:00:00+0000"}, "effectiveDateTime", "date-repaired"),
        ({"effectiveDateTime": "2024-06-14T12:00Z"}, "effectiveDateTime", "date-repaired"),
        ({"issued": "2024-06-14T12: 00: 00.000Z"}, "issued", "date-repaired"),
        ({"subject": {"reference": 5}}, "subject.reference", "id-as-number"),
        ({"code": {"coding": {"code": "x"}}}, "code.coding", "object-for-list"),
    ],
)  # fmt: skip
def test_a_repair_has_its_path(change: dict[str, Any], path: str, code: str) -> None:
    notes = repairs([{**LAB, **change}])
    assert (f"Observation/o1.{path}", code) in [(note.path, note.code) for note in notes]
    assert all(note.message for note in notes)


@pytest.mark.parametrize(
    "change",
    [
        {"identifier": [{"value": "4711"}]},
        {"effectiveDateTime": "2024-06-14"},
        {"effectiveDateTime": "2024-06-14T12:00:00.123+02:00"},
        {"valueQuantity": {"value": 0, "unit": "%"}},
        {"valueBoolean": False},
    ],
)
def test_what_is_fhir_needs_no_repair(change: dict[str, Any]) -> None:
    assert repairs([{**LAB, **change}]) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just("Secretvalue"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "code", "value", "unit", "date"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.sampled_from(["resourceType", "note", "value"]), JSON)))
def test_anything_can_be_looked_at_and_no_value_is_told(found: list[dict[str, Any]]) -> None:
    notes = repairs(found)
    assert not [n for n in notes if "Secretvalue" in n.message or "Secretvalue" in n.code]
