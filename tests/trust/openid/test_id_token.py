"""ID tokens: a good one is taken, and of every forged one the check that refuses it is named."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from cds_hooks.trust.key_set import KeySet, parse_key_set
from cds_hooks.trust.openid.id_token import Expected, verify_id_token
from cds_hooks.trust.openid.openid_errors import SignInRefusal, SignInRefused

NOW = 1_790_000_000.0
ISSUER, CLIENT, NONCE = "https://idp.example.org/realm", "chartside", "n" * 43
CLAIMS = {
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "ann",
    "nonce": NONCE,
    "iat": NOW,
    "exp": NOW + 300,
}
_ALGORITHMS = frozenset({"RS256", "PS256", "ES256"})


@cache
def _keys() -> dict[str, Any]:
    return {
        "rsa": rsa.generate_private_key(65537, 2048),
        "other": rsa.generate_private_key(65537, 2048),
        "ec": ec.generate_private_key(ec.SECP256R1()),
    }


@cache
def _key_set(*names: str) -> KeySet:
    jwks = []
    for name in names:
        key = _keys()[name].public_key()
        reader = ECAlgorithm if isinstance(key, ec.EllipticCurvePublicKey) else RSAAlgorithm
        jwks.append({**reader.to_jwk(key, as_dict=True), "kid": name, "use": "sig"})
    return parse_key_set(json.dumps({"keys": jwks}).encode(), _ALGORITHMS)


def _expected(**changes: Any) -> Expected:
    values = {
        "issuer": ISSUER,
        "client_id": CLIENT,
        "nonce": NONCE,
        "algorithms": _ALGORITHMS,
        "now": NOW,
        "leeway_s": 30.0,
    }
    return Expected(**(values | changes))


def _token(
    key: str = "rsa", algorithm: str = "RS256", header: dict[str, Any] | None = None, **claims: Any
) -> str:
    said = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    named = {"kid": key} if header is None else header
    return jwt.encode(said, _keys()[key], algorithm=algorithm, headers=named)


def _refusal(text: str, keys: KeySet | None = None, **expected: Any) -> SignInRefusal | None:
    try:
        verify_id_token(text, keys or _key_set("rsa", "ec"), _expected(**expected))
    except SignInRefused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize(
    ("key", "algorithm"), [("rsa", "RS256"), ("rsa", "PS256"), ("ec", "ES256")]
)
def test_a_good_token_says_who_it_is(key: str, algorithm: str) -> None:
    text = _token(key, algorithm, name="Ann")
    claims = verify_id_token(text, _key_set("rsa", "ec"), _expected())
    assert (claims["sub"], claims["name"]) == ("ann", "Ann")


def _parts(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"x") -> str:
    raw = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in raw)


def _with_public_key_as_secret() -> str:
    """The public key of the set, as PEM, taken for a shared secret (RFC 8725, 2.1)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.hmac import HMAC
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = _keys()["rsa"].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = _parts({"alg": "HS256", "kid": "rsa"}, CLAIMS).rpartition(".")[0]
    mac = HMAC(pem, SHA256())
    mac.update(signed.encode())
    return f"{signed}.{base64.urlsafe_b64encode(mac.finalize()).rstrip(b'=').decode()}"


def _tampered() -> str:
    head, _, signature = _token().split(".")
    return f"{head}.{_token(sub='eve').split('.')[1]}.{signature}"


