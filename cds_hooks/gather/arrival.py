"""What came under a prefetch key, in words from a closed list: never a word of what was sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["NOT_SENT", "OTHER_TYPE", "OTHER_TYPES", "UNREADABLE", "arrival", "outcome_arrival"]

NOT_SENT = "not-sent"
OTHER_TYPE = "resource-of-another-type"
OTHER_TYPES = "bundle-of-other-types"
UNREADABLE = "bundle-unreadable"

_HTML = re.compile(r"\s*(?:<!doctype\s+html|<html|<\?xml|<head|<body)", re.IGNORECASE)
# The codes of FHIR R4's value set issue-type (hl7.org/fhir/R4/valueset-issue-type.html).
_ISSUES = frozenset({
    "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown",
    "expired", "forbidden", "suppressed", "processing", "not-supported", "duplicate",
    "multiple-matches", "not-found", "deleted", "too-long", "code-invalid", "extension",
    "too-costly", "business-rule", "conflict", "transient", "lock-error", "no-store", "exception",
    "timeout", "incomplete", "throttled", "informational",
})  # fmt: skip


def arrival(value: Any) -> str:
    """What a JSON value is: "null", "text", "html", "array", "number", "boolean", "resource",
    "object-without-resource-type" or "operation-outcome" with its issue codes."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, str):
        return "html" if _HTML.match(value) else "text"
    if isinstance(value, list):
        return "array"
    return "boolean" if isinstance(value, bool) else "number"


def _object(value: dict[str, Any]) -> str:
    kind = value.get("resourceType")
    if not isinstance(kind, str) or not kind:
        return "object-without-resource-type"
    if kind == "OperationOutcome":
        return outcome_arrival([value])
    return "resource"


def outcome_arrival(outcomes: Iterable[Any]) -> str:
    """ "operation-outcome" with the issue codes that FHIR defines, each once."""
    codes = dict.fromkeys(c for outcome in outcomes for c in _codes(outcome))
    return " ".join(["operation-outcome", *codes])


def _codes(outcome: Any) -> list[str]:
    issues = outcome.get("issue") if isinstance(outcome, dict) else None
    listed = issues if isinstance(issues, list) else []
    codes = [issue.get("code") for issue in listed if isinstance(issue, dict)]
    return [code for code in codes if isinstance(code, str) and code in _ISSUES]
