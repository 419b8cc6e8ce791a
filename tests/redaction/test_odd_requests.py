"""Requests of any shape are redacted, in time that does not grow with the square of their size."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from cds_hooks.redaction import redact
from cds_hooks.redaction.rules import is_public, is_unit, kind_of

NOW = datetime(2026, 11, 29, 7, 0, tzinfo=UTC)
CODE = {"coding": [{"system": "http://loinc.org", "code": "1-2", "display": "x"}], "text": "x"}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o",
    "code": CODE,
    "valueQuantity": {"value": 3.2, "unit": "mg/dL"},
    "subject": {"reference": "Patient/1"},
    "contained": [{"resourceType": "Specimen", "id": "s"}],
    "modifierExtension": [{"url": "m"}],
}
BUNDLE = {
    "resourceType": "Bundle",
    "total": 3,
    "link": [{"relation": "next", "url": "x"}],
    "entry": [{"fullUrl": "urn:uuid:1", "search": {"mode": "match"}, "resource": OBSERVATION}],
}
REQUEST = {
    "hook": "patient-view",
    "context": {"patientId": "1", "selections": ["Condition/1"]},
    "prefetch": {"patient": {"resourceType": "Patient", "birthDate": "1950-01-02"}, "o": BUNDLE},
}
ODD = [None, True, 5, "", [], {}, [None], [5], [[]], {"resourceType": 5}, {"coding": 5}, {"url": 5}]


def _places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*here, key)
        if isinstance(inner, dict | list):
            yield from _places(inner, (*here, key))


@pytest.mark.parametrize("odd", ODD, ids=json.dumps)
def test_whatever_stands_anywhere_a_request_is_redacted(odd: Any) -> None:
    for *path, last in _places(REQUEST):
        request = copy.deepcopy(REQUEST)
        inner: Any = request
        for key in path:
            inner = inner[key]
        inner[last] = odd
        json.dumps(redact(request, now=NOW).request)


def test_local_codes_are_numbered_in_their_order() -> None:
    codings = [{"system": f"urn:{n % 2}", "code": str(n % 3)} for n in range(4)]
    bundle = {"resourceType": "Bundle", "entry": [
        {"resource": {"resourceType": "Observation", "code": {"coding": codings}}}]}  # fmt: skip
    redacted = redact({"prefetch": {"o": bundle}}, now=NOW).request
    kept = redacted["prefetch"]["o"]["entry"][0]["resource"]["code"]["coding"]
    assert kept == [
        {"system": "urn:redacted:system-1", "code": "code-1"},
        {"system": "urn:redacted:system-2", "code": "code-2"},
        {"system": "urn:redacted:system-1", "code": "code-3"},
        {"system": "urn:redacted:system-2", "code": "code-4"},
    ]


def test_what_clients_send_is_not_remembered_without_bound() -> None:
    for each in (kind_of, is_public, is_unit):
        assert each.cache_parameters()["maxsize"] is not None