FORGED: list[tuple[str, Callable[[], str], SignInRefusal]] = [
    ("none", lambda: _parts({"alg": "none"}, CLAIMS), SignInRefusal.ALGORITHM),
    ("None", lambda: _parts({"alg": "None", "kid": "rsa"}, CLAIMS), SignInRefusal.ALGORITHM),
    ("no-alg", lambda: _parts({"kid": "rsa"}, CLAIMS), SignInRefusal.ALGORITHM),
    ("shared-secret", _with_public_key_as_secret, SignInRefusal.ALGORITHM),
    ("alg-not-listed", lambda: _token(algorithm="RS512"), SignInRefusal.ALGORITHM),
    ("unsigned", lambda: _parts({"alg": "RS256", "kid": "rsa"}, CLAIMS), SignInRefusal.SIGNATURE),
    ("tampered", _tampered, SignInRefusal.SIGNATURE),
    ("other-key", lambda: _token("other", header={"kid": "rsa"}), SignInRefusal.SIGNATURE),
    ("alg-of-other-key", lambda: _token(header={"kid": "ec"}), SignInRefusal.KEY),
    ("unknown-key", lambda: _token(header={"kid": "new"}), SignInRefusal.KEY),
    ("no-kid-and-two-keys", lambda: _token(header={}), SignInRefusal.KEY),
    (
        "brings-a-key",
        lambda: _token(header={"kid": "rsa", "jku": "https://evil.example/keys"}),
        SignInRefusal.KEY_IN_HEADER,
    ),
    ("critical", lambda: _token(header={"kid": "rsa", "cty": "JWT"}), SignInRefusal.OTHER_FORM),
    ("issuer", lambda: _token(iss=ISSUER + "/"), SignInRefusal.ISSUER),
    ("no-issuer", lambda: _token(iss=None), SignInRefusal.ISSUER),
    ("audience", lambda: _token(aud="another"), SignInRefusal.AUDIENCE),
    ("no-audience", lambda: _token(aud=None), SignInRefusal.AUDIENCE),
    ("audiences-of-others", lambda: _token(aud=["a", "b"]), SignInRefusal.AUDIENCE),
    ("two-audiences", lambda: _token(aud=[CLIENT, "b"]), SignInRefusal.PARTY),
    ("party", lambda: _token(azp="another"), SignInRefusal.PARTY),
    ("no-exp", lambda: _token(exp=None), SignInRefusal.TIMES),
    ("no-iat", lambda: _token(iat=None), SignInRefusal.TIMES),
    ("nbf-text", lambda: _token_with_raw("nbf", "soon"), SignInRefusal.TIMES),
    ("expired", lambda: _token(exp=NOW - 31), SignInRefusal.EXPIRED),
    ("from-the-future", lambda: _token(iat=NOW + 31), SignInRefusal.FUTURE),
    ("not-yet", lambda: _token(nbf=NOW + 31), SignInRefusal.FUTURE),
    ("long-ago", lambda: _token(iat=NOW - 631, exp=NOW + 9), SignInRefusal.OLD),
    ("nonce", lambda: _token(nonce="m" * 43), SignInRefusal.NONCE),
    ("no-nonce", lambda: _token(nonce=None), SignInRefusal.NONCE),
    ("nonce-number", lambda: _token(nonce=7), SignInRefusal.NONCE),
    ("no-subject", lambda: _token_with_raw("sub", None), SignInRefusal.SUBJECT),
    ("long-subject", lambda: _token(sub="x" * 256), SignInRefusal.SUBJECT),
    ("subject-with-control", lambda: _token(sub="a\nb"), SignInRefusal.SUBJECT),
    ("nothing", str, SignInRefusal.FORM),
    ("five-parts", lambda: "a.b.c.d.e", SignInRefusal.FORM),
]


def _token_with_raw(name: str, value: Any) -> str:
    """Signed past the checks that the library makes of what it signs."""
    said = json.dumps({**CLAIMS, name: value}).encode()
    return jwt.PyJWS().encode(said, _keys()["rsa"], algorithm="RS256", headers={"kid": "rsa"})


@pytest.mark.parametrize(
    ("forge", "reason"), [each[1:] for each in FORGED], ids=[each[0] for each in FORGED]
)
def test_a_forged_token_is_refused(forge: Callable[[], str], reason: SignInRefusal) -> None:
    assert _refusal(forge()) is reason


@pytest.mark.parametrize(
    ("claims", "taken"),
    [
        ({"exp": NOW - 30}, False),
        ({"exp": NOW - 29}, True),
        ({"iat": NOW + 30}, True),
        ({"iat": NOW - 630}, True),
        ({"sub": "x" * 255}, True),
        ({"azp": CLIENT}, True),
        ({"aud": [CLIENT]}, True),
        ({"aud": [CLIENT, "b"], "azp": CLIENT}, True),
        ({"nbf": NOW + 30}, True),
    ],
)
def test_bounds(claims: dict[str, Any], taken: bool) -> None:
    assert (_refusal(_token(**claims)) is None) is taken


def test_without_a_key_id_the_only_key_is_meant() -> None:
    assert _refusal(_token(header={}), _key_set("rsa")) is None


def test_a_token_for_another_sign_in_is_refused() -> None:
    assert _refusal(_token(), nonce="o" * 43) is SignInRefusal.NONCE


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{1,40}(\.[A-Za-z0-9_-]{1,40}){2}", fullmatch=True))
def test_any_other_text_is_refused(text: str) -> None:
    assert _refusal(text) is not None


@given(
    st.dictionaries(
        st.sampled_from(["iss", "aud", "azp", "exp", "iat", "nbf", "nonce", "sub"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text()
        | st.lists(st.text() | st.integers()),
    )
)
def test_claims_of_any_kind_are_taken_or_refused(claims: dict[str, Any]) -> None:
    said = json.dumps(CLAIMS | claims).encode()
    key = _keys()["ec"]
    text = jwt.PyJWS().encode(said, key, algorithm="ES256", headers={"kid": "ec"})
    assert _refusal(text) in {None, *SignInRefusal}
