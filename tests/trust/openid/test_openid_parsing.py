"""What a provider and a browser send: taken as it is specified, or refused, whatever the bytes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cds_hooks.trust.openid.authorization import authorization_url, begin_sign_in, read_return
from cds_hooks.trust.openid.openid_errors import ProviderUnusable, SignInRefused
from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from cds_hooks.trust.openid.provider_metadata import metadata_url, parse_metadata

ISSUER = "https://idp.example.org/realms/hospital"
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": "https://keys.example.org/certs",
    "end_session_endpoint": f"{ISSUER}/logout",
    "code_challenge_methods_supported": ["plain", "S256"],
    "authorization_response_iss_parameter_supported": True,
}


def _parse(**changes: Any) -> Any:
    said = {name: value for name, value in (METADATA | changes).items() if value is not None}
    return parse_metadata(json.dumps(said).encode(), ISSUER)


def test_addresses_are_read() -> None:
    found = _parse()
    assert (found.token, found.keys) == (f"{ISSUER}/token", "https://keys.example.org/certs")
    assert found.sends_issuer
    assert _parse(end_session_endpoint=None).sign_out == ""
    assert metadata_url(ISSUER) == f"{ISSUER}/.well-known/openid-configuration"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": ISSUER + "/"},
        {"issuer": None},
        {"token_endpoint": None},
        {"token_endpoint": "http://idp.example.org/token"},
        {"token_endpoint": "http://127.0.0.1/token"},
        {"token_endpoint": "https://idp.example.org@evil.example/"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "https://idp.example.org/a b"},
        {"authorization_endpoint": "https://idp.example.org/a\r\nSet-Cookie: x"},
        {"authorization_endpoint": "https://idp.example.org/auth#x"},
        {"authorization_endpoint": f"https://idp.example.org/{'x' * 3000}"},
        {"authorization_endpoint": ["https://idp.example.org/auth"]},
        {"end_session_endpoint": "javascript:alert(1)"},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_what_cannot_be_trusted_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ProviderUnusable):
        _parse(**changes)


@given(st.binary() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(list(METADATA)), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_bytes_of_a_provider_are_refused(document: bytes) -> None:
    with pytest.raises(ProviderUnusable):
        parse_metadata(document, ISSUER)


def test_the_browser_is_sent_with_state_nonce_and_a_challenge() -> None:
    begun = begin_sign_in()
    back = "https://cds.example.org/sign-in/return"
    url = authorization_url(f"{ISSUER}/auth?kc=1", begun, "chartside", back, ("profile",))
    query = {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}
    assert query.pop("code_challenge") not in (begun.verifier, "")
    assert query == {
        "kc": "1",
        "response_type": "code",
        "client_id": "chartside",
        "redirect_uri": back,
        "scope": "openid profile",
        "state": begun.state,
        "nonce": begun.nonce,
        "code_challenge_method": "S256",
    }
    assert begun.verifier not in url
    assert min(map(len, (begun.state, begun.nonce, begun.verifier))) >= 43
    assert begun != begin_sign_in()
    assert begun.verifier not in repr(begun)


@pytest.mark.parametrize(
    ("query", "taken"),
    [
        ({"state": "s", "code": "c"}, True),
        ({"state": "s", "code": "c", "iss": ISSUER, "session_state": "x"}, True),
        ({"state": "s", "error": "access_denied", "error_description": "<b>no</b>"}, True),
        ({"state": "s"}, False),
        ({"code": "c"}, False),
        ({"state": "s", "code": "c", "error": "access_denied"}, False),
        ({"state": ["s", "s"], "code": "c"}, False),
        ({"state": "s", "code": ["c", "d"]}, False),
        ({"state": "s", "code": "c\n"}, False),
        ({"state": "s", "code": ""}, False),
        ({"state": "s", "code": "x" * 4097}, False),
        ({"state": "s", "code": "c", **{f"f{n}": "1" for n in range(30)}}, False),
    ],
)
def test_what_a_browser_brings_back(query: dict[str, Any], taken: bool) -> None:
    text = urlencode(query, doseq=True)
    if taken:
        found = read_return(text)
        assert (found.state, found.code or found.error) == ("s", query.get("code", found.error))
    else:
        with pytest.raises(SignInRefused):
            read_return(text)


@given(st.text())
def test_any_query_is_read_or_refused(query: str) -> None:
    try:
        found = read_return(query)
    except SignInRefused:
        return
    assert found.state
    assert bool(found.code) != bool(found.error)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://idp.example.org"},
        {"issuer": "https://idp.example.org/?x"},
        {"issuer": "http://localhost.evil.example"},
        {"issuer": "http://127.0.0.1@evil.example"},
        {"client_id": ""},
        {"client_secret": None},
        {"authentication": "none"},
        {"authentication": "private_key_jwt"},
        {"reviewers": ()},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"algorithms": []},
        {"scopes": ["a b"]},
        {"stale_s": 1},
    ],
)
def test_settings_that_do_not_belong_together_are_refused(changes: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "issuer": ISSUER,
        "client_id": "chartside",
        "client_secret": "/etc/chartside/secret",
        "reviewers": ["r"],
    }
    assert OpenIdSettings(**good).issuer == ISSUER
    assert OpenIdSettings(**good | {"issuer": "http://localhost:9400"}).issuer
    with pytest.raises(ValidationError):
        OpenIdSettings(**good | changes)
