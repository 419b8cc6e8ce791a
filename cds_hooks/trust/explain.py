"""A token told step by step, for who has to find out why it was refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cds_hooks.trust.client import Client
from cds_hooks.trust.errors import Refusal, TokenRefused
from cds_hooks.trust.keys import KeySet
from cds_hooks.trust.token import parse_token
from cds_hooks.trust.verify import CHECKS, Case, case_of

__all__ = ["Step", "explain"]

_NEEDS_CLIENT = frozenset(
    {
        Refusal.ALGORITHM_OF_CLIENT,
        Refusal.KEY_URL,
        Refusal.KEY,
        Refusal.AUDIENCE,
        Refusal.LIFETIME,
        Refusal.TENANT,
        Refusal.CERTIFICATE,
    }
)
_NEEDS_KEY = frozenset({Refusal.KEY_TYPE, Refusal.SIGNATURE})


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


def _step(reason: Refusal, holds: Callable[[Case], bool], case: Case) -> Step:
    name = reason.value.removeprefix("token-")
    if (reason in _NEEDS_CLIENT and case.client is None) or (
        reason in _NEEDS_KEY and case.key is None
    ):
        return Step(name, "SKIP", "the client or key is not known")
    bound = case.client is not None and case.client.is_bound
    if reason is Refusal.CERTIFICATE and bound and not case.certificate:
        return Step(name, "SKIP", "the client is bound to a certificate, and none was given here")
    if holds(case):
        return Step(name, "PASS", _HOLDS[reason])
    return Step(name, "FAIL", _WHY[reason])


_HOLDS = {
    Refusal.TYPE: "typ is JWT",
    Refusal.ALGORITHM: "alg is an asymmetric one",
    Refusal.CRITICAL: "nothing in the header changes what the token is",
    Refusal.KEY_IN_HEADER: "the header brings no key",
    Refusal.KEY_ID: "kid names a key",
    Refusal.ISSUER: "iss is a configured client",
    Refusal.ALGORITHM_OF_CLIENT: "alg is one that this client may use",
    Refusal.KEY_URL: "jku is absent or the client's own",
    Refusal.KEY: "kid is in the client's key set",
    Refusal.KEY_TYPE: "the key is of this algorithm",
    Refusal.SIGNATURE: "the signature is the key's",
    Refusal.AUDIENCE: "aud is this endpoint",
    Refusal.TIMES: "exp, iat and nbf are numbers",
    Refusal.EXPIRED: "exp lies ahead",
    Refusal.FUTURE: "iat lies behind",
    Refusal.NOT_YET: "nbf lies behind",
    Refusal.LIFETIME: "exp - iat is within the client's bound",
    Refusal.TENANT: "the tenant is one of the client's",
    Refusal.TOKEN_ID: "jti is there",
    Refusal.CERTIFICATE: "the client is bound to no certificate, or to the one that was shown",
}

_WHY = {
    Refusal.MISSING: "there is no token",
    Refusal.TOO_LONG: "the token has more than 8192 characters",
    Refusal.FORM: "it is not three base64url parts with dots between them, and nothing else",
    Refusal.ENCODING: "a part is not base64url without padding, in its one spelling",
    Refusal.JSON: "header or claims are no JSON object, or name a member twice",
    Refusal.TYPE: "typ must be JWT, in capitals",
    Refusal.ALGORITHM: "alg is none, symmetric, or unknown",
    Refusal.CRITICAL: "crit, b64, zip, enc, cty or epk in the header: not a plain signed token",
    Refusal.KEY_IN_HEADER: "jwk, x5u or x5c in the header: a token may not bring its own key",
    Refusal.KEY_ID: "kid is missing or no text",
    Refusal.ISSUER: "no [[clients]] entry has this iss, letter for letter (case, last slash)",
    Refusal.ALGORITHM_OF_CLIENT: "alg is not in the client's `algorithms`",
    Refusal.KEY_URL: "jku is not the client's `jku`, letter for letter; set it if it is right",
    Refusal.KEY: "no usable key of the client's set has this kid: rotated, or passed over",
    Refusal.KEY_TYPE: "the key with this kid is of another algorithm or curve",
    Refusal.SIGNATURE: "the signature is not the key's: changed on the way, or another key",
    Refusal.AUDIENCE: "aud is not server.public_url and this path; or set the client's `audiences`",
    Refusal.TIMES: "exp or iat is missing, or one of exp, iat, nbf is no number of seconds",
    Refusal.EXPIRED: "exp is past, beyond the leeway: look at both clocks",
    Refusal.FUTURE: "iat is ahead, beyond the leeway: look at both clocks",
    Refusal.NOT_YET: "nbf is ahead, beyond the leeway: look at both clocks",
    Refusal.LIFETIME: "exp - iat is not above 0, or above the client's `max_lifetime_s`",
    Refusal.TENANT: "the tenant is missing or not in the client's `tenants`",
    Refusal.TOKEN_ID: "jti is missing, empty or too long",
    Refusal.CERTIFICATE: "the certificate is none of the client's `certificates` or `subjects`",
}
