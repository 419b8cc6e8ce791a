"""Signing in at a real small provider in a process of its own."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

import pytest

from cds_hooks.console.access import Role
from cds_hooks.trust.openid.openid_settings import OpenIdSettings
from tests.console.access.openid_site import (
    BASE,
    Site,
    sent_there,
    signed_in,
)
from tests.console.access.providers import (
    sign_in_there,
)


async def test_a_person_signs_in_and_comes_back_to_where_they_were(
    at_real: OpenIdSettings,
) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        assert (await browser.get("/docs/page")).status_code == 401
        answer = await signed_in(browser, "ann", "/account?x=1")
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
        await signed_in(one, "ann")
        await signed_in(other, "bob")
        assert (await one.get("/docs/page")).status_code == 200
        assert (await other.get("/docs/page")).status_code == 403
        assert "<h1>Bob</h1>" in (await other.get("/account")).text


async def test_somebody_without_a_role_is_told_so_and_has_no_session(
    at_real: OpenIdSettings,
) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        answer = await signed_in(browser, "eve")
        assert answer.status_code == 403
        assert "You have no role here" in answer.text
        assert "set-cookie" not in answer.headers
        assert (await browser.get("/account")).status_code == 401
    [(kind, told)] = site.console.recorded
    assert (kind, told["user"], told["roles"]) == ("sign-in-refused", "eve", [])


async def test_who_refuses_at_the_provider_is_not_signed_in(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        there = await sent_there(browser)
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
        there = await sent_there(browser)
        returned = await asyncio.to_thread(sign_in_there, there, "ann")
        assert (await browser.get(returned)).status_code == 303
        again = await browser.get(returned)
        assert again.status_code == 403
        assert "state-unknown" in again.text


async def test_of_two_returns_at_once_one_is_good(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        there = await sent_there(browser)
        returned = await asyncio.to_thread(sign_in_there, there, "ann")
        answers = await asyncio.gather(*(browser.get(returned) for _ in range(4)))
        assert sorted(each.status_code for each in answers) == [303, 403, 403, 403]


async def test_a_return_of_another_browser_signs_nobody_in(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as attacker, site.browser() as victim:
        there = await sent_there(attacker)
        returned = await asyncio.to_thread(sign_in_there, there, "eve")
        for _ in range(2):
            answer = await victim.get(returned)
            assert answer.status_code == 403
            assert "another-browser" in answer.text
            await sent_there(victim)  # with a cookie of its own it is no better
        assert (await victim.get("/account")).status_code == 401


async def test_a_sign_in_that_takes_too_long_begins_again(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    async with site.opened() as browser:
        there = await sent_there(browser)
        returned = await asyncio.to_thread(sign_in_there, there, "ann")
        site.console.now += 600
        assert "state-unknown" in (await browser.get(returned)).text


async def test_a_session_id_from_before_is_not_kept(at_real: OpenIdSettings) -> None:
    site = Site(at_real)
    name = site.console.access.cookie.name
    async with site.opened() as browser:
        planted = site.console.sign_in(Role.VIEWER, subject="eve")
        browser.cookies.set(name, planted, domain="cds.example.org", path="/")
        await signed_in(browser, "ann")
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
        await signed_in(browser, "ann")
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
