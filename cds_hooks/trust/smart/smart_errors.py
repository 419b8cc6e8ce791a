"""Why a launch does not lead to a page. Reasons are stable words; no token is in them."""

from __future__ import annotations

from enum import StrEnum

from cds_hooks.errors import ChartsideError

__all__ = ["LaunchRefusal", "LaunchRefused", "LaunchUnusable"]


class LaunchRefusal(StrEnum):
    """What was wrong with a launch; it goes into log, ledger and page."""

    FORM = "launch-malformed"
    SERVER = "launch-server-not-listed"
    CODE = "launch-code-refused"
    NO_ID_TOKEN = "launch-id-token-missing"  # noqa: S105 - the name of a refusal
    NO_USER = "launch-user-missing"
    USER_KIND = "launch-user-no-clinician"
    USER_ELSEWHERE = "launch-user-of-another-server"
    NO_PATIENT = "launch-patient-missing"
    OTHER_PATIENT = "launch-card-of-another-patient"


class LaunchRefused(ChartsideError):
    """The launch did not say who reads, or of which patient. `reason` is one of ours or of an ID
    token's; `add` are lines for the settings."""

    status = 403
    issue = "forbidden"
    page_text = "launch-refused"

    def __init__(self, reason: StrEnum, add: str = "") -> None:
        super().__init__("the launch was refused", hint="Start again from the EHR.")
        self.reason = reason
        self.code = reason.value
        self.add = add


class LaunchUnusable(ChartsideError):
    """The EHR's authorization server cannot be reached, or says what cannot be used."""

    code = "launch-server-unusable"
    status = 503
    issue = "transient"

    def __init__(self, message: str, *, hint: str = "", add: str = "") -> None:
        super().__init__(message, where=".well-known/smart-configuration", hint=hint)
        self.add = add
