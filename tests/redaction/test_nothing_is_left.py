"""Nothing that identifies anybody is left of a request."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.redaction import redact
from tests.redaction.charts import IDENTIFIERS, REQUEST, golden, planted

NOW = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)


def _text(request: Any, **more: Any) -> str:
    done = redact(request, now=NOW, **more)
    return json.dumps([done.request, done.told()], ensure_ascii=False).casefold()


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_no_identifier_is_left(identifier: str) -> None:
    assert identifier.casefold() in json.dumps(REQUEST, ensure_ascii=False).casefold()
    assert identifier.casefold() not in _text(REQUEST)


@pytest.mark.parametrize("identifier", [each for each in IDENTIFIERS if each != "Quinceañera"])
def test_nor_where_a_terminology_knows_every_word(identifier: str) -> None:
    assert identifier.casefold() not in _text(REQUEST, is_term=lambda _: True)


def test_the_request_that_was_handed_in_is_not_changed() -> None:
    before = copy.deepcopy(REQUEST)
    redact(REQUEST, now=NOW)
    assert before == REQUEST


def _request(resource: dict[str, Any]) -> dict[str, Any]:
    return {"hook": "patient-view", "hookInstance": "x", "context": {"patientId": "p"},
            "prefetch": {"key": resource}}  # fmt: skip


@pytest.mark.parametrize("sentinel", ["zqxsentinel", "Zqx Sentinel"])
def test_a_word_planted_in_any_text_of_any_resource_is_gone(sentinel: str) -> None:
    """One at a time. Words beside a public code are kept where no name of the request is in them:
    what a client displays for a code cannot be told from a terminology's own."""
    left = []
    for resource in golden():
        for path, changed in planted(resource, sentinel):
            kept = _text(_request(changed))
            if sentinel.casefold() in kept and not path.endswith("display"):
                left.append(f"{resource['resourceType']}.{path}")
    assert left == []


@pytest.mark.parametrize("number", ["123-45-6789", "555-867-5309", "0099887766", "1951-07-14T03"])
def test_a_number_planted_in_any_text_is_gone(number: str) -> None:
    for resource in golden():
        if resource["resourceType"] in ("Patient", "Observation", "Condition"):
            for path, changed in planted(resource, number):
                assert number.casefold() not in _text(_request(changed)), path


@pytest.mark.parametrize(
    "system",
    ["http://ehr.example/codes", "http://hl7.org/fhir/sid/us-ssn", "urn:oid:1.2.3", "", None, 4],
)
def test_codes_of_systems_that_are_not_public_are_told_by_place(system: Any) -> None:
    coding = {"system": system, "code": "123-45-6789", "display": "x"}
    done = redact(
        _request({"resourceType": "Condition", "code": {"coding": [coding, coding]}}), now=NOW
    )
    [first, second] = done.request["prefetch"]["key"]["code"]["coding"]
    assert first == second
    assert first["code"] == "code-1"
    assert "display" not in first


@pytest.mark.parametrize("value", [123456789, 5558675309, 100000000, -100000000.0])
def test_numbers_of_nine_digits_and_more_are_gone(value: float) -> None:
    resource = {"resourceType": "Observation", "valueQuantity": {"value": value, "unit": "mg"}}
    kept = redact(_request(resource), now=NOW).request["prefetch"]["key"]
    assert kept["valueQuantity"] == {"unit": "mg"}
    resource["valueQuantity"] = {"value": 99999999, "unit": "mg"}
    kept = redact(_request(resource), now=NOW).request["prefetch"]["key"]
    assert kept["valueQuantity"]["value"] == 99999999


@pytest.mark.parametrize("inside", ["prefetch", "context", "other"])
def test_what_is_nested_too_deeply_is_refused_before_it_is_walked(inside: str) -> None:
    deep: Any = {"resourceType": "Patient"}
    for _ in range(1000):
        deep = {"contained": [deep]}
    with pytest.raises(ValueError, match="100 levels"):
        redact({"hook": "patient-view", inside: deep}, now=NOW)


NAMES = (
    "resourceType", "id", "code", "coding", "system", "display", "value", "entry", "resource",
    "extension", "contained", "reference", "link", "issue", "text", "birthDate", "period",
)  # fmt: skip
names = st.sampled_from(NAMES) | st.text(max_size=4)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(["hook", "context", "prefetch", "extension"]), json_values))
def test_whatever_was_sent_can_be_redacted_and_read(request: dict[str, Any]) -> None:
    kept = redact(request, now=NOW).request
    assert json.loads(json.dumps(kept)) == kept
    assert "fhirAuthorization" not in kept
