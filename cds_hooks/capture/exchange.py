"""One call and its answer, as they passed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

__all__ = ["CallKind", "Exchange", "kind_of"]

_PATH = re.compile(r".*?/cds-services(?:/([A-Za-z0-9._-]{1,64})(/feedback)?)?/?")


class CallKind(StrEnum):
    """Which call of CDS Hooks it is; no other call is written."""

    HOOK = "hook"
    FEEDBACK = "feedback"
    DISCOVERY = "discovery"


@dataclass(frozen=True, slots=True)
class Exchange:
    """`request` and `response` are bodies, decoded; a body past the bound is None. `when` is UTC.

    No header is here: what is not here cannot be written.
    """

    kind: CallKind
    service: str
    when: datetime
    status: int
    duration_ms: float
    request: bytes | None = field(repr=False)
    response: bytes | None = field(repr=False)


def kind_of(method: str, path: str) -> tuple[CallKind, str] | None:
    """Which call a path is, and the id of the service; None for what is no call of CDS Hooks."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    service, feedback = match[1] or "", match[2]
    if not service:
        return (CallKind.DISCOVERY, "") if method == "GET" else None
    if method != "POST":
        return None
    return (CallKind.FEEDBACK if feedback else CallKind.HOOK), service
