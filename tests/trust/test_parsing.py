"""Whatever stands where a token should: read, or refused by a reason; never anything else."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.trust.caller_errors import TokenRefusal, TokenRefused
from cds_hooks.trust.client import Client
from cds_hooks.trust.explain import explain
from cds_hooks.trust.key_set import parse_key_set
from cds_hooks.trust.strict_json import NotStrictJson, read_strict
from cds_hooks.trust.token_checks import CHECKS, verify
from cds_hooks.trust.token_parsing import bearer_of, parse_token
from tests.trust.conftest import ISSUER, Signer, b64, good_claims, key_set

SIGNER = Signer()
KEYS = parse_key_set(key_set(SIGNER.jwk()).encode(), frozenset({"ES384"}))
CLIENT = Client(name="ehr", issuer=ISSUER, jwks="given")
URL = good_claims()["aud"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from([ISSUER, URL, "JWT", "ES384", "RS384", "none", "k1"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
headers = st.dictionaries(
    st.sampled_from(["alg", "typ", "kid", "jku", "crit", "b64", "jwk", "x5u", "cty"]) | st.text(),
    values,
    max_size=6,
)
claims = st.dictionaries(
    st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "jti", "tenant", "sub"]) | st.text(),
    values,
    max_size=8,
)


def judged(text: str) -> str:
    """The reason of a refusal, or "" when the token is good."""
    try:
        verify(text, {ISSUER: CLIENT}, lambda _: KEYS, URL, time.time())
    except TokenRefused as refused:
        return TokenRefusal(refused.reason).value
    return ""


@given(st.text() | st.text(alphabet="ABCabc012-_.=", max_size=80))
def test_any_text(text: str) -> None:
    reason = ""
    try:
        parse_token(text)
    except TokenRefused as refused:
        reason = refused.code
    assert judged(text) == reason if reason else judged(text) != ""


@given(headers, claims)
def test_any_header_and_claims_signed_well(header: dict[str, Any], said: dict[str, Any]) -> None:
    text = SIGNER.raw(json.dumps(header).encode(), json.dumps(said).encode())
    reason = judged(text)
    good = {"alg": "ES384", "typ": "JWT", "kid": "k1"}
    assert reason or all(header.get(name) == value for name, value in good.items())
    assert reason or (said["iss"] == ISSUER and said["exp"] > 0 and said["jti"])


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=100))
def test_any_bytes_in_the_three_parts(header: bytes, said: bytes, signature: bytes) -> None:
    assert judged(f"{b64(header)}.{b64(said)}.{b64(signature)}") != ""


@given(st.data())
def test_any_change_of_a_letter_is_refused(data: st.DataObject) -> None:
    token = SIGNER.sign()
    place = data.draw(st.integers(0, len(token) - 1))
    letter = data.draw(st.characters(codec="ascii"))
    changed = token[:place] + letter + token[place + 1 :]
    assert (judged(changed) == "") == (changed == token)


@given(st.binary(max_size=100))
def test_strict_json_agrees_with_json(raw: bytes) -> None:
    try:
        found = read_strict(raw)
    except NotStrictJson:
        return
    assert found == json.loads(raw)


@pytest.mark.parametrize(
    "raw", [b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'{"a":NaN}', b'{"a":-Infinity}',
            b'{"a":1}{"b":2}', b"[" * 100_000, b'{"a":' + b"9" * 5000 + b"}", b'\xef\xbb\xbf{}']
)  # fmt: skip
def test_json_with_two_meanings_is_refused(raw: bytes) -> None:
    with pytest.raises(NotStrictJson):
        read_strict(raw)


@given(st.lists(st.text(max_size=30), max_size=3))
def test_any_headers(authorizations: list[str]) -> None:
    try:
        token = bearer_of(authorizations)
    except TokenRefused:
        return
    assert authorizations == [f"Bearer {token}"]


@given(headers, claims)
def test_explaining_never_fails_and_agrees(header: dict[str, Any], said: dict[str, Any]) -> None:
    text = SIGNER.raw(json.dumps(header).encode(), json.dumps(said).encode())
    now = time.time()
    steps = explain(text, {ISSUER: CLIENT}, lambda _: KEYS, URL, now)
    failed = [f"token-{step.step}" for step in steps if step.result == "FAIL"]
    reason = judged(text)
    assert (failed or [""])[0] == reason or (len(steps) == 1 and reason == "token-too-long")


def test_every_reason_is_explained() -> None:
    from cds_hooks.trust import explain as module

    looked_for = {reason for reason, _ in CHECKS}
    assert looked_for <= module._WHY.keys()
    assert looked_for == module._HOLDS.keys()
