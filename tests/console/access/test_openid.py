"""Signing in at a real small provider, and at one that does each thing wrong."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cds_hooks.console.access import OpenId, Role
from cds_hooks.trust.openid.client_authentication import SecretUnusable
from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from cds_hooks.trust.openid.provider import OpenIdProvider
from tests.console.access.providers import (
    FaultyProvider,
    faulty_provider,
    real_provider,
    sign_in_there,
)
from tests.console.access.served_console import Console

BASE = "https://cds.example.org"
ANN = {"sub": "ann", "name": "Ann \u202eRoe", "groups": ["reviewers", "staff"]}
BOB = {"sub": "bob", "name": "Bob", "groups": ["viewers"]}
EVE = {"sub": "eve", "name": "Eve", "groups": ["gardeners"]}


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with real_provider(ANN, BOB, EVE) as found:
        yield found


@pytest.fixture
def at_real(real: str, tmp_path: Path) -> OpenIdSettings:
    """Settings for the real provider, which has clients show a secret."""
    return _settings(real, authentication="client_secret_basic", client_secret=_secret(tmp_path))


@pytest.fixture
def faulty() -> Iterator[FaultyProvider]:
    with faulty_provider() as provider:
        yield provider


def _settings(issuer: str, **more: Any) -> OpenIdSettings:
    values: dict[str, Any] = {
        "issuer": issuer,
        "client_id": "chartside",
        "authentication": "none",
        "roles_claim": "groups",
        "viewers": ["viewers"],
        "reviewers": ["reviewers"],
    }
    return OpenIdSettings(**(values | more))


class Site:
    """A console with a provider, and browsers that keep their cookies."""

    def __init__(self, settings: OpenIdSettings, **console: Any) -> None:
        self.settings = settings
        self.provider = OpenIdProvider(settings, f"{BASE}/sign-in/return")
        openid = OpenId(self.provider, settings)
        self.console = Console("production", openid=openid, base=BASE, **console)

    def browser(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.console.app, client=("192.0.2.7", 50_000))
        return httpx.AsyncClient(transport=transport, base_url=BASE)

    @contextlib.asynccontextmanager
    async def opened(self) -> AsyncIterator[httpx.AsyncClient]:
        async with self.provider.opened(), self.browser() as browser:
            yield browser


async def _sent_there(browser: httpx.AsyncClient, back: str = "/docs/page") -> str:
    answer = await browser.get("/sign-in/start", params={"return_to": back})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def _signed_in(browser: httpx.AsyncClient, subject: str, back: str = "/docs/page") -> Any:
    there = await _sent_there(browser, back)
    returned = await asyncio.to_thread(sign_in_there, there, subject)
    return await browser.get(returned)


# The real provider


async def test_a_person_signs_in_and_comes_back_to_where_they_were(
    at_real: OpenIdSettings,
) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        assert (await browser.get("/docs/page")).status_code == 401
        answer = await _signed_in(browser, "ann", "/account?x=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "../account?x=1")
        page = await browser.get("/docs/page")
        assert page.text == "Ann Roe"
    [(kind, told)] = site.console.recorded
    assert (kind, told["user"], told["roles"]) == ("signed-in", "ann", ["reviewer"])


async def test_its_cookies_are_for_this_host_over_tls_alone(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        started = await browser.get("/sign-in/start")
        returned = await asyncio.to_thread(sign_in_there, started.headers["location"], "ann")
        for answer in (started, await browser.get(returned)):
            [cookie] = answer.headers.get_list("set-cookie")
            name, *attributes = cookie.split("; ")
            assert name.startswith("__Host-chartside-")
            assert {"httponly", "path=/", "samesite=lax", "secure"} <= {
                each.lower() for each in attributes
            }
            assert "domain" not in cookie.lower()


async def test_two_people_in_two_browsers_have_their_own_roles(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as one, site.browser() as other:
        await _signed_in(one, "ann")
        await _signed_in(other, "bob")
        assert (await one.get("/docs/page")).status_code == 200
        assert (await other.get("/docs/page")).status_code == 403
        assert "<h1>Bob</h1>" in (await other.get("/account")).text


async def test_somebody_without_a_role_is_told_so_and_has_no_session(
    at_real: OpenIdSettings,
) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        answer = await _signed_in(browser, "eve")
        assert answer.status_code == 403
        assert "You have no role here" in answer.text
        assert "set-cookie" not in answer.headers
        assert (await browser.get("/account")).status_code == 401
    [(kind, told)] = site.console.recorded
    assert (kind, told["user"], told["roles"]) == ("sign-in-refused", "eve", [])


async def test_who_refuses_at_the_provider_is_not_signed_in(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        there = await _sent_there(browser)
        returned = await asyncio.to_thread(sign_in_there, there, "ann", deny=True)
        answer = await browser.get(returned)
        assert answer.status_code == 403
        assert "You are not signed in" in answer.text
    assert site.console.recorded == []
    assert [code for _, code in site.console.refused] in (
        ["provider-refused"],
        ["return-malformed"],  # the provider's older version leaves the state out
    )


async def test_a_return_is_good_once(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        there = await _sent_there(browser)
        returned = await asyncio.to_thread(sign_in_there, there, "ann")
        assert (await browser.get(returned)).status_code == 303
        again = await browser.get(returned)
        assert again.status_code == 403
        assert "state-unknown" in again.text


async def test_of_two_returns_at_once_one_is_good(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        there = await _sent_there(browser)
        returned = await asyncio.to_thread(sign_in_there, there, "ann")
        answers = await asyncio.gather(*(browser.get(returned) for _ in range(4)))
        assert sorted(each.status_code for each in answers) == [303, 403, 403, 403]


async def test_a_return_of_another_browser_signs_nobody_in(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as attacker, site.browser() as victim:
        there = await _sent_there(attacker)
        returned = await asyncio.to_thread(sign_in_there, there, "eve")
        for _ in range(2):
            answer = await victim.get(returned)
            assert answer.status_code == 403
            assert "another-browser" in answer.text
            await _sent_there(victim)  # with a cookie of its own it is no better
        assert (await victim.get("/account")).status_code == 401


async def test_a_sign_in_that_takes_too_long_begins_again(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        there = await _sent_there(browser)
        returned = await asyncio.to_thread(sign_in_there, there, "ann")
        site.console.now += 600
        assert "state-unknown" in (await browser.get(returned)).text


async def test_a_session_id_from_before_is_not_kept(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    name = site.console.access.cookie.name
    async with site.opened() as browser:
        planted = site.console.sign_in(Role.VIEWER, subject="eve")
        browser.cookies.set(name, planted, domain="cds.example.org", path="/")
        await _signed_in(browser, "ann")
        chosen = browser.cookies.get(name, domain="cds.example.org", path="/")
        assert chosen not in (planted, "")
        assert site.console.access.sessions.find(planted) is None
        assert "<h1>Ann" in (await browser.get("/account")).text


@pytest.mark.parametrize(
    "back",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "/%2f%2fevil.example/",
        "/\t/evil.example",
        "/docs/page\r\nSet-Cookie: a=b",
        "/@evil.example",
        "evil.example",
        "/docs/page#//evil.example",
        "/" + "x" * 600,
        "",
        "\udcff",
    ],
)
async def test_nobody_is_sent_elsewhere_afterwards(at_real: OpenIdSettings, back: str) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        query = urlencode({"return_to": back}, errors="surrogateescape")
        there = (await browser.get(f"/sign-in/start?{query}")).headers["location"]
        answer = await browser.get(await asyncio.to_thread(sign_in_there, there, "ann"))
        assert (answer.status_code, answer.headers["location"]) == (303, "../")


async def test_signing_out_tells_of_the_provider_where_one_is_still_known(
    at_real: OpenIdSettings,
) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        await _signed_in(browser, "ann")
        name = site.console.access.cookie.name
        session = browser.cookies.get(name)
        form = {"csrf": site.console.csrf(session)}
        same = {"origin": BASE}
        assert (await browser.post("/sign-out", data=form, headers=same)).status_code == 303
        assert name not in browser.cookies
        page = (await browser.get("/signed-out")).text
        assert f"{at_real.issuer}/oauth2/end_session?client_id=chartside" in page
        assert (await browser.get("/account")).status_code == 401


async def test_attempts_are_bounded(at_real: OpenIdSettings) -> None:
    site = Site(at_real, sign_ins_per_minute=2)
    async with site.opened() as browser:
        answers = [await browser.get("/sign-in/start") for _ in range(4)]
        assert [each.status_code for each in answers] == [303, 303, 429, 429]
        assert (await browser.get("/")).status_code == 200


# Whatever a provider does wrong


@contextlib.asynccontextmanager
async def _at(faulty: FaultyProvider, **more: Any) -> AsyncIterator[tuple[Site, Any]]:
    site = Site(_settings(faulty.issuer, roles_claim="roles", **more))
    async with site.opened() as browser:
        yield site, browser


async def _try(faulty: FaultyProvider, browser: httpx.AsyncClient) -> httpx.Response:
    return await browser.get(faulty.authorize(await _sent_there(browser)))


async def test_the_verifier_of_the_challenge_is_shown(faulty: FaultyProvider) -> None:
    async with _at(faulty) as (_, browser):
        assert (await _try(faulty, browser)).status_code == 303
        faulty.challenge = "x" * 43
        returned = faulty.authorize(await _sent_there(browser))
        faulty.challenge = "x" * 43
        assert "code-refused" in (await browser.get(returned)).text


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"nonce": "x" * 43}, "id-token-nonce"),
        ({"aud": "another"}, "id-token-audience"),
        ({"iss": "https://evil.example"}, "id-token-issuer"),
        ({"exp": 1}, "id-token-expired"),
        ({"azp": "another"}, "id-token-authorized-party"),
        ({"sub": ""}, "id-token-subject"),
    ],
)
async def test_a_token_that_is_not_of_this_sign_in_is_refused(
    faulty: FaultyProvider, claims: dict[str, Any], code: str
) -> None:
    faulty.claims = claims
    async with _at(faulty) as (site, browser):
        answer = await _try(faulty, browser)
        assert (answer.status_code, code in answer.text) == (403, True)
        assert (await browser.get("/account")).status_code == 401
        assert site.console.refused == [("/sign-in/return", code)]
        assert site.console.recorded == []


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        ((400, b'{"error": "invalid_grant"}'), 403, "code-refused"),
        ((401, b""), 403, "code-refused"),
        ((200, b"{}"), 403, "id-token-missing"),
        ((200, b'{"id_token": 7}'), 403, "id-token-missing"),
        ((200, b'{"id_token": "x.y.z"}'), 403, "id-token-malformed"),
        ((200, b"<html>Sign in</html>"), 503, "provider-unusable"),
        ((200, b" " * 300_000), 503, "provider-unusable"),
        ((302, b""), 503, "provider-unusable"),
        ((500, b""), 503, "provider-unusable"),
    ],
)
async def test_an_answer_of_the_token_endpoint_that_is_none(
    faulty: FaultyProvider, answer: tuple[int, bytes], status: int, code: str
) -> None:
    faulty.token_answer = answer
    async with _at(faulty) as (_, browser):
        found = await _try(faulty, browser)
        assert (found.status_code, code in found.text) == (status, True)
        assert "/elsewhere" not in faulty.asked


async def test_a_new_key_is_read_and_made_up_ones_do_not_turn_us_against_the_provider(
    faulty: FaultyProvider,
) -> None:
    async with _at(faulty, floor_s=1000) as (_, browser):
        assert (await _try(faulty, browser)).status_code == 303
        faulty.kid = "second"
        for _ in range(3):
            assert "id-token-key-unknown" in (await _try(faulty, browser)).text
        assert faulty.asked.count("/jwks") == 1
    async with _at(faulty, floor_s=1) as (_, browser):
        assert (await _try(faulty, browser)).status_code == 303
        faulty.kid = "third"
        await asyncio.sleep(1.1)
        assert (await _try(faulty, browser)).status_code == 303
    assert faulty.asked.count("/jwks") == 3


async def test_a_provider_that_is_down_is_told_and_asked_again_later(
    faulty: FaultyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.down = True
    async with _at(faulty) as (_, browser):
        for _ in range(3):
            answer = await browser.get("/sign-in/start")
            assert answer.status_code == 503
            assert "does not answer" in answer.text
        assert len(faulty.asked) == 1
        monkeypatch.setattr("cds_hooks.trust.openid.provider._RETRY_S", 0.0)
        faulty.down = False
        assert (await browser.get("/sign-in/start")).status_code == 303


async def test_what_was_read_serves_while_the_provider_is_down(faulty: FaultyProvider) -> None:
    async with _at(faulty, fresh_s=0.001) as (_, browser):
        assert (await browser.get("/sign-in/start")).status_code == 303
        faulty.down = True
        assert (await browser.get("/sign-in/start")).status_code == 303


@pytest.mark.parametrize(
    ("metadata", "sent", "good"),
    [
        ({"authorization_response_iss_parameter_supported": True}, "", False),
        ({"authorization_response_iss_parameter_supported": True}, "own", True),
        ({}, "https://evil.example", False),
        ({}, "own", True),
    ],
)
async def test_the_issuer_of_a_return_is_checked(
    faulty: FaultyProvider, metadata: dict[str, Any], sent: str, good: bool
) -> None:
    faulty.metadata = metadata
    async with _at(faulty) as (_, browser):
        returned = faulty.authorize(await _sent_there(browser))
        issuer = faulty.issuer if sent == "own" else sent
        answer = await browser.get(f"{returned}&{urlencode({'iss': issuer})}" if sent else returned)
        assert (answer.status_code == 303) is good


# How the service shows who it is


def _secret(folder: Path, text: str = "s&cret:", mode: int = 0o600) -> Path:
    file = folder / "secret"
    file.write_text(text)
    file.chmod(mode)
    return file


async def test_the_secret_is_shown_as_the_rfc_has_it(
    faulty: FaultyProvider, tmp_path: Path
) -> None:
    secret = _secret(tmp_path, "a:b%&+ c\n")
    basic: dict[str, Any] = {"authentication": "client_secret_basic", "client_secret": secret}
    async with _at(faulty, **basic) as (_, browser):
        assert (await _try(faulty, browser)).status_code == 303
    shown = base64.b64decode(faulty.credentials[-1].removeprefix("Basic ")).decode()
    assert shown == "chartside:a%3Ab%25%26%2B+c"
    async with _at(faulty, **basic | {"authentication": "client_secret_post"}) as (_, browser):
        assert (await _try(faulty, browser)).status_code == 303
    assert faulty.forms[-1]["client_secret"] == "a:b%&+ c"
    assert faulty.credentials[-1] == ""


async def test_a_private_key_signs_an_assertion_for_the_token_endpoint(
    faulty: FaultyProvider, tmp_path: Path
) -> None:
    private = ec.generate_private_key(ec.SECP384R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = _secret(tmp_path, pem.decode())
    by_key: dict[str, Any] = {"authentication": "private_key_jwt", "client_key": key}
    async with _at(faulty, **by_key) as (_, browser):
        assert (await _try(faulty, browser)).status_code == 303
    form = faulty.forms[-1]
    audience = f"{faulty.issuer}/token"
    text = form["client_assertion"]
    said = jwt.decode(text, private.public_key(), algorithms=["ES384"], audience=audience)
    assert (said["iss"], said["sub"], form["client_id"]) == ("chartside",) * 3


@pytest.mark.parametrize(("text", "mode"), [("x", 0o640), ("x", 0o604), ("", 0o600), ("é", 0o600)])
def test_a_secret_that_others_may_read_or_that_is_none_is_refused(
    tmp_path: Path, text: str, mode: int
) -> None:
    secret = _secret(tmp_path, text, mode)
    settings = _settings(
        "https://idp.example.org", authentication="client_secret_post", client_secret=secret
    )
    with pytest.raises(SecretUnusable):
        OpenIdProvider(settings, f"{BASE}/sign-in/return")


# Roles from claims


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
    site = Site(_settings(faulty.issuer, roles_claim=name))
    async with site.opened() as browser:
        assert (await _try(faulty, browser)).status_code == (303 if roles else 403)
    assert site.console.recorded[0][1]["roles"] == roles


async def test_nothing_of_a_token_is_recorded_or_shown(faulty: FaultyProvider) -> None:
    async with _at(faulty) as (site, browser):
        there = await _sent_there(browser)
        answer = await browser.get(faulty.authorize(there))
        page = await browser.get("/account")
        told = json.dumps(site.console.recorded) + page.text + str(answer.headers)
        for secret in (faulty.nonce, urlsplit(there).query, "id_token", "good"):
            assert secret not in told
