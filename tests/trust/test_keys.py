"""Key sets: read strictly, renewed when a client has new keys, kept while its host is down."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.settings import SettingsError
from cds_hooks.trust.caller_errors import KeysUnusable
from cds_hooks.trust.client import Client
from cds_hooks.trust.key_set import parse_key_set
from cds_hooks.trust.key_set_cache import KeySets, read_key_set
from cds_hooks.trust.trust_settings import ClientKeysSettings
from tests.trust.conftest import ISSUER, KeyHost, Signer, client_entry, good_claims, key_set

ES384 = frozenset({"ES384"})
BOTH = frozenset({"ES384", "RS384"})


def parsed(*keys: dict[str, Any], algorithms: frozenset[str] = BOTH) -> Any:
    return parse_key_set(key_set(*keys).encode(), algorithms)


def test_a_key_is_pinned_to_its_algorithm(signer: Signer, rsa_signer: Signer) -> None:
    keys = parsed(signer.jwk(), rsa_signer.jwk(alg=...)).keys
    assert keys["k1"].algorithms == {"ES384"}
    assert keys["r1"].algorithms == {"RS384"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kid": ...}, "kid"),
        ({"kid": ""}, "kid"),
        ({"kid": "a b"}, "kid"),
        ({"use": "enc"}, "signatures"),
        ({"key_ops": ["encrypt"]}, "signatures"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "private or symmetric"),
        ({"d": "AAAA"}, "private or symmetric"),
        ({"crv": "P-256"}, "algorithm"),
        ({"crv": "secp256k1"}, "algorithm"),
        ({"alg": "ES256"}, "algorithm"),
        ({"alg": "HS384"}, "algorithm"),
        ({"kty": "RSA"}, "algorithm"),
        ({"kty": "OKP"}, "algorithm"),
        ({"x": "AAAA"}, "malformed"),
        ({"x": 1}, "malformed"),
        ({"x": ...}, "malformed"),
    ],
)
def test_what_could_verify_wrongly_is_passed_over(
    signer: Signer, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(KeysUnusable, match=why):
        parsed(signer.jwk(**changes))
    beside = parsed(signer.jwk(**changes), Signer(kid="good").jwk())
    assert set(beside.keys) == {"good"}


def test_a_small_rsa_key_is_passed_over() -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    small = Signer("RS384", "small", rsa.generate_private_key(65537, 1024))
    with pytest.raises(KeysUnusable, match="malformed"):
        parsed(small.jwk())


def test_an_id_that_stands_twice_names_no_key(signer: Signer) -> None:
    with pytest.raises(KeysUnusable, match="twice"):
        parsed(signer.jwk(), Signer().jwk())


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[]}', b'{"keys":[1]}', b'{"keys":[],"keys":[]}',
     b"\xff", b"{" * 5000, json.dumps({"keys": [{}] * 65}).encode(), b" " * 300_000],
)  # fmt: skip
def test_what_is_no_key_set_is_refused(document: bytes) -> None:
    with pytest.raises(KeysUnusable):
        parse_key_set(document, BOTH)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
jwk_like = st.dictionaries(
    st.sampled_from(["kty", "kid", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "d"]),
    json_values | st.sampled_from(["EC", "RSA", "P-384", "ES384", "AQAB", "sig"]),
)


@given(st.binary(max_size=200) | st.lists(jwk_like).map(lambda k: json.dumps({"keys": k}).encode()))
def test_any_bytes_are_a_key_set_or_refused(document: bytes) -> None:
    try:
        found = parse_key_set(document, BOTH)
    except KeysUnusable:
        return
    assert found.keys


def test_test_tools_keys_are_refused_unless_asked_for() -> None:
    inferno = {
        "kty": "EC", "crv": "P-384", "kid": "renamed", "use": "sig",
        "x": "JQKTsV6PT5Szf4QtDA1qrs0EJ1pbimQmM2SKvzOlIAqlph3h1OHmZ2i7MXahIF2C",
        "y": "bRWWQRJBgDa6CTgwofYrHjVGcO-A7WNEnu4oJA5OUJPPPpczgx1g2NsfinK-D2Rw",
    }  # fmt: skip
    sandbox = inferno | {
        "x": "dw_JGR8nB2I6XveNxUOl2qk699ZPLM2nYI5STSdiEl9avAkrm3CkfYMbrrjr8laB",
        "y": "Sm3mLE-n1zYNla_aiE3cb3nZsL51RbC7ysw3q8aJLxGm-hx79RPMYpITDjp7kgzy",
    }
    for key in (inferno, sandbox):
        with pytest.raises(KeysUnusable, match="published"):
            parsed(key)
        document = key_set(key).encode()
        assert "renamed" in parse_key_set(document, ES384, published=True).keys


# --- read at a client's own URL ---------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def sets(key_host: KeyHost) -> Any:
    client = Client(name="ehr", issuer=ISSUER, jku=key_host.url)
    clock, told = Clock(), []
    async with httpx.AsyncClient(follow_redirects=False, timeout=60) as http:
        made = KeySets(
            [client],
            lambda url: read_key_set(http, url),
            ClientKeysSettings(read_s=1.0, fresh_s=300, stale_s=3600, floor_s=30),
            clock=clock,
            told=lambda name, code: told.append((name, code)),
        )
        yield made, client, clock, told
        await made.close()


async def test_unknown_keys_do_not_turn_us_against_the_host(
    sets: Any, key_host: KeyHost, signer: Signer
) -> None:
    made, client, clock, _ = sets
    key_host.serve(signer)
    assert await made.refresh(client)
    for _ in range(50):
        assert not await made.refresh(client)
    assert key_host.asked == 1
    clock.now += 31
    assert await made.refresh(client)
    assert key_host.asked == 2


async def test_many_at_once_read_once(sets: Any, key_host: KeyHost, signer: Signer) -> None:
    made, client, _, _ = sets
    key_host.serve(signer)
    key_host.delay_s = 0.2
    assert all(await asyncio.gather(*(made.refresh(client) for _ in range(20))))
    assert key_host.asked == 1
    assert "k1" in made.of(client).keys


@pytest.mark.parametrize("fault", ["500", "slow", "not json", "too large", "redirect", "empty"])
async def test_keys_serve_while_their_host_is_down_and_not_for_ever(
    sets: Any, key_host: KeyHost, signer: Signer, fault: str
) -> None:
    made, client, clock, told = sets
    key_host.serve(signer)
    await made.refresh(client)
    match fault:
        case "500":
            key_host.status = 500
        case "slow":
            key_host.delay_s = 1.5
        case "not json":
            key_host.document = b"<html>"
        case "too large":
            key_host.document = b" " * 400_000
        case "redirect":
            key_host.status, key_host.location = 302, "http://127.0.0.1:1/keys"
        case "empty":
            key_host.document = b'{"keys":[]}'
    clock.now += 600
    await made.refresh(client)
    assert told[-1][1] in ("client-keys-unusable", "client-keys-unreachable")
    assert "k1" in made.of(client).keys
    clock.now += 3600
    assert made.of(client).keys == {}


async def test_a_rotated_key_is_found_and_the_old_one_goes(
    make_edge: Any, key_host: KeyHost, signer: Signer
) -> None:
    key_host.serve(signer)
    entry = client_entry(jwks="", jku=key_host.url)
    kept = {"floor_s": 1.0}
    async with make_edge(entry, client_keys=kept) as edge:
        assert (await edge.call(f"Bearer {signer.sign(None, jku=key_host.url)}")).status_code == 200
        new = Signer(kid="k2")
        key_host.serve(new)
        await asyncio.sleep(1.1)
        assert (await edge.call(f"Bearer {new.sign()}")).status_code == 200
        assert (await edge.call(f"Bearer {signer.sign()}")).status_code == 401
        assert edge.refused[-1].reason == "token-key-unknown"


async def test_keys_at_a_url_are_there_before_the_first_call(
    make_edge: Any, key_host: KeyHost, signer: Signer
) -> None:
    key_host.serve(signer)
    async with make_edge(client_entry(jwks="", jku=key_host.url)):
        while not key_host.asked:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert key_host.asked == 1


async def test_given_keys_are_never_fetched(
    make_edge: Any, key_host: KeyHost, signer: Signer
) -> None:
    """An offline site: the token's `jku` is compared, and nothing is asked there."""
    async with make_edge(client_entry(signer, jku=key_host.url)) as edge:
        good = signer.sign(None, jku=key_host.url)
        assert (await edge.call(f"Bearer {good}")).status_code == 200
        assert (await edge.call(f"Bearer {signer.sign(None, kid='other')}")).status_code == 401
    assert key_host.asked == 0


async def test_a_key_host_in_the_token_is_never_asked(
    edge: Any, key_host: KeyHost, signer: Signer
) -> None:
    assert (await edge.call(f"Bearer {signer.sign(None, jku=key_host.url)}")).status_code == 401
    assert (await edge.call(f"Bearer {signer.sign(None, x5u=key_host.url)}")).status_code == 401
    assert key_host.asked == 0


async def test_a_set_that_cannot_be_used_ends_the_start(make_edge: Any) -> None:
    with pytest.raises(SettingsError, match="no key that may be used"):
        async with make_edge(client_entry(jwks='{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}')):
            pass


async def test_two_clients_keys_are_kept_apart(make_edge: Any, signer: Signer) -> None:
    other = Signer()
    entries = (
        client_entry(signer),
        client_entry(other, name="other", issuer="https://other.example"),
    )
    async with make_edge(*entries) as edge:
        forged = other.sign(good_claims())
        assert (await edge.call(f"Bearer {forged}")).status_code == 401
        own = other.sign(good_claims(iss="https://other.example"))
        assert (await edge.call(f"Bearer {own}")).status_code == 200
        assert edge.asked[0][2].caller.client == "other"
