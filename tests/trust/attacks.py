"""Ways to forge, replay, confuse or downgrade a token: name, how it is made, the reason expected.

Each gets the client's ES384 and RS384 keys (`es`, `rs`) and gives the Authorization headers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import orjson
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.trust.conftest import BASE, ISSUER, PATH, Signer, b64, good_claims

Make = Callable[[Signer, Signer], list[str]]

_HEADER = {"alg": "ES384", "typ": "JWT", "kid": "k1"}


def _bearer(token: str) -> list[str]:
    return [f"Bearer {token}"]


def _claims(**changes: Any) -> Make:
    """A token that is signed well and claims something else; times are from when it is made."""

    def make(es: Signer, _: Signer) -> list[str]:
        said = {name: value() if callable(value) else value for name, value in changes.items()}
        return _bearer(es.sign(good_claims(**said)))

    return make


def _header(**changes: Any) -> Make:
    """A token that is signed well under another header."""
    return lambda es, _: _bearer(es.sign(None, **changes))


def _unsigned(algorithm: str, signature: bytes = b"") -> Make:
    def make(_es: Signer, _rs: Signer) -> list[str]:
        header = {**_HEADER, "alg": algorithm}
        told = f"{b64(orjson.dumps(header))}.{b64(orjson.dumps(good_claims()))}"
        return _bearer(f"{told}.{b64(signature)}")

    return make


def _symmetric(algorithm: str, digest: str, encoding: str) -> Make:
    """An HMAC whose secret is the client's public key, which everybody has."""

    def make(_: Signer, rs: Signer) -> list[str]:
        public = rs.key.public_key()
        secret = {
            "pem": lambda: public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "der": lambda: public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            "jwk": lambda: json.dumps(rs.jwk()).encode(),
        }[encoding]()
        header = {"alg": algorithm, "typ": "JWT", "kid": rs.kid}
        told = f"{b64(orjson.dumps(header))}.{b64(orjson.dumps(good_claims()))}"
        return _bearer(f"{told}.{b64(hmac.new(secret, told.encode(), digest).digest())}")

    return make


def _other_key(algorithm: str = "ES384", kid: str = "k1", **header: Any) -> Make:
    """Signed by a key of the attacker's, under the client's key id."""

    def make(_es: Signer, _rs: Signer) -> list[str]:
        attacker = Signer(algorithm, kid)
        brought = {k: v(attacker) if callable(v) else v for k, v in header.items()}
        return _bearer(attacker.sign(None, **brought))

    return make


def _signature(change: Callable[[bytes], bytes]) -> Make:
    def make(es: Signer, _: Signer) -> list[str]:
        told, _, signature = es.sign().rpartition(".")
        raw = base64.urlsafe_b64decode(signature + "==")
        return _bearer(f"{told}.{b64(change(raw))}")

    return make


def _claims_swapped(es: Signer, _: Signer) -> list[str]:
    header, _, signature = es.sign().split(".")
    other = b64(orjson.dumps(good_claims(exp=int(time.time()) + 3000)))
    return _bearer(f"{header}.{other}.{signature}")


def _cut_from_another(es: Signer, _: Signer) -> list[str]:
    first, second = es.sign(), es.sign()
    return _bearer(f"{first.rpartition('.')[0]}.{second.rpartition('.')[2]}")


def _flipped(raw: bytes) -> bytes:
    return bytes([raw[0] ^ 1]) + raw[1:]


