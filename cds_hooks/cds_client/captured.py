"""A captured exchange: a CDS Hooks call as an EHR sent it, and what was answered.

Taken are the bare request and our own envelope around it (docs/integrators/capture-and-replay.md):
`{"format": FORMAT, "version": 1, "request": {...}}`, where `response` and the rest may be missing.
An access token in it is never used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.errors import ChartsideError

__all__ = [
    "FORMAT",
    "LARGEST",
    "VERSION",
    "CaptureUnusable",
    "CapturedExchange",
    "captured_exchange",
    "captured_request",
    "read_capture",
    "resources_of",
]

FORMAT = "chartside-captured-request"
VERSION = 1
LARGEST = 64 * 2**20
"""Bytes of a file that is read as a capture."""

_MARK = FORMAT.encode()
_BEGINNING = 4096
_AGAIN = "Capture it again: chartside capture --help."


class CaptureUnusable(ChartsideError):
    """A file of a captured request that this version cannot read."""

    code = "capture-unusable"
    status = 400


@dataclass(frozen=True, slots=True)
class CapturedExchange:
    """`request` is the hook's, without a token; `response` what was answered, None where that is
    not known or was no JSON object. `when` is the moment of the call, shifted as its dates are.
    `served_by` has versions and digests of what answered, where they were told."""

    request: Mapping[str, Any] = field(repr=False)
    response: Mapping[str, Any] | None = field(default=None, repr=False)
    service: str = ""
    when: datetime | None = None
    redacted: bool = False
    served_by: Mapping[str, str] = field(default_factory=dict)


def read_capture(path: Path) -> CapturedExchange | None:
    """The capture in a file; None where it holds something else, or cannot be read.

    Raises CaptureUnusable for a capture that is of another version, cut off, or too large.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
            marked, size = _MARK in beginning, path.stat().st_size
            if marked and size > LARGEST:
                message = f"the capture has more than {LARGEST} bytes"
                raise CaptureUnusable(message, where=path.name, hint=_AGAIN)
            whole = beginning + (file.read(LARGEST) if size <= LARGEST else b"")
    except OSError:
        return None
    try:
        document = orjson.loads(whole)
    except ValueError:
        if marked:
            message = "the capture is no JSON: it is cut off or was changed"
            raise CaptureUnusable(message, where=path.name, hint=_AGAIN) from None
        return None
    return captured_exchange(document, where=path.name)


def captured_request(document: Any, *, where: str) -> dict[str, Any] | None:
    """The hook request in a JSON document; None when it is none (a FHIR resource, say).

    `where` names the file in errors. Raises CaptureUnusable for one of another version.
    """
    found = captured_exchange(document, where=where)
    return None if found is None else dict(found.request)


def captured_exchange(document: Any, *, where: str) -> CapturedExchange | None:
    """The exchange in a JSON document; None when it is none (a FHIR resource, say).

    `where` names the file in errors. Raises CaptureUnusable for one of another version.
    """
    if not isinstance(document, dict) or "resourceType" in document:
        return None
    envelope: Mapping[str, Any] = {}
    if document.get("format") == FORMAT:
        envelope, document = document, _unwrapped(document, where)
    if not isinstance(document.get("hook"), str):
        return None
    context = document.get("context")
    if not isinstance(context, dict) or not isinstance(context.get("patientId"), str):
        hint = "It needs context.patientId, as since CDS Hooks 1.0: capture the hook again."
        message = "the captured request names no patient in its context"
        raise CaptureUnusable(message, where=where, hint=hint)
    request = {name: value for name, value in document.items() if name != "fhirAuthorization"}
    return _exchange(request, envelope)


def _exchange(request: Mapping[str, Any], envelope: Mapping[str, Any]) -> CapturedExchange:
    response, told = envelope.get("response"), envelope.get("served_by")
    service = envelope.get("service")
    return CapturedExchange(
        request=request,
        response=response if isinstance(response, dict) else None,
        service=service if isinstance(service, str) else "",
        when=_moment(envelope.get("captured")),
        redacted=envelope.get("redacted") is True,
        served_by={name: value for name, value in told.items() if isinstance(value, str)}
        if isinstance(told, dict)
        else {},
    )


def _moment(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _require_hook(document: Mapping[str, Any], where: str) -> None:
    """Raises CaptureUnusable for the capture of another call."""
    kind = document.get("kind", "hook")
    if kind != "hook":
        told = kind if kind in ("feedback", "discovery") else "another call"
        hint = 'Give the file of a hook: its `kind` is "hook".'
        raise CaptureUnusable(f"the capture is of {told}, not of a hook", where=where, hint=hint)


def _unwrapped(document: Mapping[str, Any], where: str) -> dict[str, Any]:
    version, request = document.get("version"), document.get("request")
    if version != VERSION or isinstance(version, bool):
        told = version if isinstance(version, int) else "unknown"
        hint = f"Version {VERSION} is read here: capture it again, or use what wrote it."
        raise CaptureUnusable(f"the capture is of version {told}", where=where, hint=hint)
    _require_hook(document, where)
    if not isinstance(request, dict):
        hint = "It needs the member request, the hook request itself."
        raise CaptureUnusable("the capture holds no request", where=where, hint=hint)
    return request


def resources_of(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every FHIR resource of a hook request: of its prefetch, then of its context."""
    prefetch = request.get("prefetch")
    values = [*(prefetch.values() if isinstance(prefetch, dict) else ()),
              *request["context"].values()]  # fmt: skip
    return [resource for value in values for resource in _resources(value)]


def _resources(value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, dict):
        return
    kind = value.get("resourceType")
    if kind == "Bundle":
        entries = value.get("entry")
        for entry in entries if isinstance(entries, list) else []:
            yield from _resources(entry.get("resource") if isinstance(entry, dict) else None)
    elif isinstance(kind, str) and kind != "OperationOutcome":
        yield value
