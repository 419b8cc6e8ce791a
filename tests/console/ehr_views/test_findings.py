"""What of an exchange does not conform, on both sides."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.console.ehr_views import feedback_findings, request_findings, response_findings
from cds_hooks.console.ehr_views.findings import rows
from cds_hooks.protocol.feedback import parse_feedback
from cds_hooks.protocol.protocol_errors import FieldProblem
from fhir_mapping.chart import QualityNote
from tests.console.ehr_views.requests import EPIC, FINE, PATIENT, TEMPLATES, bundle
from tests.console.ehr_views.responses import made
from tests.console.hostile import HOSTILE


def _told(request: Any) -> set[tuple[str, str]]:
    return {(each.rule, each.where) for each in request_findings(request, TEMPLATES)}


def _with(**changes: Any) -> dict[str, Any]:
    """The fine request with members replaced; `context__x` is one of its context."""
    request = copy.deepcopy(FINE)
    for name, value in changes.items():
        outer, _, inner = name.partition("__")
        target, key = (request[outer], inner) if inner else (request, outer)
        if value is ...:
            del target[key]
        else:
            target[key] = value
    return request


def test_a_request_by_the_specification_has_none() -> None:
    assert request_findings(FINE, TEMPLATES) == ()


def test_our_own_responses_have_none_of_the_specification() -> None:
    for profile in ("generic", "epic"):
        assert [f for f in response_findings(made(profile)) if f.level != "ours"] == []


def test_a_response_is_judged_by_the_checks_of_conform() -> None:
    document = made()
    document["cards"][0] |= {"summary": "x" * 140, "indicator": "bad", "links": [{"url": "/a"}]}
    found = {(each.rule, each.where) for each in response_findings(document)}
    assert found >= {
        ("card-summary", "cards[0]"),
        ("card-indicator", "cards[0]"),
        ("card-links", "cards[0].links[0]"),
    }
    levels = [each.level for each in response_findings(document)]
    assert levels == sorted(levels, key=["shall", "should", "ours"].index)


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        ([], "call-json"),
        ({"x": 1}, "call-cards"),
        ({"cards": [], "x": None}, "call-no-null-or-empty"),
    ],
)
def test_what_is_no_response(document: Any, rule: str) -> None:
    assert [each.rule for each in response_findings(document)] == [rule]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"hook": ...}, ("hook-missing", "hook")),
        ({"hook": 3}, ("hook-missing", "hook")),
        ({"hook": "com.example-own"}, ("hook-unknown", "hook")),
        ({"hookInstance": "123456"}, ("hook-instance", "hookInstance")),
        ({"hookInstance": ...}, ("hook-instance", "hookInstance")),
        ({"surprise": 1}, ("unknown-member", "surprise")),
        ({"fhirServer": ...}, ("fhir-server-missing", "fhirServer")),
        ({"fhirServer": "http://ehr.example"}, ("fhir-server-http", "fhirServer")),
        ({"context__patientId": ""}, ("null-or-empty", "context.patientId")),
        ({"context__patientId": ...}, ("context-missing", "context.patientId")),
        ({"context__userId": ...}, ("context-missing", "context.userId")),
        ({"context__patientId": "Patient/p1"}, ("context-reference", "context.patientId")),
        ({"context__userId": "1"}, ("context-user", "context.userId")),
        ({"context__userId": "Device/1"}, ("context-user", "context.userId")),
        ({"context__extra": "x"}, ("context-unknown", "context.extra")),
        ({"fhirAuthorization__scope": ...}, ("authorization-member", "fhirAuthorization.scope")),
        ({"fhirAuthorization__token_type": "bearer"},
         ("authorization-type", "fhirAuthorization.token_type")),
        ({"fhirAuthorization__expires_in": "300"},
         ("authorization-seconds", "fhirAuthorization.expires_in")),
        ({"fhirAuthorization__expires_in": True},
         ("authorization-seconds", "fhirAuthorization.expires_in")),
        ({"prefetch__mine": PATIENT}, ("prefetch-key-unknown", "prefetch.mine")),
        ({"prefetch__laboratory": ...}, ("prefetch-key-missing", "prefetch.laboratory")),
        ({"prefetch__laboratory": "123"}, ("prefetch-not-resource", "prefetch.laboratory")),
        ({"prefetch__laboratory": []}, ("prefetch-not-resource", "prefetch.laboratory")),
        ({"prefetch__patient": {"resourceType": "OperationOutcome"}},
         ("prefetch-outcome", "prefetch.patient")),
        ({"prefetch__patient": {"resourceType": "Group"}},
         ("prefetch-other-type", "prefetch.patient")),
        ({"prefetch__problems": bundle(PATIENT)},
         ("prefetch-other-type", "prefetch.problems.entry[0]")),
        ({"prefetch__problems": bundle(type="collection")},
         ("prefetch-not-searchset", "prefetch.problems.type")),
        ({"prefetch__problems": {"resourceType": "Condition"}},
         ("prefetch-not-searchset", "prefetch.problems")),
        ({"prefetch__problems": bundle(link=[{"relation": "next", "url": "x"}])},
         ("prefetch-paged", "prefetch.problems.link")),
        ({"prefetch__problems": bundle(link=[{"relation": "self", "url": "?_id=%7B%7Bx"}])},
         ("unresolved-token", "prefetch.problems.link")),
        ({"extension__com.epic": "R4"}, ("extension-not-object", "extension.com.epic")),
    ],
)  # fmt: skip
def test_each_finding(changes: dict[str, Any], found: tuple[str, str]) -> None:
    assert found in _told(_with(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"fhirServer": "http://127.0.0.1:8090/fhir"},
        {"context__encounterId": ...},
        {"prefetch": ...},
        {"extension": ...},
        {"prefetch__problems": None},
        {"prefetch__problems": bundle()},
        {"fhirServer": ..., "fhirAuthorization": ...},
    ],
)
def test_what_is_allowed_is_not_told(changes: dict[str, Any]) -> None:
    assert _told(_with(**changes)) <= {("prefetch-key-missing", "prefetch.user")}


def test_an_encounter_hook_needs_its_encounter() -> None:
    request = _with(hook="encounter-start", context__encounterId=...)
    assert ("context-missing", "context.encounterId") in _told(request)


def test_a_context_bundle_without_a_type_is_noted() -> None:
    orders = {"resourceType": "Bundle", "entry": []}
    told = _told(_with(hook="order-sign", context__draftOrders=orders))
    assert ("context-bundle-type", "context.draftOrders") in told


def test_epics_own_ways_are_all_told() -> None:
    assert {rule for rule, _ in _told(EPIC)} == {
        "authorization-type", "authorization-seconds", "context-reference", "prefetch-key-unknown",
        "prefetch-key-missing", "prefetch-outcome", "prefetch-paged", "prefetch-not-resource",
        "absolute-reference", "extension-not-object",
    }  # fmt: skip


def test_refusals_and_notes_of_the_mapping_are_told_without_ids() -> None:
    found = request_findings(
        FINE,
        TEMPLATES,
        refused=[FieldProblem("context.patientId", "required", "is required")],
        quality=[QualityNote("Observation/o1.component[2].valueQuantity", "x", "no number")],
    )
    assert {(each.rule, each.where) for each in found} == {
        ("refused", "context.patientId"),
        ("not-fhir", "Observation.component[2].valueQuantity"),
    }
    assert "no number" in found[1].words


def test_no_finding_tells_a_value() -> None:
    """Whatever text of a request is replaced by a secret, the secret is not told."""
    secret = "zqx-secret"
    request = json.loads(
        json.dumps(EPIC).replace("p1", secret).replace("<html>", secret).replace("300", secret)
    )
    request["hookInstance"] = request["fhirServer"] = request["context"]["userId"] = secret
    for each in request_findings(request, TEMPLATES):
        assert secret not in f"{each.where} {each.words} {each.read}"


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["resourceType", "entry", "link", "resource", "url", "search",
                                       "mode", "reference", "patientId", "userId", "subject"]),
                      inner, max_size=4),
    max_leaves=15,
)  # fmt: skip
members = st.sampled_from(
    ["hook", "hookInstance", "context", "prefetch", "extension", "fhirServer", "fhirAuthorization"]
)


@given(json_values | st.dictionaries(members, json_values))
def test_whatever_was_sent_can_be_judged(request: Any) -> None:
    for each in request_findings(request, TEMPLATES):
        assert each.rule in rows()
    for each in response_findings(request):
        assert each.words


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_keys_are_cut_and_cleaned(text: str) -> None:
    request = _with(**{"prefetch__" + text * 9: None, text * 9: 1})
    for each in request_findings(request, TEMPLATES):
        assert len(each.where) <= 123
        assert "\u0000" not in each.where


def test_both_spellings_of_feedback_are_told() -> None:
    document = {
        "feedback": [
            {"card": "123456", "outcome": "overridden", "overrideReasons": {"reason": {}}},
            {"card": "c", "outcome": "accepted", "outcomeTimestamp": "2026-11-29T07:00:00Z"},
        ]
    }  # fmt: skip
    problems = parse_feedback(json.dumps(document).encode()).problems
    found = {(each.rule, each.where) for each in feedback_findings(document, problems)}
    assert ("feedback-plural", "feedback[0].overrideReasons") in found
    assert ("feedback-entry", "feedback[0].outcomeTimestamp") in found
    assert ("feedback-entry", "feedback[1].acceptedSuggestions") in found
    assert feedback_findings([])[0].rule == "not-json-object"


def test_every_rule_can_be_found() -> None:
    """No row of the data is for nothing."""
    source = "".join(
        file.read_text("utf-8")
        for file in __import__("pathlib").Path("cds_hooks/console/ehr_views").glob("*findings.py")
    )
    assert [rule for rule in rows() if f'"{rule}"' not in source] == []
