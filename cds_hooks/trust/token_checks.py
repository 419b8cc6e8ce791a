"""Whether a token lets a call in: one list of checks, for the edge and for who has to explain it.

Sources: CDS Hooks 2.0.1, "Trusting CDS Clients"; RFC 7519; RFC 8725 (best current practices).
Pure: the keys, the clock and the URL that was called are handed in.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cds_hooks.consultation import Access
from cds_hooks.trust.access_claims import access_of
from cds_hooks.trust.caller_errors import TokenRefusal, TokenRefused
from cds_hooks.trust.certificate import is_shown
from cds_hooks.trust.client import Client
from cds_hooks.trust.key_set import ALGORITHMS, KeySet, VerificationKey
from cds_hooks.trust.token_parsing import ParsedToken, parse_token

__all__ = ["CHECKS", "TokenCheck", "Verified", "case_of", "verify"]

_NO_KEYS = KeySet()
# A key, or where to get one, that comes with the token says only that the token agrees with itself.
_KEYS_IN_HEADER = frozenset({"jwk", "x5u", "x5c"})
# None of these is of a signed token of claims (RFC 7515, 7516, 7797): nested, detached, encrypted.
_OF_OTHER_FORMS = frozenset({"crit", "b64", "zip", "enc", "cty", "epk"})
_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class TokenCheck:
    """A token with all it is checked against. `client` and `key` are None where it names none.

    `certificate` (DER) is what the caller showed in TLS, empty when it showed none.
    """

    token: ParsedToken
    client: Client | None
    key: VerificationKey | None
    audiences: frozenset[str]
    now: float
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a good token says. `issued` is when, by its issuer's clock, and `expires` when it is of
    no use to anybody (UTC seconds)."""

    client: Client
    token_id: str
    tenant: str
    issued: float
    expires: float
    access: Access = field(default_factory=Access)


def verify(
    text: str,
    clients: Mapping[str, Client],
    keys_of: Callable[[Client], KeySet],
    url: str,
    now: float,
    certificate: bytes = b"",
) -> Verified:
    """What a token says that was sent to `url`. `clients` are by issuer. Raises TokenRefused.

    Whatever a well-formed token gets wrong, one signature is checked and every claim is looked at,
    so that the time to an answer does not tell which issuers, keys or tenants there are.
    """
    case = case_of(parse_token(text), clients, keys_of, url, now, certificate)
    failed = [reason for reason, holds in CHECKS if not holds(case)]
    if failed or case.client is None:
        raise TokenRefused(failed[0], case.client.name if case.client else "")
    claims = case.token.claims
    expires = float(claims["exp"]) + case.client.leeway_s
    issued = float(claims["iat"])
    access, tenant = access_of(claims, case.client), claims.get("tenant", "")
    return Verified(case.client, claims["jti"], tenant, issued, expires, access)


def case_of(
    token: ParsedToken,
    clients: Mapping[str, Client],
    keys_of: Callable[[Client], KeySet],
    url: str,
    now: float,
    certificate: bytes = b"",
) -> TokenCheck:
    """A token beside the client and the key that it names."""
    issuer, key_id = token.claims.get("iss"), token.header.get("kid")
    client = clients.get(issuer) if isinstance(issuer, str) else None
    keys = keys_of(client) if client else _NO_KEYS
    key = keys.keys.get(key_id) if isinstance(key_id, str) else None
    own = frozenset(client.audiences if client else ())
    return TokenCheck(token, client, key, own or frozenset({url}), now, certificate)


def _type(case: TokenCheck) -> bool:
    return case.token.header.get("typ") == "JWT"


def _algorithm(case: TokenCheck) -> bool:
    return _text(case.token.header.get("alg")) in ALGORITHMS


def _no_other_form(case: TokenCheck) -> bool:
    return not _OF_OTHER_FORMS & case.token.header.keys()


def _brings_no_key(case: TokenCheck) -> bool:
    return not _KEYS_IN_HEADER & case.token.header.keys()


def _names_key(case: TokenCheck) -> bool:
    return bool(_text(case.token.header.get("kid")))


def _issuer(case: TokenCheck) -> bool:
    return case.client is not None


def _algorithm_of_client(case: TokenCheck) -> bool:
    allowed = case.client.algorithms if case.client else ()
    return _text(case.token.header.get("alg")) in allowed


def _key_url(case: TokenCheck) -> bool:
    """A `jku` is optional; one that is there has to be the client's own, letter for letter."""
    named = case.token.header.get("jku", _ABSENT)
    own = case.client.jku if case.client else ""
    return named is _ABSENT or (bool(own) and named == own)


def _key(case: TokenCheck) -> bool:
    return case.key is not None


