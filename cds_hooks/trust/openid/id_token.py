"""Whether an ID token says who somebody is (OpenID Connect Core 1.0, 3.1.3.7; RFC 8725).

Pure: the keys, the clock and what is expected are handed in. The same checks of form, keys and
signatures as for the tokens of CDS clients, which are the only other tokens here.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jwt

from cds_hooks.trust.caller_errors import TokenRefused
from cds_hooks.trust.key_set import KeySet, VerificationKey
from cds_hooks.trust.openid.openid_errors import SignInRefusal, SignInRefused
from cds_hooks.trust.token_parsing import ParsedToken, parse_token

__all__ = ["Expected", "key_id_of", "verify_id_token"]

MAX_CHARACTERS = 64 * 1024
"""Far longer than a call's token: a provider may list two hundred groups."""

_KEYS_IN_HEADER = frozenset({"jwk", "x5u", "x5c", "jku"})
_OF_OTHER_FORMS = frozenset({"crit", "b64", "zip", "enc", "cty", "epk"})
_LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0, section 2
_LATEST = 253_402_300_800  # the year 10000
# It comes straight from the provider: one that was issued long ago is not of this sign-in.
_OLDEST_S = 600.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token of this sign-in has. Times are UTC seconds."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    algorithms: frozenset[str]
    now: float
    leeway_s: float


@dataclass(frozen=True, slots=True)
class _Case:
    token: ParsedToken
    key: VerificationKey | None
    expected: Expected

    def claim(self, name: str) -> Any:
        return self.token.claims.get(name)

    def seconds(self, name: str) -> float | None:
        value = self.claim(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if 0 <= value < _LATEST else None


def key_id_of(text: str) -> str:
    """The `kid` of a token that nobody has looked at. Raises SignInRefused."""
    kid = _parsed(text).header.get("kid")
    return kid if isinstance(kid, str) else ""


def verify_id_token(text: str, keys: KeySet, expected: Expected) -> Mapping[str, Any]:
    """The claims of a good token. Raises SignInRefused with the first check that fails."""
    token = _parsed(text)
    kid = token.header.get("kid")
    case = _Case(token, _key_of(kid, keys), expected)
    for reason, holds in _CHECKS:
        if not holds(case):
            raise SignInRefused(reason)
    return token.claims


def _parsed(text: str) -> ParsedToken:
    try:
        return parse_token(text, longest=MAX_CHARACTERS)
    except TokenRefused:
        raise SignInRefused(SignInRefusal.FORM) from None


def _key_of(kid: Any, keys: KeySet) -> VerificationKey | None:
    """The key that is named; without a name the only one there is (section 10.1)."""
    if kid is None and len(keys.keys) == 1:
        return next(iter(keys.keys.values()))
    return keys.keys.get(kid) if isinstance(kid, str) else None


def _algorithm(case: _Case) -> bool:
    named = case.token.header.get("alg")
    return isinstance(named, str) and named in case.expected.algorithms


def _no_other_form(case: _Case) -> bool:
    return not _OF_OTHER_FORMS & case.token.header.keys()


def _brings_no_key(case: _Case) -> bool:
    return not _KEYS_IN_HEADER & case.token.header.keys()


def _key(case: _Case) -> bool:
    return case.key is not None and case.token.header.get("alg") in case.key.algorithms


def _signature(case: _Case) -> bool:
    if case.key is None:
        return False
    try:
        algorithms = [case.token.header["alg"]]
        jwt.PyJWS().decode(case.token.whole, case.key.key, algorithms=algorithms)
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return True


def _issuer(case: _Case) -> bool:
    return bool(case.claim("iss") == case.expected.issuer)


def _listed(case: _Case) -> list[Any]:
    named = case.claim("aud")
    return named if isinstance(named, list) else [named]


def _audience(case: _Case) -> bool:
    listed = _listed(case)
    return all(isinstance(each, str) for each in listed) and case.expected.client_id in listed


def _party(case: _Case) -> bool:
    """Whom it was issued to: has to be said where there are several audiences."""
    named = case.claim("azp")
    if named is None:
        return len(_listed(case)) == 1
    return bool(named == case.expected.client_id)


def _times(case: _Case) -> bool:
    needed = (case.seconds("exp"), case.seconds("iat"))
    return None not in needed and (case.claim("nbf") is None or case.seconds("nbf") is not None)


def _unexpired(case: _Case) -> bool:
    return (case.seconds("exp") or 0.0) + case.expected.leeway_s > case.expected.now


def _begun(case: _Case) -> bool:
    latest = case.expected.now + case.expected.leeway_s
    return all((case.seconds(name) or 0.0) <= latest for name in ("iat", "nbf"))


def _new(case: _Case) -> bool:
    return (case.seconds("iat") or 0.0) >= case.expected.now - _OLDEST_S - case.expected.leeway_s


def _nonce(case: _Case) -> bool:
    named = case.claim("nonce")
    return isinstance(named, str) and hmac.compare_digest(
        named.encode("utf-8", "replace"), case.expected.nonce.encode()
    )


def _subject(case: _Case) -> bool:
    named = case.claim("sub")
    return isinstance(named, str) and 0 < len(named) <= _LONGEST_SUBJECT and named.isprintable()


_CHECKS: Sequence[tuple[SignInRefusal, Callable[[_Case], bool]]] = (
    (SignInRefusal.ALGORITHM, _algorithm),
    (SignInRefusal.OTHER_FORM, _no_other_form),
    (SignInRefusal.KEY_IN_HEADER, _brings_no_key),
    (SignInRefusal.KEY, _key),
    (SignInRefusal.SIGNATURE, _signature),
    (SignInRefusal.ISSUER, _issuer),
    (SignInRefusal.AUDIENCE, _audience),
    (SignInRefusal.PARTY, _party),
    (SignInRefusal.TIMES, _times),
    (SignInRefusal.EXPIRED, _unexpired),
    (SignInRefusal.FUTURE, _begun),
    (SignInRefusal.OLD, _new),
    (SignInRefusal.NONCE, _nonce),
    (SignInRefusal.SUBJECT, _subject),
)
