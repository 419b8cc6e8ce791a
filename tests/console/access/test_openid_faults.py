"""A provider that does each thing wrong: nobody is signed in, and it is told what is the matter."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from cds_hooks.trust.egress.destinations import AllowList, parse
from cds_hooks.trust.egress.lock import EgressLock
from cds_hooks.trust.egress.transport import LockedTransport
from tests.console.access.openid_site import (
    Site,
    at_faulty,
    openid_settings,
    sent_there,
    try_at,
)
from tests.console.access.providers import FaultyProvider, faulty_provider


async def test_the_verifier_of_the_challenge_is_shown(faulty: FaultyProvider) -> None:
    async with at_faulty(faulty) as (_, browser):
        assert (await try_at(faulty, browser)).status_code == 303
        returned = faulty.authorize(await sent_there(browser))
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
    async with at_faulty(faulty) as (site, browser):
        answer = await try_at(faulty, browser)
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
    async with at_faulty(faulty) as (_, browser):
        found = await try_at(faulty, browser)
        assert (found.status_code, code in found.text) == (status, True)
        assert "/elsewhere" not in faulty.asked


async def test_a_new_key_is_read_and_made_up_ones_do_not_turn_us_against_the_provider(
    faulty: FaultyProvider,
) -> None:
    async with at_faulty(faulty, floor_s=1000) as (_, browser):
        assert (await try_at(faulty, browser)).status_code == 303
        faulty.kid = "second"
        for _ in range(3):
            assert "id-token-key-unknown" in (await try_at(faulty, browser)).text
        assert faulty.asked.count("/jwks") == 1
    async with at_faulty(faulty, floor_s=1) as (_, browser):
        assert (await try_at(faulty, browser)).status_code == 303
        faulty.kid = "third"
        await asyncio.sleep(1.1)
        assert (await try_at(faulty, browser)).status_code == 303
    assert faulty.asked.count("/jwks") == 3


async def test_a_provider_that_is_down_is_told_and_asked_again_later(
    faulty: FaultyProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty.down = True
    async with at_faulty(faulty) as (_, browser):
        for _ in range(3):
            answer = await browser.get("/sign-in/start")
            assert answer.status_code == 503
            assert "does not answer" in answer.text
        assert len(faulty.asked) == 1
        monkeypatch.setattr("cds_hooks.trust.openid.provider._RETRY_S", 0.0)
        faulty.down = False
        assert (await browser.get("/sign-in/start")).status_code == 303


async def test_what_was_read_serves_while_the_provider_is_down(faulty: FaultyProvider) -> None:
    async with at_faulty(faulty, fresh_s=0.001) as (_, browser):
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
    async with at_faulty(faulty) as (_, browser):
        returned = faulty.authorize(await sent_there(browser))
        issuer = faulty.issuer if sent == "own" else sent
        answer = await browser.get(f"{returned}&{urlencode({'iss': issuer})}" if sent else returned)
        assert (answer.status_code == 303) is good


async def test_an_address_of_the_provider_that_is_not_listed_is_never_asked(
    faulty: FaultyProvider,
) -> None:
    with faulty_provider() as elsewhere:
        faulty.metadata = {"token_endpoint": f"{elsewhere.issuer}/token"}
        lock = EgressLock(AllowList([parse(faulty.issuer)]))
        site = Site(openid_settings(faulty.issuer, roles_claim="roles"))
        transport = LockedTransport(httpx.AsyncHTTPTransport(), lock)
        async with site.provider.opened(transport), site.browser() as browser:
            answer = await try_at(faulty, browser)
        assert (answer.status_code, "provider-unusable" in answer.text) == (503, True)
        assert elsewhere.asked == []
        assert lock.counts == {"request": 1}
