"""What came under a prefetch key is told in stable words; never a word of what was sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.consultation import KeyArrival, KeyState
from cds_hooks.gather import PatientUnavailable, gather
from cds_hooks.gather.arrival import arrival
from cds_hooks.gather.prefetch_values import read_value

CONTEXT = {"patientId": "p1"}
TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "allergies": "AllergyIntolerance?patient={{context.patientId}}",
}
PATIENT = {"resourceType": "Patient", "id": "p1"}
FORBIDDEN = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "forbidden", "diagnostics": "Jane Doe"}],
}


def bundle(*resources: Any) -> dict[str, Any]:
    entry = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entry}


ARRIVED = [
    ("<!DOCTYPE html><html><body>Sign in</body></html>", "html"),
    ("\n <html lang='en'>", "html"),
    ("Jane Doe", "text"),
    ("", "text"),
    ([PATIENT], "array"),
    (17, "number"),
    (True, "boolean"),
    ({}, "object-without-resource-type"),
    ({"resourceType": ""}, "object-without-resource-type"),
    ({"resourceType": ["Patient"]}, "object-without-resource-type"),
    (FORBIDDEN, "operation-outcome forbidden"),
    ({"resourceType": "OperationOutcome"}, "operation-outcome"),
    ({"resourceType": "OperationOutcome", "issue": [{"code": "Jane Doe"}]}, "operation-outcome"),
    (bundle(FORBIDDEN, FORBIDDEN), "operation-outcome forbidden"),
    (bundle("Jane Doe"), "bundle-unreadable"),
    (bundle({"resourceType": "Observation"}), "bundle-of-other-types"),
    ({"resourceType": "Observation"}, "resource-of-another-type"),
]


@pytest.mark.parametrize(("value", "told"), ARRIVED, ids=lambda v: str(v)[:40])
def test_what_arrived_is_told_apart(value: Any, told: str) -> None:
    assert read_value(value, "Patient").arrived == told


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists) | st.text())
def test_no_word_of_what_was_sent_is_in_it(value: Any) -> None:
    words = {"null", "text", "html", "array", "number", "boolean"}
    assert arrival(value) in words
    wrapped = {"resourceType": "OperationOutcome", "issue": [{"code": value}]}
    assert arrival(wrapped).partition(" ")[0] == "operation-outcome"


async def test_the_states_of_keys_that_are_not_whole_say_what_came() -> None:
    cases = {"html": "<html>", "text": "no access", "operation-outcome forbidden": FORBIDDEN}
    for told, sent in cases.items():
        found = await gather({"patient": PATIENT, "allergies": sent}, TEMPLATES, CONTEXT)
        assert found.states["allergies"] is KeyState.UNAVAILABLE
        assert found.arrivals == {"allergies": KeyArrival(told, ("fhir-server-missing",))}


async def test_a_key_that_was_not_sent_is_told_as_that() -> None:
    found = await gather({"patient": PATIENT}, TEMPLATES, CONTEXT)
    assert found.arrivals == {"allergies": KeyArrival("not-sent", ("fhir-server-missing",))}


async def test_of_what_came_whole_nothing_is_told() -> None:
    found = await gather({"patient": PATIENT, "allergies": bundle()}, TEMPLATES, CONTEXT)
    assert found.states["allergies"] is KeyState.EMPTY
    assert found.arrivals == {}


@pytest.mark.parametrize(
    ("sent", "told", "hint"),
    [
        ({"id": "p1"}, "object-without-resource-type", "Send a FHIR Patient under this key"),
        ("Jane Doe", "text", "Send a FHIR Patient under this key"),
        (FORBIDDEN, "operation-outcome forbidden", "The client's own read failed"),
    ],
)
async def test_a_412_says_what_arrived(sent: Any, told: str, hint: str) -> None:
    with pytest.raises(PatientUnavailable) as caught:
        await gather({"patient": sent}, TEMPLATES, CONTEXT)
    assert f"what was sent: {told}" in str(caught.value)
    assert caught.value.hint.startswith(hint)
    assert "Jane" not in str(caught.value) + caught.value.hint


async def test_a_412_for_a_key_that_was_not_sent_asks_for_it() -> None:
    with pytest.raises(PatientUnavailable) as caught:
        await gather({}, TEMPLATES, CONTEXT)
    assert "what was sent" not in str(caught.value)
    assert caught.value.hint.startswith("Send this prefetch key")
