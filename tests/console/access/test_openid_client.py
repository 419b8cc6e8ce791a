"""How the service shows which client it is, and what it makes of claims."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cds_hooks.trust.openid.client_authentication import SecretUnusable
from cds_hooks.trust.openid.provider import OpenIdProvider
from tests.console.access.openid_site import (
    BASE,
    Site,
    at_faulty,
    openid_settings,
    sent_there,
    try_at,
    write_secret,
)
from tests.console.access.providers import (
    FaultyProvider,
)


async def test_the_secret_is_shown_as_the_rfc_has_it(
    faulty: FaultyProvider, tmp_path: Path
) -> None:
    secret = write_secret(tmp_path, "a:b%&+ c\n")
    async with at_faulty(faulty, authentication="client_secret_basic", client_secret=secret) as (
        _,
        browser,
    ):
        assert (await try_at(faulty, browser)).status_code == 303
    shown = base64.b64decode(faulty.credentials[-1].removeprefix("Basic ")).decode()
    assert shown == "chartside:a%3Ab%25%26%2B+c"
    async with at_faulty(faulty, authentication="client_secret_post", client_secret=secret) as (
        _,
        browser,
    ):
        assert (await try_at(faulty, browser)).status_code == 303
    assert faulty.forms[-1]["client_secret"] == "a:b%&+ c"
    assert faulty.credentials[-1] == ""


async def test_a_private_key_signs_an_assertion_for_the_token_endpoint(
    faulty: FaultyProvider, tmp_path: Path
) -> None:
    private = ec.generate_private_key(ec.SECP384R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = write_secret(tmp_path, pem.decode())
    by_key: dict[str, Any] = {"authentication": "private_key_jwt", "client_key": key}
    async with at_faulty(faulty, **by_key) as (_, browser):
        assert (await try_at(faulty, browser)).status_code == 303
    form = faulty.forms[-1]
    audience = f"{faulty.issuer}/token"
    text = form["client_assertion"]
    said = jwt.decode(text, private.public_key(), algorithms=["ES384"], audience=audience)
    assert (said["iss"], said["sub"], form["client_id"]) == ("chartside",) * 3


@pytest.mark.parametrize(("text", "mode"), [("x", 0o640), ("x", 0o604), ("", 0o600), ("é", 0o600)])
def test_a_secret_that_others_may_read_or_that_is_none_is_refused(
    tmp_path: Path, text: str, mode: int
) -> None:
    secret = write_secret(tmp_path, text, mode)
    settings = openid_settings(
        "https://idp.example.org", authentication="client_secret_post", client_secret=secret
    )
    with pytest.raises(SecretUnusable):
        OpenIdProvider(settings, f"{BASE}/sign-in/return")


@pytest.mark.parametrize(
    ("name", "claims", "roles"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["reviewers"]}}, ["reviewer"]),
        ("https://x.example/roles", {"https://x.example/roles": "viewers"}, ["viewer"]),
        ("roles", {"roles": ["reviewers", "viewers", 7, None]}, ["reviewer", "viewer"]),
        ("roles", {"roles": "reviewers viewers"}, []),
        ("roles", {"roles": {"reviewers": True}}, []),
        ("a.b.c", {"a": {"b": ["reviewers"]}}, []),
    ],
)
async def test_roles_are_read_from_the_claim_that_the_settings_name(
    faulty: FaultyProvider, name: str, claims: dict[str, Any], roles: list[str]
) -> None:
    faulty.claims = {"roles": [], **claims}
    site = Site(openid_settings(faulty.issuer, roles_claim=name))
    async with site.opened() as browser:
        assert (await try_at(faulty, browser)).status_code == (303 if roles else 403)
    assert site.console.recorded[0][1]["roles"] == roles


async def test_nothing_of_a_token_is_recorded_or_shown(faulty: FaultyProvider) -> None:
    async with at_faulty(faulty) as (site, browser):
        there = await sent_there(browser)
        answer = await browser.get(faulty.authorize(there))
        page = await browser.get("/account")
        told = json.dumps(site.console.recorded) + page.text + str(answer.headers)
        for secret in (faulty.nonce, urlsplit(there).query, "id_token", "good"):
            assert secret not in told