def _der(raw: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    half = len(raw) // 2
    return encode_dss_signature(
        int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
    )


def _raw(header: bytes, claims: bytes | None = None) -> Make:
    return lambda es, _: _bearer(
        es.raw(header, orjson.dumps(good_claims()) if claims is None else claims)
    )


def _twice(name: str, value: Any) -> Make:
    """A claim that is named twice: first what a reader of the first would take, then the good."""

    def make(es: Signer, _: Signer) -> list[str]:
        good = orjson.dumps(good_claims()).decode()
        claims = f'{{"{name}":{json.dumps(value)},{good[1:]}'
        return _bearer(es.raw(orjson.dumps(_HEADER), claims.encode()))

    return make


def _text(change: Callable[[str], str]) -> Make:
    return lambda es, _: [change(f"Bearer {es.sign()}")]


def _nested(es: Signer, _: Signer) -> list[str]:
    return _bearer(es.raw(orjson.dumps({**_HEADER, "cty": "JWT"}), es.sign().encode()))


def _detached(es: Signer, _: Signer) -> list[str]:
    header, _, signature = es.sign().split(".")
    return _bearer(f"{header}..{signature}")


def _json_form(es: Signer, _: Signer) -> list[str]:
    protected, payload, signature = es.sign().split(".")
    whole = {"protected": protected, "payload": payload, "signature": signature}
    return _bearer(json.dumps(whole, separators=(",", ":")))


def _deep(es: Signer, _: Signer) -> list[str]:
    claims = b'{"a":' + b"[" * 2500 + b"]" * 2500 + b"}"
    return _bearer(es.raw(orjson.dumps(_HEADER), claims))


def _es_as_rs(es: Signer, _: Signer) -> list[str]:
    return _bearer(es.sign(None, alg="RS384"))


def _rs_as_es(_: Signer, rs: Signer) -> list[str]:
    return _bearer(rs.sign(None, alg="ES384"))


def _rs_under_es_key(_: Signer, rs: Signer) -> list[str]:
    return _bearer(rs.sign(None, kid="k1"))


def _rs256(_: Signer, rs: Signer) -> list[str]:
    return _bearer(Signer("RS256", rs.kid, rs.key).sign())


def _ps384(_: Signer, rs: Signer) -> list[str]:
    return _bearer(Signer("PS384", rs.kid, rs.key).sign())


def _now(offset: float) -> Callable[[], int]:
    return lambda: int(time.time() + offset)


OTHER = f"{BASE}/cds-services/chartside-encounter-start"
_HASH_OF_NOTHING = hashlib.sha384(b"").digest()

ATTACKS: list[tuple[str, Make, str]] = [
    # no token, or not in the one form
    ("no header", lambda es, rs: [], "token-missing"),
    ("empty header", lambda es, rs: [""], "token-scheme"),
    ("scheme alone", lambda es, rs: ["Bearer "], "token-missing"),
    ("basic credentials", lambda es, rs: ["Basic dXNlcjpwYXNz"], "token-scheme"),
    ("lower-case scheme", _text(lambda t: t.replace("Bearer", "bearer")), "token-scheme"),
    ("tab after the scheme", _text(lambda t: t.replace(" ", "\t")), "token-scheme"),
    ("two spaces", _text(lambda t: t.replace(" ", "  ")), "token-form"),
    ("token without scheme", _text(lambda t: t.removeprefix("Bearer ")), "token-scheme"),
    ("two headers", lambda es, rs: [*_bearer(es.sign()), *_bearer(es.sign())],
     "token-header-repeated"),
    ("two tokens in one header", lambda es, rs: [f"Bearer {es.sign()}, Bearer {es.sign()}"],
     "token-form"),
    ("whitespace inside", _text(lambda t: t[:40] + " " + t[40:]), "token-form"),
    ("padding", _text(lambda t: t + "=="), "token-form"),
    ("base64 of the other alphabet", _text(lambda t: t[:30] + "+/" + t[32:]), "token-form"),
    ("four parts", _text(lambda t: t + ".AAAA"), "token-form"),
    ("five parts, as encrypted", _text(lambda t: t + ".AAAA.AAAA"), "token-form"),
    ("unused bits set", lambda es, rs: _bearer(_second_spelling(es.sign())), "token-encoding"),
    ("a part of one letter", lambda es, rs: ["Bearer A.B.C"], "token-encoding"),
    ("letters that are not ASCII", _text(lambda t: t[:-4] + "\uff41\uff42\uff43"), "token-form"),
    ("a huge token", _claims(note="x" * 20_000), "token-too-long"),
    ("deep JSON", _deep, "token-not-json"),
    ("header no JSON", _raw(b"not json"), "token-not-json"),
    ("header an array", _raw(b"[]"), "token-not-json"),
    ("claims no object", _raw(orjson.dumps(_HEADER), b'"claims"'), "token-not-json"),
    ("claims with NaN", _raw(orjson.dumps(_HEADER), b'{"exp":NaN}'), "token-not-json"),
    ("claims not UTF-8", _raw(orjson.dumps(_HEADER), b'{"iss":"\xff"}'), "token-not-json"),
    ("JSON serialization", _json_form, "token-form"),
    ("detached payload", _detached, "token-form"),
    ("nested token", _nested, "token-not-json"),
    # the header
    ("typ missing", _header(typ=...), "token-type"),
    ("typ of another kind", _header(typ="at+jwt"), "token-type"),
    ("typ in small letters", _header(typ="jwt"), "token-type"),
    ("alg none", _unsigned("none", b"x"), "token-algorithm"),
    ("alg None", _unsigned("None", b"x"), "token-algorithm"),
    ("alg NONE with empty signature", _unsigned("NONE"), "token-form"),
    ("alg missing", _header(alg=...), "token-algorithm"),
    ("alg a list", _header(alg=["ES384"]), "token-algorithm"),
    ("HS256 with the public key (PEM)", _symmetric("HS256", "sha256", "pem"), "token-algorithm"),
    ("HS384 with the public key (DER)", _symmetric("HS384", "sha384", "der"), "token-algorithm"),
    ("HS512 with the public key (JWK)", _symmetric("HS512", "sha512", "jwk"), "token-algorithm"),
    ("crit", _header(crit=["exp"], exp=1), "token-critical-header"),
    ("unencoded payload (b64 false)", _header(b64=False, crit=["b64"]), "token-critical-header"),
    ("cty JWT", _header(cty="JWT"), "token-critical-header"),
    ("embedded jwk", _other_key(jwk=lambda attacker: attacker.jwk()), "token-brings-key"),
    ("x5u", _other_key(x5u="https://attacker.example/cert.pem"), "token-brings-key"),
    ("x5c", _other_key(x5c=["MIIB"]), "token-brings-key"),
    ("jku of others", _other_key(jku="https://attacker.example/jwks.json"),
     "token-key-url-foreign"),
    ("jku of this machine", _header(jku="http://127.0.0.1:8010/metrics"), "token-key-url-foreign"),
    ("jku empty", _header(jku=""), "token-key-url-foreign"),
    ("jku a list", _header(jku=["https://ehr.hospital.example/jwks.json"]),
     "token-key-url-foreign"),
    ("kid missing", _header(kid=...), "token-key-id"),
    ("kid a number", _header(kid=1), "token-key-id"),
    ("kid a path", _other_key(kid="../../../../dev/null"), "token-key-unknown"),
    ("kid with SQL", _other_key(kid="k1' UNION SELECT 'key'--"), "token-key-unknown"),
    ("kid with a null byte", _header(kid="k1\x00"), "token-key-unknown"),
    ("kid of no key", _header(kid="k2"), "token-key-unknown"),
    ("header member twice", lambda es, rs: _bearer(
        es.raw(b'{"alg":"none","alg":"ES384","typ":"JWT","kid":"k1"}',
               orjson.dumps(good_claims()))), "token-not-json"),
    # the signature
    ("ES384 key said to be RS384", _es_as_rs, "token-key-of-other-algorithm"),
    ("RS384 key said to be ES384", _rs_as_es, "token-key-of-other-algorithm"),
    ("RS384 under the ES384 key's id", _rs_under_es_key, "token-key-of-other-algorithm"),
    ("RS256 by the right key", _rs256, "token-algorithm-not-of-client"),
    ("PS384 by the right key", _ps384, "token-algorithm-not-of-client"),
    ("wrong curve", _other_key("ES256", alg="ES384"), "token-signature"),
    ("ES256 said openly", _other_key("ES256"), "token-algorithm-not-of-client"),
    ("another key under this id", _other_key(), "token-signature"),
    ("signature of zeros", _signature(lambda raw: bytes(len(raw))), "token-signature"),
    ("signature one bit off", _signature(_flipped), "token-signature"),
    ("signature cut", _signature(lambda raw: raw[:-1]), "token-signature"),
    ("signature in DER", _signature(_der), "token-signature"),
    ("signature of nothing", _signature(lambda raw: _HASH_OF_NOTHING * 2), "token-signature"),
    ("claims changed", _claims_swapped, "token-signature"),
    ("signature of another token", _cut_from_another, "token-signature"),
    # the claims
    ("iss unknown", _claims(iss="https://attacker.example"), "token-issuer-unknown"),
    ("iss in capitals", _claims(iss=ISSUER.upper()), "token-issuer-unknown"),
    ("iss with a slash", _claims(iss=f"{ISSUER}/"), "token-issuer-unknown"),
    ("iss a list", _claims(iss=[ISSUER]), "token-issuer-unknown"),
    ("iss missing", _claims(iss=...), "token-issuer-unknown"),
    ("iss twice", _twice("iss", "https://attacker.example"), "token-not-json"),
    ("aud missing", _claims(aud=...), "token-audience"),
    ("aud empty", _claims(aud=""), "token-audience"),
    ("aud an empty list", _claims(aud=[]), "token-audience"),
    ("aud with a number beside", _claims(aud=[f"{BASE}{PATH}", 1]), "token-audience"),
    ("aud an object", _claims(aud={f"{BASE}{PATH}": True}), "token-audience"),
    ("aud of another service", _claims(aud=OTHER), "token-audience"),
    ("aud of discovery", _claims(aud=f"{BASE}/cds-services"), "token-audience"),
    ("aud of feedback", _claims(aud=f"{BASE}{PATH}/feedback"), "token-audience"),
    ("aud with a slash", _claims(aud=f"{BASE}{PATH}/"), "token-audience"),
    ("aud of another host", _claims(aud=f"https://other.example{PATH}"), "token-audience"),
    ("aud as http", _claims(aud=f"http://cds.hospital.example{PATH}"), "token-audience"),
    ("aud as seen inside", _claims(aud=f"http://inner.test{PATH}"), "token-audience"),
    ("aud with a query", _claims(aud=f"{BASE}{PATH}?x=1"), "token-audience"),
    ("aud that begins so", _claims(aud=f"{BASE}{PATH}-2"), "token-audience"),
    ("aud twice", _twice("aud", OTHER), "token-not-json"),
    ("exp missing", _claims(exp=...), "token-times"),
    ("exp text", _claims(exp="9999999999"), "token-times"),
    ("exp true", _claims(exp=True), "token-times"),
    ("exp null", _claims(exp=None), "token-times"),
    ("exp endless", _raw(orjson.dumps(_HEADER), b'{"exp":1e999}'), "token-issuer-unknown"),
    ("exp past", _claims(iat=_now(-400), exp=_now(-100)), "token-expired"),
    ("exp far ahead", _claims(exp=_now(86_400)), "token-lifetime"),
    ("exp before iat", _claims(iat=_now(30), exp=_now(20)), "token-lifetime"),
    ("exp beyond all years", _claims(exp=10**18), "token-times"),
    ("exp twice", _twice("exp", 1), "token-not-json"),
    ("iat missing", _claims(iat=...), "token-times"),
    ("iat ahead", _claims(iat=_now(600), exp=_now(900)), "token-issued-in-future"),
    ("iat negative", _claims(iat=-1), "token-times"),
    ("nbf ahead", _claims(nbf=_now(600)), "token-not-yet-valid"),
    ("nbf text", _claims(nbf="0"), "token-times"),
    ("jti missing", _claims(jti=...), "token-id"),
    ("jti empty", _claims(jti=""), "token-id"),
    ("jti a list", _claims(jti=["a"]), "token-id"),
    ("jti huge", _claims(jti="j" * 2000), "token-id"),
    ("tenant a list", _claims(tenant=["a"]), "token-tenant"),
]  # fmt: skip


def _second_spelling(token: str) -> str:
    """The same signature bytes with unused bits set: another text that decodes to them."""
    claims = token.split(".")[1]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    if len(claims) % 4 == 0:
        claims += "AB"
    else:
        claims = claims[:-1] + letters[letters.index(claims[-1]) + 1]
    return ".".join((token.split(".")[0], claims, token.split(".")[2]))
