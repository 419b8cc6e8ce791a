"""A token told step by step, for who has to find out why it was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cds_hooks.trust.caller_errors import TokenRefusal, TokenRefused
from cds_hooks.trust.client import Client
from cds_hooks.trust.key_set import KeySet
from cds_hooks.trust.token_checks import CHECKS, TokenCheck, case_of
from cds_hooks.trust.token_parsing import parse_token

__all__ = ["Step", "explain"]

_NEEDS_CLIENT = frozenset(
    {
        TokenRefusal.ALGORITHM_OF_CLIENT,
        TokenRefusal.KEY_URL,
        TokenRefusal.KEY,
        TokenRefusal.AUDIENCE,
        TokenRefusal.LIFETIME,
        TokenRefusal.TENANT,
        TokenRefusal.CERTIFICATE,
    }
)
_NEEDS_KEY = frozenset({TokenRefusal.KEY_TYPE, TokenRefusal.SIGNATURE})


@dataclass(frozen=True, slots=True)
class Step:
    """`result` is PASS, FAIL, or SKIP where an earlier failure leaves nothing to look at."""

    step: str
    result: str
    says: str


def explain(
    text: str,
    clients: Mapping[str, Client],
    keys_of: Callable[[Client], KeySet],
    url: str,
    now: float,
    certificate: bytes = b"",
) -> tuple[Step, ...]:
    """Every check in order. What is told holds nothing of the signature."""
    try:
        token = parse_token(text)
    except TokenRefused as refused:
        return (Step("form", "FAIL", _WHY[refused.reason]),)
    case = case_of(token, clients, keys_of, url, now, certificate)
    steps = [_step(reason, holds, case) for reason, holds in CHECKS]
    return (Step("form", "PASS", "three base64url parts; header and claims are JSON"), *steps)


def _step(reason: TokenRefusal, holds: Callable[[TokenCheck], bool], case: TokenCheck) -> Step:
    name = reason.value.removeprefix("token-")
    if (reason in _NEEDS_CLIENT and case.client is None) or (
        reason in _NEEDS_KEY and case.key is None
    ):
        return Step(name, "SKIP", "the client or key is not known")
    bound = case.client is not None and case.client.is_bound
    if reason is TokenRefusal.CERTIFICATE and bound and not case.certificate:
        return Step(name, "SKIP", "the client is bound to a certificate, and none was given here")
    if holds(case):
        return Step(name, "PASS", _HOLDS[reason])
    return Step(name, "FAIL", _WHY[reason])


_HOLDS = {
    TokenRefusal.TYPE: "typ is JWT",
    TokenRefusal.ALGORITHM: "alg is an asymmetric one",
    TokenRefusal.CRITICAL: "nothing in the header changes what the token is",
    TokenRefusal.KEY_IN_HEADER: "the header brings no key",
    TokenRefusal.KEY_ID: "kid names a key",
    TokenRefusal.ISSUER: "iss is a configured client",
    TokenRefusal.ALGORITHM_OF_CLIENT: "alg is one that this client may use",
    TokenRefusal.KEY_URL: "jku is absent or the client's own",
    TokenRefusal.KEY: "kid is in the client's key set",
    TokenRefusal.KEY_TYPE: "the key is of this algorithm",
    TokenRefusal.SIGNATURE: "the signature is the key's",
    TokenRefusal.AUDIENCE: "aud is this endpoint",
    TokenRefusal.TIMES: "exp, iat and nbf are numbers",
    TokenRefusal.EXPIRED: "exp lies ahead",
    TokenRefusal.FUTURE: "iat lies behind",
    TokenRefusal.NOT_YET: "nbf lies behind",
    TokenRefusal.LIFETIME: "exp - iat is within the client's bound",
    TokenRefusal.TENANT: "the tenant is one of the client's",
    TokenRefusal.TOKEN_ID: "jti is there",
    TokenRefusal.CERTIFICATE: "the client is bound to no certificate, or to the one that was shown",
}

_WHY = {
    TokenRefusal.MISSING: "there is no token",
    TokenRefusal.TOO_LONG: "the token has more than 8192 characters",
    TokenRefusal.FORM: "it is not three base64url parts with dots between them, and nothing else",
    TokenRefusal.ENCODING: "a part is not base64url without padding, in its one spelling",
    TokenRefusal.JSON: "header or claims are no JSON object, or name a member twice",
    TokenRefusal.TYPE: "typ must be JWT, in capitals",
    TokenRefusal.ALGORITHM: "alg is none, symmetric, or unknown",
    TokenRefusal.CRITICAL: (
        "crit, b64, zip, enc, cty or epk in the header: not a plain signed token"
    ),
    TokenRefusal.KEY_IN_HEADER: "jwk, x5u or x5c in the header: a token may not bring its own key",
    TokenRefusal.KEY_ID: "kid is missing or no text",
    TokenRefusal.ISSUER: "no [[clients]] entry has this iss, letter for letter (case, last slash)",
    TokenRefusal.ALGORITHM_OF_CLIENT: "alg is not in the client's `algorithms`",
    TokenRefusal.KEY_URL: "jku is not the client's `jku`, letter for letter; set it if it is right",
    TokenRefusal.KEY: "no usable key of the client's set has this kid: rotated, or passed over",
    TokenRefusal.KEY_TYPE: "the key with this kid is of another algorithm or curve",
    TokenRefusal.SIGNATURE: "the signature is not the key's: changed on the way, or another key",
    TokenRefusal.AUDIENCE: (
        "aud is not server.public_url and this path; or set the client's `audiences`"
    ),
    TokenRefusal.TIMES: "exp or iat is missing, or one of exp, iat, nbf is no number of seconds",
    TokenRefusal.EXPIRED: "exp is past, beyond the leeway: look at both clocks",
    TokenRefusal.FUTURE: "iat is ahead, beyond the leeway: look at both clocks",
    TokenRefusal.NOT_YET: "nbf is ahead, beyond the leeway: look at both clocks",
    TokenRefusal.LIFETIME: "exp - iat is not above 0, or above the client's `max_lifetime_s`",
    TokenRefusal.TENANT: "the tenant is missing or not in the client's `tenants`",
    TokenRefusal.TOKEN_ID: "jti is missing, empty or too long",
    TokenRefusal.CERTIFICATE: (
        "the certificate is none of `certificate_sha256` or `certificate_subjects`"
    ),
}
