"""Elements that were sent and are not read, with the reason of the reviewed list."""

from __future__ import annotations

from typing import Any

from fhir_mapping.elements import elements_left_out

SENT: list[dict[str, Any]] = [
    {"resourceType": "Observation", "id": "o1", "status": "final", "performer": [{}], "code": {}},
    {"resourceType": "Observation", "id": "o2", "performer": [{}], "zork": 1, "text": {}},
    {"resourceType": "Patient", "id": "p", "name": [{}], "photo": [{}], "gender": "female"},
    {"resourceType": "Claim", "id": "c", "total": {}},
    {"resourceType": 5, "x": 1},
]


def test_each_element_that_is_not_read_has_a_reason() -> None:
    found = {(left.element, left.reason, left.count) for left in elements_left_out(SENT)}
    assert found == {
        ("Observation.performer", "names-people", 2),
        ("Observation.text", "narrative", 1),
        ("Observation.zork", "not-listed", 1),
        ("Patient.photo", "identifies", 1),
    }
    assert all(left.detail for left in elements_left_out(SENT))


def test_most_often_sent_comes_first() -> None:
    counts = [left.count for left in elements_left_out(SENT)]
    assert counts == sorted(counts, reverse=True)
