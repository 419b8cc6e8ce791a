"""What gathering gives: the patient's resources, the state of each prefetch key, and notes.

A note says why something is missing or was set aside, by key and code, never by content.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cds_hooks.consultation import KeyArrival, KeyState
from cds_hooks.errors import ChartsideError

__all__ = ["GatherNote", "GatherResult", "NoteCode", "PatientUnavailable", "Resource"]

Resource = dict[str, Any]


class NoteCode(StrEnum):
    """Stable codes; what happened to a key or to some of its resources."""

    # Why nothing could be asked of the FHIR server.
    SERVER_MISSING = "fhir-server-missing"
    SERVER_NOT_ALLOWED = "fhir-server-not-allowed"
    ACCESS_TOKEN_UNUSABLE = "access-token-unusable"  # noqa: S105
    TOKEN_MISSING = "template-token-missing"  # noqa: S105
    TOKEN_UNKNOWN = "template-token-unknown"  # noqa: S105
    TOKEN_REFUSED = "template-token-refused"  # noqa: S105

    # What the client put under a key.
    ERROR_OUTCOME = "error-outcome"
    WARNING_OUTCOME = "warning-outcome"
    WRONG_TYPE = "wrong-resource-type"
    NOT_A_RESOURCE = "not-a-resource"
    ENTRY_UNREADABLE = "entry-unreadable"
    UNKNOWN_KEY = "unknown-key"
    MORE_PAGES = "more-pages"
    FEWER_THAN_TOTAL = "fewer-than-total"

    # Whose record it is.
    OTHER_PATIENT = "other-patient"
    SUBJECT_MISSING = "subject-missing"

    # What the FHIR server answered.
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not-found"
    GONE = "gone"
    RATE_LIMITED = "rate-limited"
    REQUEST_REFUSED = "request-refused"
    SERVER_ERROR = "server-error"
    REDIRECTED = "redirected"
    UNREACHABLE = "unreachable"
    UNTRUSTED = "certificate-refused"
    CONNECTION_LOST = "connection-lost"
    TIMEOUT = "timeout"
    DEADLINE = "deadline"
    TOO_LARGE = "too-large"
    COMPRESSED = "compressed"
    HTML = "html"
    JSON_INVALID = "json-invalid"
    JSON_TOO_DEEP = "json-too-deep"
    LINK_REFUSED = "link-refused"
    LINK_REPEATS = "link-repeats"
    PAGE_LIMIT = "page-limit"
    RESOURCE_LIMIT = "resource-limit"
    REFERENCE_LIMIT = "reference-limit"


@dataclass(frozen=True, slots=True)
class GatherNote:
    """`key` is a prefetch key of ours, `?` for a client's own, `Medication` for references.

    `count` is how many resources, or reads, it is about.
    """

    key: str
    code: NoteCode
    count: int = 1


@dataclass(frozen=True, slots=True)
class GatherResult:
    """Resources as parsed, each once, all of this patient or of nobody (a Medication).

    `states` has every key that was asked for. `fhir_version` is what the server's
    CapabilityStatement says ("4.0.1"), None when no server was asked. When the client sent
    null for the patient there is no Patient among the resources. `arrivals` tells of each key that
    is not there whole what came instead.
    """

    resources: tuple[Resource, ...]
    states: Mapping[str, KeyState]
    notes: tuple[GatherNote, ...] = ()
    fhir_version: str | None = None
    arrivals: Mapping[str, KeyArrival] = field(default_factory=dict)

    def notes_of(self, key: str) -> tuple[NoteCode, ...]:
        """The codes noted for one key."""
        return tuple(note.code for note in self.notes if note.key == key)


# FHIR R4 value set issue-type (hl7.org/fhir/R4/valueset-issue-type.html), by why it failed.
_ISSUES: Mapping[NoteCode, str] = {
    NoteCode.UNAUTHORIZED: "login",
    NoteCode.FORBIDDEN: "forbidden",
    NoteCode.NOT_FOUND: "not-found",
    NoteCode.GONE: "deleted",
    NoteCode.TIMEOUT: "timeout",
    NoteCode.DEADLINE: "timeout",
    NoteCode.RATE_LIMITED: "throttled",
    NoteCode.OTHER_PATIENT: "conflict",
}

_HINTS: Mapping[NoteCode, str] = {
    NoteCode.SERVER_MISSING: "Send this prefetch key, or fhirServer with fhirAuthorization.",
    NoteCode.SERVER_NOT_ALLOWED: "Send this prefetch key, or have the site allow the FHIR server.",
    NoteCode.OTHER_PATIENT: "The record's id must be context.patientId.",
}
_SENT_HINT = "Send a FHIR Patient under this key, or leave it out and send fhirServer."
_REFUSED_HINT = "The client's own read failed: check the access with which it reads this template."


class PatientUnavailable(ChartsideError):
    """The patient's record is in neither prefetch nor reach: 412 (CDS Hooks 2.0.1, Prefetch).

    `reason` is the note code of the patient's key, from which `issue` follows; `arrived` is what
    the client sent under it, "" when it sent nothing or a Patient that is not to be used.
    """

    code = "patient-unavailable"
    status = 412
    issue = "required"

    def __init__(self, key: str, reason: NoteCode, arrived: str = "") -> None:
        hint = _HINTS.get(reason, "Send this prefetch key, or check access to the FHIR server.")
        message = f"the patient cannot be had ({reason.value})"
        if arrived:
            message = f"{message}; what was sent: {arrived}"
            hint = _REFUSED_HINT if arrived.startswith("operation-outcome") else _SENT_HINT
        super().__init__(message, where=f"prefetch.{key}", hint=hint)
        self.reason = reason
        self.issue = _ISSUES.get(reason, type(self).issue)
