"""What a reviewer types becomes a query, or is refused with its field."""

from __future__ import annotations

import json

import pytest

from cds_hooks.audit.ledger.query import LedgerQuery
from cds_hooks.audit.ledger.record import Record
from cds_hooks.console.desk.desk_errors import SearchRefused
from cds_hooks.console.desk.terms import Terms, form_fields


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"),
        ("until", "2026-11-22 14:30"),
        ("since", "2026-11-22T14:30:00Z"),
        ("pseudonyms", "p1"),
        ("pseudonyms", "p1:abcdefgh <b>"),
        ("pseudonyms", " ".join(["p1:abcdefgh"] * 21)),
        ("user", "x" * 301),
        ("client", "a\u202eb"),
        ("patient", "a\nb"),
    ],
)
def test_what_is_no_term_is_refused(name: str, value: str) -> None:
    with pytest.raises(SearchRefused) as refused:
        Terms.of({name: value})
    assert refused.value.where == name
    assert value not in refused.value.diagnostics()


@pytest.mark.parametrize("value", ["2026", "2026-11", "2026-11-22", "2026-11-22T14:30:59"])
def test_a_time_or_its_beginning_is_taken(value: str) -> None:
    assert Terms.of({"since": value, "until": value}).given() == {"since": value, "until": value}


@pytest.mark.parametrize("body", [b"a=" + b"x" * 16_384, b"\xff=1", b"&".join([b"a=1"] * 41)])
def test_a_form_past_its_bounds_is_refused(body: bytes) -> None:
    with pytest.raises(SearchRefused):
        form_fields(body)


def test_terms_are_hashed_apart_by_field() -> None:
    told = Terms.of({"user": "a", "client": "a"}).hashed(lambda *parts: "|".join(parts))
    assert told == ["user:desk-search|user|a", "client:desk-search|client|a"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (LedgerQuery(service="s"), True),
        (LedgerQuery(service="t"), False),
        (LedgerQuery(outcome="answered"), True),
        (LedgerQuery(outcome="answere"), False),
        (LedgerQuery(client="https://ehr.example"), True),
        (LedgerQuery(client="https://ehr.example/"), False),
        (LedgerQuery(users=frozenset({'Practitioner/"\u00e9'})), True),
        (LedgerQuery(users=frozenset({"Practitioner/1"})), False),
        (LedgerQuery(patients=frozenset({"p1:b", "p1:a"})), True),
        (LedgerQuery(consultation="c"), False),
    ],
)
def test_what_a_query_asks_is_compared(query: LedgerQuery, *, found: bool) -> None:
    fields = {
        "service_id": "s",
        "outcome": "answered",
        "client_iss": "https://ehr.example",
        "user_ref": 'Practitioner/"\u00e9',
        "patient_pseudonym": "p1:a",
    }
    data = json.dumps(fields | {"x": "c1"}, ensure_ascii=False).encode()
    assert query.matches(Record(0, "", fields, data)) is found
    assert query.may_match(data) or not found
