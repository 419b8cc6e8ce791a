"""Why somebody is not signed in. Reasons are stable words; no token and no claim is in them."""

from __future__ import annotations

from enum import StrEnum

from cds_hooks.errors import ChartsideError

__all__ = ["ProviderUnusable", "SignInRefusal", "SignInRefused"]


class SignInRefusal(StrEnum):
    """What was wrong; it goes into log, ledger and page."""

    RETURN = "return-malformed"
    STATE = "state-unknown"
    BROWSER = "another-browser"
    ISSUER_OF_RETURN = "return-from-another-issuer"
    DENIED = "provider-refused"
    CODE = "code-refused"
    NO_ID_TOKEN = "id-token-missing"  # noqa: S105 - the name of a refusal
    FORM = "id-token-malformed"
    ALGORITHM = "id-token-algorithm"
    OTHER_FORM = "id-token-other-form"
    KEY_IN_HEADER = "id-token-brings-key"
    KEY = "id-token-key-unknown"
    SIGNATURE = "id-token-signature"
    ISSUER = "id-token-issuer"
    AUDIENCE = "id-token-audience"
    PARTY = "id-token-authorized-party"
    TIMES = "id-token-times"
    EXPIRED = "id-token-expired"
    FUTURE = "id-token-from-future"
    OLD = "id-token-old"
    NONCE = "id-token-nonce"
    SUBJECT = "id-token-subject"


class SignInRefused(ChartsideError):
    """Somebody did not prove who they are."""

    status = 403
    issue = "forbidden"

    def __init__(self, reason: SignInRefusal) -> None:
        super().__init__("the sign-in was refused", hint="Begin again at the sign-in page.")
        self.reason = reason
        self.code = reason.value


class ProviderUnusable(ChartsideError):
    """The identity provider cannot be reached, or says what cannot be used."""

    code = "provider-unusable"
    status = 503
    issue = "transient"

    def __init__(self, message: str, *, hint: str = "") -> None:
        told = hint or "Look at openid.issuer and the egress list, and at the provider itself."
        super().__init__(message, where="openid.issuer", hint=told)
