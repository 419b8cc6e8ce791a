"""What leaves: named as the specification names it, pruned, and checked."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.app import errors as app_errors
from cds_hooks.errors import ChartsideError
from cds_hooks.protocol.cards import Card, Response, Source
from cds_hooks.protocol.discovery import Discovery, ServiceEntry
from cds_hooks.protocol.json_output import to_document, to_json
from cds_hooks.protocol.operation_outcome import outcome_of, outcome_of_problems
from cds_hooks.protocol.protocol_errors import AnswerInvalid, FieldProblem, RequestInvalid
from cds_hooks.protocol.schema_validation import check, schema
from cds_hooks.services.switched_off import ServiceSwitchedOff
from tests.sample.places import DATA

CARDS = [p for d in DATA for p in (d.folder / "hooks/cards.json", d.crd / "valid_cards.json")
         if p.is_file()]  # fmt: skip
"""Ours of every shape, and those that the CRD test kit publishes where they are there."""


def card(**extension: Any) -> Card:
    return Card("x", "info", Source("s"), extension={"org.example.x": extension})


def test_the_two_empty_answers():
    assert to_json(Response()) == b'{"cards":[]}'
    assert to_json(Discovery()) == b'{"services":[]}'


def test_an_entry_of_discovery_has_the_specifications_names():
    entry = ServiceEntry(
        "a", "patient-view", "T", "D", usage_requirements="U", prefetch={"p": "Patient/1"}
    )
    assert to_document(Discovery((entry,)))["services"] == [
        {
            "id": "a",
            "hook": "patient-view",
            "title": "T",
            "description": "D",
            "usageRequirements": "U",
            "prefetch": {"p": "Patient/1"},
            "version": "2.0.1",
        }
    ]


def empties(value: Any) -> bool:
    if isinstance(value, dict | list):
        inside = list(value.values() if isinstance(value, dict) else value)
        return not inside or any(empties(item) for item in inside)
    return value is None or value == ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x"]),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from("abc"), v, max_size=3),
    max_leaves=12,
)


@given(json_values)
def test_nothing_null_or_empty_ever_leaves(value):
    try:
        document = to_document(Response((card(a=value),)))
    except AnswerInvalid:
        assert "None" in str(value)  # only a null inside an array cannot be left out
    else:
        assert not empties(document)


@given(json_values)
def test_what_has_a_value_is_not_left_out(value):
    try:
        document = to_document(Response((card(a=value, kept=True),)))
    except AnswerInvalid:
        return
    sent = document["cards"][0]["extension"]["org.example.x"]
    assert leaves(sent.get("a")) == leaves(value)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [] if value is None or value == "" else [value]


def test_a_violation_is_told_by_path_and_rule_only():
    with pytest.raises(AnswerInvalid) as caught:
        to_json(Response((Card("SENTINEL" * 40, "info", Source("s")),)))
    assert caught.value.where == "cards/0/summary"
    assert "maxLength" in caught.value.message
    assert "SENTINEL" not in caught.value.diagnostics()
    assert caught.value.__cause__ is None


def test_a_key_that_may_be_a_value_is_hidden():
    with pytest.raises(AnswerInvalid) as caught:
        to_json(Response((card(**{"Mrs SENTINEL": [None]}),)))
    assert "SENTINEL" not in caught.value.diagnostics()


@pytest.mark.parametrize(
    "name", ["discovery", "feedback", "hook-request", "operation-outcome", "response"]
)
def test_every_schema_is_of_draft_2020_12(name):
    document = schema(name)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["title"]
    with pytest.raises(AnswerInvalid):
        check([], name)


@pytest.mark.parametrize("path", CARDS, ids=lambda p: p.name)
def test_cards_of_others_conform_to_our_schema(path):
    cards = orjson.loads(path.read_bytes())
    assert len(cards) > 5
    check({"cards": cards}, "response")


def test_an_outcome_names_paths():
    error = RequestInvalid([FieldProblem("context.patientId", "required", "is required")])
    assert to_document(outcome_of(error)) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "required",
                "details": {
                    "coding": [{"system": "urn:chartside:code", "code": "request-invalid"}],
                    "text": "context.patientId is required",
                },
                "expression": ["context.patientId"],
            }
        ],
    }


def test_every_error_of_ours_makes_a_valid_outcome():
    errors = list(_below(ChartsideError))
    assert app_errors.Overloaded in errors
    assert len(errors) > 15
    for kind in errors:
        error = kind.__new__(kind)
        ChartsideError.__init__(error, "it happened", where="here", hint="Do that.")
        if isinstance(error, RequestInvalid):
            error.problems = (FieldProblem("a", "value", "is wrong"),)
        # A service that was switched off answers without cards, which is no error.
        assert 400 <= error.status < 600 or kind is ServiceSwitchedOff
        to_json(outcome_of(error))


def _below(kind: type[ChartsideError]) -> Any:
    for found in kind.__subclasses__():
        if found.__module__.startswith("cds_hooks."):
            yield found
        yield from _below(found)


def test_many_problems_make_a_short_outcome():
    problems = [
        FieldProblem(f"feedback[{n}]", "structure", "must be an object") for n in range(500)
    ]
    issues = to_document(outcome_of_problems(1, problems))["issue"]
    assert len(issues) == 22
    assert issues[-1]["details"]["text"] == "480 more problems"
