"""Why a call is not let in. The caller hears nothing of it; log and ledger do."""

from __future__ import annotations

from enum import StrEnum

from cds_hooks.errors import ChartsideError

__all__ = [
    "KeysUnusable",
    "RateLimited",
    "TokenRefusal",
    "UnauthenticatedRateLimited",
    "TokenRefused",
]


class TokenRefusal(StrEnum):
    """Stable reasons, in the order in which they are looked for."""

    MISSING = "token-missing"
    HEADER = "token-header-repeated"
    SCHEME = "token-scheme"
    TOO_LONG = "token-too-long"
    FORM = "token-form"
    ENCODING = "token-encoding"
    JSON = "token-not-json"
    TYPE = "token-type"
    ALGORITHM = "token-algorithm"
    CRITICAL = "token-critical-header"
    KEY_IN_HEADER = "token-brings-key"
    KEY_ID = "token-key-id"
    ISSUER = "token-issuer-unknown"
    ALGORITHM_OF_CLIENT = "token-algorithm-not-of-client"
    KEY_URL = "token-key-url-foreign"
    KEY = "token-key-unknown"
    KEY_TYPE = "token-key-of-other-algorithm"
    SIGNATURE = "token-signature"
    AUDIENCE = "token-audience"
    TIMES = "token-times"
    EXPIRED = "token-expired"
    FUTURE = "token-issued-in-future"
    NOT_YET = "token-not-yet-valid"
    LIFETIME = "token-lifetime"
    TENANT = "token-tenant"
    TOKEN_ID = "token-id"  # noqa: S105 - a reason, not a token
    BEFORE_RESTORE = "token-issued-before-restore"
    REPLAYED = "token-replayed"
    CERTIFICATE = "token-certificate"


class TokenRefused(ChartsideError):
    """A bare 401. `code` is the reason's; `client` the site's name of a known issuer."""

    status = 401
    issue = "login"

    def __init__(self, reason: TokenRefusal, client: str = "") -> None:
        super().__init__("the call is not let in", hint="See `chartside doctor token --help`.")
        self.code = reason.value
        self.reason = reason
        self.client = client


class RateLimited(ChartsideError):
    """A known client calls more often than the site lets it."""

    code = "client-rate-limited"
    status = 429
    issue = "throttled"

    def __init__(self, client: str, retry_after_s: int) -> None:
        super().__init__("this client calls more often than it may", hint="See Retry-After.")
        self.client = client
        self.retry_after_s = retry_after_s


class UnauthenticatedRateLimited(ChartsideError):
    """An address makes more calls without a good token than the site lets it.

    429 and not the bare 401 of a refused token: no token was looked at, so that the answer tells
    nothing of one, and an EHR behind the same address learns to come back instead of that its
    credentials are bad.
    """

    code = "stranger-rate-limited"
    status = 429
    issue = "throttled"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("too many calls without a good token", hint="See Retry-After.")
        self.retry_after_s = retry_after_s


class KeysUnusable(ChartsideError):
    """A client's key set cannot be read, or holds no key that may be used."""

    code = "client-keys-unusable"
    status = 400