def _key_type(case: TokenCheck) -> bool:
    return case.key is not None and _text(case.token.header.get("alg")) in case.key.algorithms


def _signature(case: TokenCheck) -> bool:
    """Checked against the key, or against one that nobody has: it takes as long."""
    algorithm = _text(case.token.header.get("alg"))
    if algorithm not in ALGORITHMS:
        algorithm = "ES384"
    fits = case.key is not None and algorithm in case.key.algorithms
    key = case.key.key if case.key is not None and fits else _nobodys(algorithm)
    try:
        jwt.PyJWS().decode(case.token.whole, key, algorithms=[algorithm])
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return fits


def _audience(case: TokenCheck) -> bool:
    named = case.token.claims.get("aud")
    listed = named if isinstance(named, list) else [named]
    return all(isinstance(each, str) for each in listed) and any(
        each in case.audiences for each in listed
    )


def _times(case: TokenCheck) -> bool:
    """`exp` and `iat` are there and numbers, `nbf` is a number if it is there."""
    claims = case.token.claims
    needed = [claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)]
    return all(_seconds(each) is not None for each in needed)


def _unexpired(case: TokenCheck) -> bool:
    return _time(case, "exp", -math.inf) + _leeway(case) > case.now


def _issued(case: TokenCheck) -> bool:
    return _time(case, "iat", math.inf) <= case.now + _leeway(case)


def _begun(case: TokenCheck) -> bool:
    return _time(case, "nbf", -math.inf) <= case.now + _leeway(case)


def _lifetime(case: TokenCheck) -> bool:
    lasts = _time(case, "exp", math.inf) - _time(case, "iat", -math.inf)
    return 0 < lasts <= (case.client.max_lifetime_s if case.client else 0.0)


def _tenant(case: TokenCheck) -> bool:
    named = case.token.claims.get("tenant", "")
    allowed = case.client.tenants if case.client else ()
    plain = isinstance(named, str) and len(named) <= _LONGEST
    return plain and (not allowed or named in allowed)


def _token_id(case: TokenCheck) -> bool:
    return bool(_text(case.token.claims.get("jti")))


def _certificate(case: TokenCheck) -> bool:
    """Of a client that is bound to none, any: TLS has asked for one where the site wants one."""
    client = case.client
    return client is not None and is_shown(
        case.certificate, client.certificate_sha256, client.certificate_subjects
    )


CHECKS: Sequence[tuple[TokenRefusal, Callable[[TokenCheck], bool]]] = (
    (TokenRefusal.TYPE, _type),
    (TokenRefusal.ALGORITHM, _algorithm),
    (TokenRefusal.CRITICAL, _no_other_form),
    (TokenRefusal.KEY_IN_HEADER, _brings_no_key),
    (TokenRefusal.KEY_ID, _names_key),
    (TokenRefusal.ISSUER, _issuer),
    (TokenRefusal.ALGORITHM_OF_CLIENT, _algorithm_of_client),
    (TokenRefusal.KEY_URL, _key_url),
    (TokenRefusal.KEY, _key),
    (TokenRefusal.KEY_TYPE, _key_type),
    (TokenRefusal.SIGNATURE, _signature),
    (TokenRefusal.AUDIENCE, _audience),
    (TokenRefusal.TIMES, _times),
    (TokenRefusal.EXPIRED, _unexpired),
    (TokenRefusal.FUTURE, _issued),
    (TokenRefusal.NOT_YET, _begun),
    (TokenRefusal.LIFETIME, _lifetime),
    (TokenRefusal.TENANT, _tenant),
    (TokenRefusal.TOKEN_ID, _token_id),
    (TokenRefusal.CERTIFICATE, _certificate),
)
"""Every check with the reason that it stands for; the first that fails is the reason told."""

_ABSENT = object()


def _text(value: Any) -> str:
    """A text of a sensible length, else none."""
    return value if isinstance(value, str) and len(value) <= _LONGEST else ""


def _seconds(value: Any) -> float | None:
    """A NumericDate (RFC 7519, section 2) between 1970 and the year 9999."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 253_402_300_800 else None


def _time(case: TokenCheck, name: str, missing: float) -> float:
    found = _seconds(case.token.claims.get(name))
    return missing if found is None else found


def _leeway(case: TokenCheck) -> float:
    return case.client.leeway_s if case.client else 0.0


@cache
def _nobodys(algorithm: str) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    """A public key to which nobody has the private one: a signature fails against it in full."""
    curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    if algorithm in curves:
        return ec.generate_private_key(curves[algorithm]).public_key()
    modulus = secrets.randbits(2048) | (1 << 2047) | 1
    return rsa.RSAPublicNumbers(65537, modulus).public_key()
