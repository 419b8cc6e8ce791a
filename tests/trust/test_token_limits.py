"""Times, lengths and rates of callers: below, on and beyond each limit, written by hand."""

from __future__ import annotations

import base64
import inspect
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from cds_hooks.trust.caller_errors import (
    KeysUnusable,
    RateLimited,
    TokenRefused,
    UnauthenticatedRateLimited,
)
from cds_hooks.trust.client import Client
from cds_hooks.trust.client_rates import Rates
from cds_hooks.trust.explain import explain
from cds_hooks.trust.key_set import KeySet, parse_key_set
from cds_hooks.trust.key_set_cache import KeySets
from cds_hooks.trust.token_checks import verify
from cds_hooks.trust.token_parsing import parse_token
from cds_hooks.trust.trust_settings import ClientKeysSettings
from cds_hooks.trust.unauthenticated_limits import UnauthenticatedLimits
from tests.trust.conftest import ISSUER, Signer, key_set

URL = "https://cds.hospital.example/cds-services/x"
NOW = 1_700_000_000
SIGNER = Signer()
KEYS = parse_key_set(key_set(SIGNER.jwk()).encode(), frozenset({"ES384"}))
CLIENT = Client(name="ehr", issuer=ISSUER, jwks="k")


def _client(**changes: Any) -> Client:
    return Client(**(CLIENT.model_dump() | changes))


def refusal(client: Client = CLIENT, now: float = NOW, **claims: Any) -> str:
    """Why a token is refused, or '' when it lets a call in."""
    told = {"iss": ISSUER, "aud": URL, "iat": NOW, "exp": NOW + 300, "jti": "1", **claims}
    token = SIGNER.sign({k: v for k, v in told.items() if v is not ...})

    def keys_of(_: Client) -> KeySet:
        return KEYS

    try:
        verify(token, {ISSUER: client}, keys_of, URL, now)
    except TokenRefused as exc:
        return exc.reason.value
    return ""


@pytest.mark.parametrize(
    ("leeway", "claims", "reason"),
    [
        # RFC 7519, 4.1.4: not accepted on or after `exp`; clocks may differ by a minute.
        (60, {"exp": NOW - 59, "iat": NOW - 300}, ""),
        (60, {"exp": NOW - 60, "iat": NOW - 300}, "token-expired"),
        (60, {"exp": NOW - 61, "iat": NOW - 300}, "token-expired"),
        (0, {"exp": NOW + 1, "iat": NOW}, ""),
        (0, {"exp": NOW, "iat": NOW - 1}, "token-expired"),
        (60, {"iat": NOW + 59}, ""),
        (60, {"iat": NOW + 60}, ""),
        (60, {"iat": NOW + 61}, "token-issued-in-future"),
        (0, {"iat": NOW}, ""),
        (0, {"iat": NOW + 1}, "token-issued-in-future"),
        (60, {"nbf": NOW + 59}, ""),
        (60, {"nbf": NOW + 60}, ""),
        (60, {"nbf": NOW + 61}, "token-not-yet-valid"),
        (60, {"nbf": NOW - 9999}, ""),
        (60, {"nbf": 0}, ""),
        (60, {"nbf": -1}, "token-times"),
        (60, {"nbf": True}, "token-times"),
        (60, {"nbf": "0"}, "token-times"),
        (60, {"exp": ...}, "token-times"),
        (60, {"iat": ...}, "token-times"),
        # A token lives for at most an hour.
        (60, {"exp": NOW + 3599}, ""),
        (60, {"exp": NOW + 3600}, ""),
        (60, {"exp": NOW + 3601}, "token-lifetime"),
        (60, {"exp": NOW, "iat": NOW}, "token-lifetime"),
        (60, {"exp": NOW + 1, "iat": NOW}, ""),
        # The year 9999 ends with the second 253402300799.
        (60, {"exp": 253_402_300_799}, "token-lifetime"),
        (60, {"exp": 253_402_300_800}, "token-times"),
    ],
)
def test_the_times_of_a_token(leeway: float, claims: dict[str, Any], reason: str) -> None:
    assert refusal(_client(leeway_s=leeway), **claims) == reason


def test_a_token_is_of_no_use_once_the_leeway_is_over() -> None:
    token = SIGNER.sign({"iss": ISSUER, "aud": URL, "iat": NOW, "exp": NOW + 300, "jti": "1"})
    found = verify(token, {ISSUER: CLIENT}, lambda _: KEYS, URL, NOW)
    assert found.expires == NOW + 360


