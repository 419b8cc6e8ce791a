"""Tokens: discovered, asked for with a signature, kept until they expire, never told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx

from cds_hooks.gather import GatherConfig, open_http
from cds_hooks.gather.server_base import ServerBase
from cds_hooks.prewarm import AccessTokenRefused, BackendClient, SigningKey, TokenSource

BASE = "https://ehr.example.org/fhir"
TOKEN = "https://ehr.example.org/auth/token"
SMART = f"{BASE}/.well-known/smart-configuration"
SECRET = "s3cret-t0ken"
GRANTED = {"access_token": SECRET, "token_type": "Bearer", "expires_in": 300}
Source = Callable[..., TokenSource]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(GatherConfig()) as client:
        yield client


@pytest.fixture
def net() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        router.get(SMART, name="smart").respond(json={"token_endpoint": TOKEN})
        router.post(TOKEN, name="token").respond(json=GRANTED)
        yield router


@pytest.fixture
def source(http: httpx.AsyncClient, signing_key: SigningKey, clock: Any) -> Source:
    def make(token_url: str = "", key: SigningKey = signing_key, clock: Any = clock) -> TokenSource:
        client = BackendClient("chartside", key, "system/Patient.rs", token_url)
        base = ServerBase.parse(BASE)
        assert base is not None
        return TokenSource(http, base, client, clock=clock)

    return make


async def test_the_endpoint_is_discovered_and_the_request_is_signed_for_it(
    net: respx.MockRouter, source: Source, signing_key: SigningKey, verify: Any, clock: Any
) -> None:
    assert await source().token() == SECRET
    form = {k: v[0] for k, v in parse_qs(net.calls.last.request.content.decode()).items()}
    assert form["grant_type"] == "client_credentials"
    assert form["scope"] == "system/Patient.rs"
    assert form["client_assertion_type"].endswith("client-assertion-type:jwt-bearer")
    _, claims = verify(form["client_assertion"], signing_key.public_jwk())
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("chartside", "chartside", TOKEN)
    assert claims["exp"] - int(clock()) <= 300
    assert "authorization" not in net.calls.last.request.headers


async def test_a_token_is_kept_until_it_expires_and_each_assertion_is_another(
    net: respx.MockRouter, source: Source, clock: Any
) -> None:
    tokens = source()
    asked = net["token"]
    assert set(await asyncio.gather(*(tokens.token() for _ in range(5)))) == {SECRET}
    clock.now += 269
    await tokens.token()
    assert asked.call_count == 1
    clock.now += 2
    await tokens.token()
    tokens.forget("another")
    await tokens.token()
    assert asked.call_count == 2
    tokens.forget(SECRET)
    await tokens.token()
    assert asked.call_count == 3
    assert net["smart"].call_count == 1
    bodies = [call.request.content for call in asked.calls]
    assert len(set(bodies)) == 3


@pytest.mark.parametrize("lifetime", [None, "x", -5, 1e12, "300"])
async def test_an_odd_lifetime_is_bounded(
    net: respx.MockRouter, source: Source, clock: Any, lifetime: Any
) -> None:
    net["token"].respond(json=GRANTED | {"expires_in": lifetime})
    tokens = source()
    await tokens.token()
    clock.now += 301
    await tokens.token()
    assert net["token"].call_count == 2


CONFIGURATIONS = [
    ({"status_code": 404}, "not-found"),
    ({"html": "<html>"}, "html"),
    ({"json": {}}, "no https URL"),
    ({"json": {"token_endpoint": 5}}, "no https URL"),
    ({"json": {"token_endpoint": "http://ehr.example.org/auth/token"}}, "no https URL"),
    ({"json": {"token_endpoint": "https://evil.example.net/token"}}, "another host"),
    ({"json": {"token_endpoint": "https://ehr.example.org:8443/token"}}, "another host"),
    (
        {
            "json": {
                "token_endpoint": TOKEN,
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            }
        },
        "private_key_jwt",
    ),
]


@pytest.mark.parametrize(("answer", "said"), CONFIGURATIONS)
async def test_an_assertion_goes_nowhere_that_is_not_the_servers_own(
    net: respx.MockRouter, source: Source, answer: dict[str, Any], said: str
) -> None:
    net["smart"].respond(**answer)
    with pytest.raises(AccessTokenRefused, match=said):
        await source().token()
    assert not any(call.request.method == "POST" for call in net.calls)


async def test_an_endpoint_that_the_site_names_is_used_and_nothing_is_discovered(
    net: respx.MockRouter, source: Source
) -> None:
    other = net.post("https://login.example.net/token").respond(json=GRANTED)
    assert await source("https://login.example.net/token").token() == SECRET
    assert other.called
    assert not net["smart"].called
    with pytest.raises(AccessTokenRefused, match="no https URL"):
        await source("http://login.example.net/token").token()


ANSWERS = [
    ({"status_code": 401, "json": {"error": "invalid_client", "error_description": SECRET}},
     "401, invalid_client"),
    ({"status_code": 400, "json": {"error": SECRET}}, r"refuses \(400\)"),
    ({"status_code": 302, "headers": {"Location": "https://evil.example.net"}}, "302"),
    ({"status_code": 500, "html": SECRET}, "500"),
    ({"status_code": 200, "html": SECRET}, "no bearer token"),
    ({"status_code": 200, "json": [SECRET]}, "no bearer token"),
    ({"status_code": 200, "json": GRANTED | {"token_type": "mac"}}, "no bearer token"),
    ({"status_code": 200, "json": GRANTED | {"access_token": "a\nb"}}, "no bearer token"),
    ({"status_code": 200, "json": GRANTED | {"access_token": 5}}, "no bearer token"),
    ({"status_code": 200, "content": b"{" * 10_000_000}, "no bearer token"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "said"), ANSWERS)
async def test_each_refusal_is_told_without_what_the_server_wrote(
    net: respx.MockRouter,
    source: Source,
    caplog: pytest.LogCaptureFixture,
    answer: dict[str, Any],
    said: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    net["token"].respond(**answer)
    with pytest.raises(AccessTokenRefused, match=said) as caught:
        await source().token()
    assert caught.value.__cause__ is None
    told = caught.value.diagnostics() + caplog.text
    assert SECRET not in told
    assert "eyJ" not in told


async def test_a_lost_connection_does_not_chain_the_request(
    net: respx.MockRouter, source: Source
) -> None:
    net["token"].mock(side_effect=httpx.ConnectError("no route"))
    with pytest.raises(AccessTokenRefused, match="cannot be reached") as caught:
        await source().token()
    assert caught.value.__context__ is None


async def test_a_server_that_has_another_key_gives_no_token(
    http: httpx.AsyncClient, authorization: Any, source: Source, tmp_path: Any, write: Any
) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    server = authorization(lambda: SECRET)
    assert await source(server.url, clock=time.time).token() == SECRET
    other = write(ec.generate_private_key(ec.SECP384R1()), tmp_path / "other.pem")
    with pytest.raises(AccessTokenRefused, match="invalid_client"):
        await source(server.url, SigningKey.load(other, "ES384"), time.time).token()
