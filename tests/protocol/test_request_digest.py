"""The digest of a body: the same for the same question, and for nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.protocol.request_digest import digest_and_instance, digest_of

SERVICE = b"chartside-patient-view"
BODY: dict[str, Any] = {
    "hook": "patient-view",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "fhirAuthorization": {"access_token": "abc.def", "token_type": "Bearer"},
    "context": {"userId": "Practitioner/1", "patientId": "p1"},
    "prefetch": {"patient": {"resourceType": "Patient", "id": "p1"}},
}


def _digest(**changes: Any) -> bytes:
    return digest_of(SERVICE, json.dumps({**BODY, **changes}).encode())


def test_a_new_instance_and_a_new_token_are_the_same_question() -> None:
    token = {"access_token": "another", "token_type": "Bearer"}
    assert _digest() == _digest(hookInstance="x", fhirAuthorization=token)
    assert len(_digest()) == 32


@pytest.mark.parametrize(
    "changes",
    [
        {"context": {"userId": "Practitioner/2", "patientId": "p1"}},
        {"context": {"userId": "Practitioner/1", "patientId": "p2"}},
        {"prefetch": {"patient": {"resourceType": "Patient", "id": "p1", "gender": "male"}}},
        {"fhirServer": "http://other"},
    ],
)
def test_anything_else_is_another_question(changes: dict[str, Any]) -> None:
    assert _digest() != _digest(**changes)


def test_another_service_is_another_question() -> None:
    assert _digest() != digest_of(b"chartside-encounter-start", json.dumps(BODY).encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"hookInstance":"a","x":{"hookInstance":"b"}}',
        b'{"note":"hookInstance","hookInstance":"a"}',
        rb'{"hookInstance":"a\u0041"}',
        b'{"hookInstance":7}',
        b'{"access_token":"a","access_token":"b"}',
    ],
)
def test_where_it_is_not_plain_there_is_no_digest(body: bytes) -> None:
    assert digest_of(SERVICE, body) == b""


TEXTS = st.text(max_size=30)
BODIES = st.fixed_dictionaries(
    {"context": st.dictionaries(TEXTS, TEXTS, max_size=3), "prefetch": TEXTS},
    optional={
        "hookInstance": TEXTS,
        "fhirAuthorization": st.fixed_dictionaries({"access_token": TEXTS}),
    },
)


@given(one=BODIES, two=BODIES, ascii_one=st.booleans(), ascii_two=st.booleans())
def test_equal_digests_mean_equal_questions(
    one: dict[str, Any], two: dict[str, Any], ascii_one: bool, ascii_two: bool
) -> None:
    a = digest_of(SERVICE, json.dumps(one, ensure_ascii=ascii_one).encode("utf-8", "replace"))
    b = digest_of(SERVICE, json.dumps(two, ensure_ascii=ascii_two).encode("utf-8", "replace"))
    if a and a == b:
        for same in ("context", "prefetch"):
            assert _sent(one[same]) == _sent(two[same])


def _sent(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


@given(st.binary(max_size=300))
def test_any_bytes_have_a_digest_or_none(body: bytes) -> None:
    assert len(digest_of(SERVICE, body)) in (0, 32)
    spiced = b'{"hookInstance": "' + body + b'"}'
    assert len(digest_of(SERVICE, spiced)) in (0, 32)


@pytest.mark.parametrize(
    ("body", "instance"),
    [
        (b'{"hook":"x","hookInstance" : "a-1"}', "a-1"),
        (b'{"hook":"x"}', ""),
        (rb'{"hookInstance":"a\u0041"}', ""),
        (b'{"hookInstance":"a","x":{"hookInstance":"b"}}', ""),
    ],
)
def test_the_instance_is_told_where_the_digest_leaves_it_out(body: bytes, instance: str) -> None:
    assert digest_and_instance(SERVICE, body)[1] == instance