@pytest.mark.parametrize(("lifetime", "reason"), [(299, "token-lifetime"), (300, ""), (301, "")])
def test_a_client_may_have_a_shorter_lifetime(lifetime: float, reason: str) -> None:
    assert refusal(_client(max_lifetime_s=lifetime)) == reason


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"jti": "x" * 1024}, ""),
        ({"jti": "x" * 1025}, "token-id"),
        ({"jti": ""}, "token-id"),
        ({"jti": 1}, "token-id"),
        ({"tenant": "x" * 1024}, ""),
        ({"tenant": "x" * 1025}, "token-tenant"),
        ({"tenant": 1}, "token-tenant"),
        ({"tenant": ...}, ""),
    ],
)
def test_the_texts_of_a_token(claims: dict[str, Any], reason: str) -> None:
    assert refusal(**claims) == reason


@pytest.mark.parametrize(
    ("tenant", "reason"), [("a", ""), ("b", "token-tenant"), (..., "token-tenant")]
)
def test_a_client_with_tenants_names_one_of_them(tenant: Any, reason: str) -> None:
    assert refusal(_client(tenants=("a",)), tenant=tenant) == reason


@pytest.mark.parametrize(
    ("audience", "reason"),
    [
        (URL, ""),
        ([URL], ""),
        (["https://other.example", URL], ""),
        (["https://other.example"], "token-audience"),
        ([URL, 1], "token-audience"),
        ([], "token-audience"),
        (f"{URL}/", "token-audience"),
        (..., "token-audience"),
    ],
)
def test_the_audience_of_a_token(audience: Any, reason: str) -> None:
    assert refusal(aud=audience) == reason


def test_an_audience_of_the_clients_own_stands_instead_of_the_url() -> None:
    own = _client(audiences=("urn:cds",))
    assert refusal(own, aud="urn:cds") == ""
    assert refusal(own) == "token-audience"


@pytest.mark.parametrize(("length", "code"), [(8192, "token-form"), (8193, "token-too-long")])
def test_the_longest_token(length: int, code: str) -> None:
    with pytest.raises(TokenRefused) as caught:
        parse_token("x" * length)
    assert caught.value.reason.value == code


@pytest.mark.parametrize(
    "changes",
    [
        {"leeway_s": -0.1},
        {"max_lifetime_s": 0},
        {"calls_per_minute": -0.1},
        {"burst": 0},
        {"name": ""},
        {"issuer": ""},
        {"jwks": ""},
        {"algorithms": ()},
        {"algorithms": ("none",)},
        {"algorithms": ("ES384", "HS256")},
    ],
)
def test_a_client_that_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        _client(**changes)


@pytest.mark.parametrize(
    "changes", [{"leeway_s": 0}, {"max_lifetime_s": 0.1}, {"calls_per_minute": 0}, {"burst": 1}]
)
def test_the_least_bounds_of_a_client(changes: dict[str, Any]) -> None:
    assert _client(**changes)


def padded(size: int) -> bytes:
    document = key_set(SIGNER.jwk()).encode()
    return document + b" " * (size - len(document))


def test_the_largest_key_set() -> None:
    algorithms = frozenset({"ES384"})
    assert parse_key_set(padded(262_144), algorithms).keys
    with pytest.raises(KeysUnusable, match="256 KiB"):
        parse_key_set(padded(262_145), algorithms)


@pytest.mark.parametrize(("count", "good"), [(1, True), (63, True), (64, True), (65, False)])
def test_the_most_keys(count: int, good: bool) -> None:
    document = key_set(*(SIGNER.jwk(kid=f"k{n}") for n in range(count))).encode()
    if good:
        assert len(parse_key_set(document, frozenset({"ES384"})).keys) == count
    else:
        with pytest.raises(KeysUnusable, match="at most 64"):
            parse_key_set(document, frozenset({"ES384"}))


@pytest.mark.parametrize(
    ("key_id", "good"),
    [("k", True), ("k" * 256, True), ("k" * 257, False), ("", False), ("a b", False), ("~!", True)],
)
def test_the_id_of_a_key(key_id: str, good: bool) -> None:
    if good:
        document = key_set(SIGNER.jwk(kid=key_id)).encode()
        assert list(parse_key_set(document, frozenset({"ES384"})).keys) == [key_id]
    else:
        with pytest.raises(KeysUnusable, match="no usable kid"):
            parse_key_set(key_set(SIGNER.jwk(kid=key_id)).encode(), frozenset({"ES384"}))


def rsa_key(bits: int, exponent: int) -> bytes:
    """A public RSA key of any size: only its numbers matter here."""
    modulus = (1 << (bits - 1)) | 1

    def number(value: int) -> str:
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    key = {"kty": "RSA", "kid": "r", "alg": "RS384", "n": number(modulus), "e": number(exponent)}
    assert rsa.RSAPublicNumbers(exponent, modulus).public_key().key_size == bits
    return json.dumps({"keys": [key]}).encode()


@pytest.mark.parametrize(
    ("bits", "exponent", "good"),
    [
        # NIST SP 800-131A: at least 2048 bits; FIPS 186-5: an exponent of at least 65537.
        (2047, 65537, False),
        (2048, 65537, True),
        (8192, 65537, True),
        (8193, 65537, False),
        (2048, 65535, False),
        (2048, 65539, True),
    ],
)
def test_the_size_of_an_rsa_key(bits: int, exponent: int, good: bool) -> None:
    document = rsa_key(bits, exponent)
    if good:
        assert parse_key_set(document, frozenset({"RS384"})).keys
    else:
        with pytest.raises(KeysUnusable, match="malformed"):
            parse_key_set(document, frozenset({"RS384"}))


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def wait_of(take: Any) -> int:
    """0 when a call is taken, else the seconds until another is."""
    try:
        take()
    except (RateLimited, UnauthenticatedRateLimited) as exc:
        return exc.retry_after_s
    return 0


@pytest.mark.parametrize(
    ("per_minute", "burst", "elapsed", "wait"),
    [
        (60, 1, 0, 1),
        (60, 1, 0.5, 1),
        (60, 1, 0.99, 1),
        (60, 1, 1, 0),
        (30, 2, 0, 2),
        (30, 2, 1.9, 1),
        (30, 2, 2, 0),
        (1, 1, 0, 60),
        (1, 1, 30, 30),
        (1, 1, 59.5, 1),
        (1, 1, 60, 0),
    ],
)
def test_the_next_call_after_the_last_that_was_free(
    per_minute: float, burst: int, elapsed: float, wait: int
) -> None:
    clock = Clock()
    rates = Rates(clock)
    client = _client(calls_per_minute=per_minute, burst=burst)
    for _ in range(burst):
        assert wait_of(lambda: rates.take(client)) == 0
    clock.now += elapsed
    assert wait_of(lambda: rates.take(client)) == wait
    limits, clock.now = UnauthenticatedLimits(per_minute, burst, clock=clock), 1000.0
    for _ in range(burst):
        assert wait_of(lambda: limits.enter("192.0.2.1")) == 0
    clock.now += elapsed
    assert wait_of(lambda: limits.enter("192.0.2.1")) == wait


def test_a_refused_call_does_not_push_the_next_one_back() -> None:
    clock = Clock()
    rates = Rates(clock)
    client = _client(calls_per_minute=60, burst=1)
    rates.take(client)
    for _ in range(3):
        clock.now += 0.25
        assert wait_of(lambda: rates.take(client)) == 1
    clock.now += 0.25
    assert wait_of(lambda: rates.take(client)) == 0


@pytest.mark.parametrize(("elapsed", "known"), [(3599, True), (3600, False), (3601, False)])
def test_a_good_token_makes_an_address_known_for_an_hour(elapsed: float, known: bool) -> None:
    clock = Clock()
    limits = UnauthenticatedLimits(1, 1, clock=clock)
    limits.good("192.0.2.1")
    clock.now += elapsed
    taken = [wait_of(lambda: limits.enter("192.0.2.1")) == 0 for _ in range(3)]
    assert taken == ([True] * 3 if known else [True, False, False])


def test_past_the_most_addresses_new_ones_share_a_bucket() -> None:
    limits = UnauthenticatedLimits(1, 1, most=2, clock=Clock())
    assert [wait_of(lambda n=n: limits.enter(f"192.0.2.{n}")) for n in range(4)] == [0, 0, 0, 60]
    assert limits.addresses == 3


def test_the_oldest_address_goes_once_its_bucket_is_full_again() -> None:
    clock = Clock()
    limits = UnauthenticatedLimits(60, 1, most=2, clock=clock)
    for n in (1, 2):
        limits.enter(f"192.0.2.{n}")
    clock.now += 0.9
    limits.enter("192.0.2.3")
    assert limits.addresses == 3
    clock.now += 0.1
    limits.enter("192.0.2.4")
    assert limits.addresses == 3
    assert wait_of(lambda: limits.enter("192.0.2.4")) == 1


def test_the_most_known_addresses() -> None:
    limits = UnauthenticatedLimits(1, 1, most=2, clock=Clock())
    for n in (1, 2, 3):
        limits.good(f"192.0.2.{n}")
    assert limits.addresses == 2
    taken = [[wait_of(lambda n=n: limits.enter(f"192.0.2.{n}")) for _ in "12"] for n in (1, 2, 3)]
    assert taken == [[0, 60], [0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("2001:db8:0:1::1%eth0", "2001:db8:0:1::2", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_which_addresses_are_one(one: str, other: str, same: bool) -> None:
    limits = UnauthenticatedLimits(1, 1, clock=Clock())
    assert wait_of(lambda: limits.enter(one)) == 0
    assert wait_of(lambda: limits.enter(other)) == (60 if same else 0)


def test_what_is_no_address_is_not_counted() -> None:
    limits = UnauthenticatedLimits(1, 1, clock=Clock())
    for peer in ("", "testclient", "unix:"):
        assert [wait_of(lambda p=peer: limits.enter(p)) for _ in "123"] == [0, 0, 0]
        limits.good(peer)
    assert limits.addresses == 0
    free = UnauthenticatedLimits(0, 1, clock=Clock())
    assert [wait_of(lambda: free.enter("192.0.2.1")) for _ in "123"] == [0, 0, 0]
    free.good("192.0.2.1")
    assert free.addresses == 0


def steps(client: Client, certificate: bytes = b"", **claims: Any) -> dict[str, str]:
    """The result of each check, by its name."""
    told = {"iss": ISSUER, "aud": URL, "iat": NOW, "exp": NOW + 300, "jti": "1", **claims}
    token = SIGNER.sign(told)
    found = explain(token, {ISSUER: client}, lambda _: KEYS, URL, NOW, certificate)
    return {step.step: step.result for step in found}


def test_the_steps_of_an_explanation() -> None:
    passed = steps(CLIENT)
    assert set(passed.values()) == {"PASS"}
    assert len(passed) == 21
    bound = _client(certificate_sha256=("00" * 32,))
    assert steps(bound) == {**passed, "certificate": "SKIP"}
    assert steps(bound, b"other") == {**passed, "certificate": "FAIL"}
    assert steps(CLIENT, exp=NOW - 60, iat=NOW - 300) == {**passed, "expired": "FAIL"}
    unknown = steps(CLIENT, iss="https://nobody.example")
    skipped = {name for name, result in unknown.items() if result == "SKIP"}
    assert skipped == {
        "algorithm-not-of-client", "key-url-foreign", "key-unknown", "audience", "lifetime",
        "tenant", "certificate", "key-of-other-algorithm", "signature",
    }  # fmt: skip
    assert {name for name, result in unknown.items() if result == "FAIL"} == {"issuer-unknown"}


def test_an_address_from_which_a_good_token_came_again_is_kept_the_longest() -> None:
    limits = UnauthenticatedLimits(1, 1, most=2, clock=Clock())
    for n in (1, 2, 1, 3):
        limits.good(f"192.0.2.{n}")
    taken = [[wait_of(lambda n=n: limits.enter(f"192.0.2.{n}")) for _ in "12"] for n in (1, 2)]
    assert taken == [[0, 0], [0, 60]]


def test_the_call_of_a_good_token_is_given_back() -> None:
    clock = Clock()
    limits = UnauthenticatedLimits(1 / 120, 1, clock=clock)  # one call in two hours
    limits.enter("192.0.2.1")
    limits.good("192.0.2.1")
    clock.now += 3600
    assert [wait_of(lambda: limits.enter("192.0.2.1")) for _ in "12"] == [0, 7200]


def test_ten_thousand_addresses_are_kept() -> None:
    limits = UnauthenticatedLimits(1, 1, clock=Clock())
    for n in range(10_000):
        limits.enter(f"10.0.{n >> 8}.{n & 255}")
    assert limits.addresses == 10_000
    limits.enter("192.0.2.1")
    assert wait_of(lambda: limits.enter("192.0.2.2")) == 60


def test_what_is_not_said_about_reading_key_sets() -> None:
    config = ClientKeysSettings()
    assert (config.read_s, config.fresh_s, config.stale_s) == (2, 300, 86_400)
    assert config.floor_s == 30
    assert inspect.signature(KeySets).parameters["published"].default is False
